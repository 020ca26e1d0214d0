import { shareStart } from "../common/split";
import { activateValues } from "./activation";

/** Arguments: x, out, values, activation. */
export function activate(args: usize, thread: i32, threads: i32, scratch: usize): void {
  const x: usize = load<u32>(args);
  const out: usize = load<u32>(args, 4);
  const count = load<i32>(args, 8);
  const from = shareStart(count, thread, threads);
  const to = shareStart(count, thread + 1, threads);
  activateValues(x + (<usize> from << 2), out + (<usize> from << 2), to - from, load<i32>(args, 12));
}
