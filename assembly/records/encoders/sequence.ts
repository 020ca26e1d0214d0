/**
 * Records of operations that copy rows of bytes.
 *
 * @module
 */

import * as record from "../../generated/records.ts";
import { addressOf, type Encoders } from "./encoder.ts";

/** Encoders of operations that copy rows of bytes. */
export const sequence = {
  concat({ parts, out }, recorder) {
    const [rows = 0, n = 0, width = 0] = out.shape;
    const toStride = n * width * 4;
    let to = addressOf(out);
    for (const part of parts) {
      const bytes = (part.shape[1] ?? 0) * width * 4;
      const fromStride = part.shape[0] === 1 ? 0 : bytes;
      record.copyRows(recorder, { from: addressOf(part), fromStride, to, toStride, bytes, rows });
      to += bytes;
    }
  },
  clone({ x, out }, recorder) {
    const [from, to, { bytes }] = [addressOf(x), addressOf(out), x.storage];
    record.copyRows(recorder, { from, fromStride: 0, to, toStride: 0, bytes, rows: 1 });
  },
  slice({ x, from: first, out }, recorder) {
    const [, n = 0, width = 0] = x.shape;
    const [rows = 0, count = 0] = out.shape;
    const from = addressOf(x) + first * width * 4;
    const bytes = count * width * 4;
    record.copyRows(recorder, {
      from,
      fromStride: n * width * 4,
      to: addressOf(out),
      toStride: bytes,
      bytes,
      rows,
    });
  },
} satisfies Partial<Encoders>;
