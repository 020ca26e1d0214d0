/**
 * Records of operations that move positions about.
 *
 * @module
 */

import { Kernel } from "../kernel_id.ts";
import { addressOf, type Encoders } from "./encoder.ts";

type Op = "maskRows" | "shiftTokens" | "gatherRows" | "concat" | "clone" | "slice" | "meanPool" | "patches";

/** Encoders of operations that move positions about. */
export const sequence: Pick<Encoders, Op> = {
  maskRows({ x, mask, out }, recorder) {
    recorder.push(Kernel.maskRows, addressOf(x), addressOf(mask), addressOf(out), x.rows, x.width * 4);
  },
  shiftTokens({ x, shifts, previous, out }, recorder) {
    const [, n = 0, width = 0] = x.shape;
    const sizes = [x.rows, n, previous?.shape[1] ?? 0, width];
    const addresses = [addressOf(x), addressOf(previous), addressOf(out)];
    recorder.push(Kernel.shiftTokens, ...addresses, ...sizes, shifts.length, ...shifts);
  },
  gatherRows({ x, indices, out }, recorder) {
    const addresses = [addressOf(x), addressOf(indices), addressOf(out)];
    recorder.push(Kernel.gatherRows, ...addresses, indices.size, x.rows, x.width * 4);
  },
  concat({ parts, out }, recorder) {
    const [b = 0, n = 0, width = 0] = out.shape;
    let to = addressOf(out);
    for (const part of parts) {
      const bytes = (part.shape[1] ?? 0) * width * 4;
      const stride = part.shape[0] === 1 ? 0 : bytes;
      recorder.push(Kernel.copyRows, addressOf(part), stride, to, n * width * 4, bytes, b);
      to += bytes;
    }
  },
  clone({ x, out }, recorder) {
    recorder.push(Kernel.copyRows, addressOf(x), 0, addressOf(out), 0, x.storage.bytes, 1);
  },
  slice({ x, from, out }, recorder) {
    const [, n = 0, width = 0] = x.shape;
    const [b = 0, count = 0] = out.shape;
    const bytes = count * width * 4;
    recorder.push(Kernel.copyRows, addressOf(x) + from * width * 4, n * width * 4, addressOf(out), bytes, bytes, b);
  },
  meanPool({ x, out }, recorder) {
    const [b = 0, n = 0, width = 0] = x.shape;
    recorder.push(Kernel.meanPool, addressOf(x), addressOf(out), b, n, width);
  },
  patches({ images, patchSize, out }, recorder) {
    recorder.push(Kernel.patches, addressOf(images), addressOf(out), ...images.shape, patchSize);
  },
};
