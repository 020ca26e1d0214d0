import { ActivationId, FormatId } from "../../records/kernel_id";
import { Address } from "../common/fields";

/** Arguments of `linear`, as they lie in the record. */
// @ts-ignore: decorator
@unmanaged
export class LinearArguments {
  /** [rows, inSize]; with a quantized weight what `quantizeInputs` made of it. */
  x: Address;
  /** [outSize, inSize], in its format. */
  weight: Address;
  /** [outSize], or 0. */
  bias: Address;
  /** [rows, outSize]. */
  out: Address;
  rows: i32;
  inSize: i32;
  outSize: i32;
  format: FormatId;
  activation: ActivationId;
}

/** The bias from a column on; 0 if there is none. */
// @ts-ignore: decorator
@inline
export function biasAt(a: LinearArguments, column: i32): usize {
  return a.bias ? a.bias + (<usize> column << 2) : 0;
}
