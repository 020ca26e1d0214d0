/**
 * Another format for a model's weights.
 *
 * @module
 */

import type { WeightFormat } from "../backend/memory.ts";
import type { Model } from "./model.ts";

/**
 * Changes the format of a model in place: matrices and the token embedding; norms, biases and absolute positions stay
 * in f32. Each matrix is converted and its old memory freed before the next, so that memory holds little more than the
 * model. Values are rounded from what the model holds: from q8_0 to f32 they stay those of q8_0. (`load` and `create`
 * with `dtype` round from the original values.)
 *
 * Rows are cut into GGML's blocks of 32 values (q8_0, q4_0); one that ends inside a block is padded with zeros, which
 * changes no value.
 *
 * @param dtype The new format.
 * @param options Signal ends it between two matrices.
 * @returns The same model.
 * @throws {ConfigError} For a format that the model's backend has not.
 * @throws {OutOfMemoryError} Where a converted matrix does not fit beside its original.
 * @throws If the signal's reason; after any failure the matrices done stay converted, and the model can be used.
 *
 * @example
 * ```ts
 * import { Andromeda, quantize } from "../mod.ts";
 *
 * const model = await Andromeda.load("examples/shakespeare", { dtype: "f32" });
 * const before = model.backend.memory().bytesInUse;
 * await quantize(model, "q8_0");
 * console.log(model.backend.memory().bytesInUse < before / 3); // true
 * model.dispose();
 * ```
 *
 * @category Weights
 */
export async function quantize<M extends Model>(
  model: M,
  dtype: WeightFormat,
  options: { readonly signal?: AbortSignal | undefined } = {},
): Promise<M> {
  for (const parameter of model.parameters.byName.values()) {
    options.signal?.throwIfAborted();
    if (parameter.kind !== "matrix" || parameter.format === dtype) continue;
    const old = await parameter.move(model.backend, dtype);
    old.dispose();
  }
  return model;
}
