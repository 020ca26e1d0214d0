/**
 * Andromeda: transformers wherever JavaScript runs, on WebAssembly SIMD and on WebGPU.
 *
 * @example
 * ```ts
 * import { Andromeda } from "./mod.ts";
 *
 * const model = await Andromeda.create({
 *   numTokens: 256,
 *   maxSeqLen: 64,
 *   dim: 64,
 *   depth: 2,
 *   heads: 4,
 *   dimHead: 32,
 *   alibiNumHeads: 2,
 * });
 * const logits = model.forward([1, 2, 3, 4, 5]);
 * console.log(logits.shape); // [ 1, 5, 256 ]
 * logits.dispose();
 * model.dispose();
 * ```
 *
 * @module
 */
export * from "./data/mod.ts";
export * from "./models/mod.ts";
