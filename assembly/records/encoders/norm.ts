/**
 * Records of norms and rotary positions.
 *
 * @module
 */

import { floatBits } from "../command_list.ts";
import { Kernel } from "../kernel_id.ts";
import { addressOf, type Encoders } from "./encoder.ts";

/** Encoders of norms and rotary positions. */
export const norm: Pick<Encoders, "layerNorm" | "l2Norm" | "rotary"> = {
  layerNorm({ x, gain, gainOffset, bias, eps, out }, recorder) {
    const parameters = [addressOf(gain), floatBits(gainOffset), addressOf(bias), floatBits(eps)];
    recorder.push(Kernel.layerNorm, addressOf(x), ...parameters, addressOf(out), x.rows, x.width);
  },
  l2Norm({ x, groups, gain, gainOffset, factor, eps, squareEps, out }, recorder) {
    const width = x.width / groups;
    const isSingle = gain?.size === 1;
    const gainStride = gain?.size === x.width ? width * 4 : 0;
    const sizes = [x.rows * groups, width, groups];
    const constants = [gainOffset, factor, eps, squareEps].map(floatBits);
    recorder.push(
      Kernel.l2Norm,
      ...[addressOf(x), addressOf(out), ...sizes, addressOf(gain), gainStride, Number(isSingle), ...constants],
    );
  },
  rotary({ x, table, heads, pairs, out }, recorder) {
    const sizes = [x.rows, table.rows, heads, x.width / heads, table.width];
    recorder.push(
      Kernel.rotary,
      ...[addressOf(x), addressOf(table), addressOf(out), ...sizes, Number(pairs === "adjacent")],
    );
  },
};
