import { PANEL } from "../../records/constants";
import { FormatId } from "../../records/kernel_id";

/*
 * How weights that are not quantized lie in memory: panels of 32 output features, [out / 32][in][32], the
 * last one filled up with zeros. A single row of input reads a panel as one stream and keeps 32 sums in 8 registers;
 * many rows take 8 of the 32 columns at a time. Panels of 8 and 16 columns gave 78 to 82 % of the read speed for one
 * row where 32 give 95 % (bench/products/linear_shapes.md).
 */

/** Panels of a weight with `out` output features. */
// @ts-ignore: decorator
@inline
export function panelCount(out: i32): i32 {
  return (out + PANEL - 1) / PANEL;
}

/** Bytes of one panel. */
// @ts-ignore: decorator
@inline
export function panelBytes(width: i32, format: i32): usize {
  return <usize> width * PANEL << (format == FormatId.f16 ? 1 : 2);
}
