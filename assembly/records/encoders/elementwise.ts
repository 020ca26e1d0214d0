/**
 * Records of operations on each value by itself.
 *
 * @module
 */

import { floatBits } from "../command_list.ts";
import { Kernel } from "../kernel_id.ts";
import { activationId, addressOf, type Encoders } from "./encoder.ts";

/** Encoders of elementwise operations. */
export const elementwise: Pick<Encoders, "activate" | "add"> = {
  activate({ x, activation, out }, recorder) {
    recorder.push(Kernel.activate, addressOf(x), addressOf(out), x.size, activationId(activation));
  },
  add({ x, y, scale, factor, out }, recorder) {
    const [from, other, result] = [addressOf(x), addressOf(y), addressOf(out)];
    recorder.push(Kernel.add, from, other, addressOf(scale), floatBits(factor), result, x.rows, x.width, y.rows);
  },
};
