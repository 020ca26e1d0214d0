/**
 * Documents end to end, cut into blocks of the same length.
 *
 * @module
 */

import { type DatasetRow, NO_DOCUMENT } from "../blocks/block.ts";

/**
 * What becomes of the tokens that are left at the end of all documents: they are dropped, padded, or kept as a shorter
 * row.
 *
 * @category Data
 */
export type Remainder = "drop" | "pad" | "keep";

/** Blocks that are being filled. */
export class Packer {
  readonly #seqLen: number;
  #inputIds: Int32Array;
  #documentIds: Int32Array;
  #filled = 0;

  /** @param seqLen Tokens of a block. */
  constructor(seqLen: number) {
    this.#seqLen = seqLen;
    this.#inputIds = new Int32Array(seqLen);
    this.#documentIds = new Int32Array(seqLen);
  }

  /**
   * Appends the tokens of a document; gives each block as it gets full, with the number of the document's tokens that
   * are in blocks by then.
   */
  *add(tokens: ArrayLike<number>): Generator<{ readonly row: DatasetRow; readonly taken: number }> {
    for (let taken = 0; taken < tokens.length;) {
      const count = Math.min(tokens.length - taken, this.#seqLen - this.#filled);
      const document = this.#filled === 0 ? 0 : (this.#documentIds[this.#filled - 1] ?? 0) + 1;
      for (let i = 0; i < count; i++) this.#inputIds[this.#filled + i] = tokens[taken + i] ?? 0;
      this.#documentIds.fill(document, this.#filled, this.#filled + count);
      this.#filled += count;
      taken += count;
      if (this.#filled === this.#seqLen) yield { row: this.#take(this.#seqLen), taken };
    }
  }

  /**
   * The block of the tokens that are left, if there is one.
   *
   * @param padId The token that pads it.
   */
  end(remainder: Remainder, padId: number): DatasetRow | undefined {
    const filled = this.#filled;
    if (filled === 0 || remainder === "drop") return undefined;
    if (remainder === "keep") return this.#take(filled);
    this.#inputIds.fill(padId, filled);
    this.#documentIds.fill(NO_DOCUMENT, filled);
    const row = this.#take(this.#seqLen);
    row.attentionMask.fill(0, filled);
    return row;
  }

  #take(length: number): DatasetRow {
    const inputIds = this.#inputIds.subarray(0, length);
    const documentIds = this.#documentIds.subarray(0, length);
    this.#inputIds = new Int32Array(this.#seqLen);
    this.#documentIds = new Int32Array(this.#seqLen);
    this.#filled = 0;
    return { inputIds, attentionMask: new Int32Array(length).fill(1), documentIds };
  }
}
