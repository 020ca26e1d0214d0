/**
 * Who makes the table of token embeddings of a fresh Andromeda.
 *
 * @module
 */

import { normal, type Random } from "./random.ts";

/** Makes a table of token embeddings. */
export interface EmbeddingProvider {
  /** numTokens rows of dim values, row-major. */
  createTable(numTokens: number, dim: number, random: Random): Float32Array;
}

/** The documented provider: N(0, 0.02²). */
export class AndromedaEmbedding implements EmbeddingProvider {
  /** numTokens rows of dim values drawn from N(0, 0.02²). */
  createTable(numTokens: number, dim: number, random: Random): Float32Array {
    const table = new Float32Array(numTokens * dim);
    normal(0.02)(table, random);
    return table;
  }
}
