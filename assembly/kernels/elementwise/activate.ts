import { ActivationId } from "../../records/kernel_id";
import { Tensor } from "../common/fields";
import { shareStart } from "../common/split";
import { activateValues } from "./activation";

// @ts-ignore: decorator
@unmanaged
export class ActivateArguments {
  x: Tensor;
  out: Tensor;
  size: i32;
  activation: ActivationId;
}

/** out = activation(x). */
export function activate(a: ActivateArguments, thread: i32, threads: i32, scratch: usize): void {
  const from = shareStart(a.size, thread, threads);
  const to = shareStart(a.size, thread + 1, threads);
  const offset = <usize> from << 2;
  activateValues(a.x + offset, a.out + offset, to - from, a.activation);
}
