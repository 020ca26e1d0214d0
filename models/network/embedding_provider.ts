/**
 * Who makes the table of token embeddings of a fresh Andromeda.
 *
 * @module
 */

import type { Random } from "../../common/random.ts";
import { normal } from "./random.ts";

/**
 * Makes a table of token embeddings.
 *
 * @category Models
 */
export interface EmbeddingProvider {
  /** numTokens rows of dim values, row-major. */
  createTable(numTokens: number, dim: number, random: Random): Float32Array;
}

/**
 * The documented provider: N(0, 0.02²).
 *
 * @example
 * ```ts
 * import { Andromeda, AndromedaEmbedding } from "../../mod.ts";
 *
 * // As documented, but with zeros for the padding token 0.
 * const documented = new AndromedaEmbedding();
 * const model = await Andromeda.create({
 *   numTokens: 256,
 *   maxSeqLen: 64,
 *   dim: 64,
 *   depth: 2,
 *   heads: 4,
 *   dimHead: 32,
 *   alibiNumHeads: 2,
 *   embeddingProvider: {
 *     createTable: (numTokens, dim, random) => documented.createTable(numTokens, dim, random).fill(0, 0, dim),
 *   },
 * });
 * const table = await model.stateDict().get("token_emb.emb.weight")?.data();
 * console.log(table?.slice(0, 64).every((value) => value === 0)); // true
 * model.dispose();
 * ```
 *
 * @category Models
 */
export class AndromedaEmbedding implements EmbeddingProvider {
  /** numTokens rows of dim values drawn from N(0, 0.02²). */
  createTable(numTokens: number, dim: number, random: Random): Float32Array {
    const table = new Float32Array(numTokens * dim);
    normal(0.02)(table, random);
    return table;
  }
}
