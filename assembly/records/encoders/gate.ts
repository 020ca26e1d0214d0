/**
 * Records of gates.
 *
 * @module
 */

import { Kernel } from "../kernel_id.ts";
import { activationId, addressOf, type Encoders } from "./encoder.ts";

/** Encoders of gates. */
export const gate: Pick<Encoders, "glu" | "multiply"> = {
  glu({ x, activation, out }, recorder) {
    recorder.push(Kernel.glu, addressOf(x), addressOf(out), out.rows, out.width, activationId(activation));
  },
  multiply({ x, y, factors, activation, out }, recorder) {
    const stride = y.shape.length === 1 ? 0 : factors * 4;
    const addresses = [addressOf(x), addressOf(y), addressOf(out)];
    recorder.push(Kernel.multiply, ...addresses, x.rows, x.width, factors, stride, activationId(activation));
  },
};
