/**
 * Records of operations on weights.
 *
 * @module
 */
import { ConfigError, type DType } from "../../backend.ts";
import { PANEL } from "../constants.ts";
import { FormatId, Kernel } from "../kernel_id.ts";
import { activationId, addressOf, type Encoders } from "./encoder.ts";

/** Encoders of operations on weights. */
export const weight: Pick<Encoders, "embedding" | "linear"> = {
  embedding({ tokens, weight, out }, recorder) {
    const [ids, table, result] = [addressOf(tokens), addressOf(weight), addressOf(out)];
    const format = formatId(weight.dtype);
    recorder.push(Kernel.embedding, ids, table, result, tokens.size, weight.rows, weight.width, format);
  },
  linear({ x, weight, bias, activation, out }, recorder) {
    if (out.size === 0) return;
    const [from, matrix, result] = [addressOf(x), addressOf(weight), addressOf(out)];
    const [format, id] = [formatId(weight.dtype), activationId(activation)];
    const sizes = [out.rows, weight.width, weight.rows];
    recorder.push(Kernel.linear, from, matrix, addressOf(bias), result, ...sizes, format, id);
  },
};

/** What a record calls a weight's format. @throws {ConfigError} for one that this engine has not */
export function formatId(dtype: DType): FormatId {
  if (dtype === "f32" || dtype === "f16") return FormatId[dtype];
  throw new ConfigError(`Cannot make a weight of format ${dtype} on the wasm backend: it has f32 and f16`);
}

/** Bytes of a weight [out, in] as `kernels/panels.ts` lays it out. @throws {ConfigError} for a format that this engine has not */
export function weightBytes(out: number, inSize: number, dtype: DType): number {
  const bytes = formatId(dtype) === FormatId.f16 ? 2 : 4;
  return Math.ceil(out / PANEL) * PANEL * inSize * bytes;
}
