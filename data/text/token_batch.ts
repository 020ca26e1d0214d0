/**
 * Token ids of several texts as one rectangle: what a tokenizer gives and a model takes.
 *
 * @module
 */

/**
 * Token ids of b texts, padded to n tokens each.
 *
 * @category Data
 */
export interface TokenBatch {
  /** Token ids row by row: [b, n]. */
  readonly inputIds: Int32Array;
  /** 1 where `inputIds` holds a token of the text, 0 where it holds padding: [b, n]. */
  readonly attentionMask: Int32Array;
  /** Number of texts and tokens a row. */
  readonly shape: readonly [b: number, n: number];
}
