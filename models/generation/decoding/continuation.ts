/**
 * The texts that a batch continues. A text takes one row of the batch or, with guidance, two.
 *
 * @module
 */

import { guidedPairs } from "../sampling/guidance.ts";
import type { SequenceBatch } from "../sequences/sequence_batch.ts";

/** A text that is continued. Its first row holds it; further rows help to predict its tokens, and get them too. */
export class Continuation {
  /** Its rows in the batch. */
  readonly rows: readonly number[];
  readonly #batch: SequenceBatch;

  /** @param rows At least one row of the batch. */
  constructor(batch: SequenceBatch, rows: readonly number[]) {
    this.#batch = batch;
    this.rows = rows;
  }

  /** The tokens of the text. */
  get tokens(): readonly number[] {
    return this.#batch.rows[this.rows[0] ?? 0] ?? [];
  }

  /** Whether a row of it may not grow. */
  get isFull(): boolean {
    return this.rows.some((row) => this.#batch.isFull(row));
  }

  /** Whether it was ended. */
  get hasEnded(): boolean {
    return this.rows.every((row) => this.#batch.hasEnded(row));
  }

  /** Appends a token. */
  push(token: number): void {
    for (const row of this.rows) this.#batch.rows[row]?.push(token);
  }

  /** Leaves it out of the steps to come. */
  end(): void {
    for (const row of this.rows) this.#batch.end(row);
  }
}

/** The texts of a batch: one for each row or, in a guided batch, for each pair of rows. */
export function continuationsOf(batch: SequenceBatch, isGuided: boolean): Continuation[] {
  const rows = isGuided ? guidedPairs(batch.rows.length) : batch.rows.map((_, row) => [row]);
  return rows.map((each) => new Continuation(batch, each));
}
