/**
 * The rows of the cache that texts share. A row keeps the keys and values of its last text until another one takes it,
 * so that a text which begins as an earlier one need not be computed from its beginning.
 *
 * @module
 */

import type { TextJob } from "./text_job.ts";

/** A row of the cache. */
export interface Slot {
  /** Its index. */
  readonly row: number;
  /** The tokens whose keys and values it holds. */
  readonly tokens: number[];
  /** The text that has it, if one does. */
  job: TextJob | undefined;
  /** When it was last taken. */
  taken: number;
}

/** The rows of one cache. */
export class Slots {
  readonly all: readonly Slot[];
  #takes = 0;

  /** @param count How many there are. */
  constructor(count: number) {
    this.all = Array.from({ length: count }, (_, row): Slot => ({ row, tokens: [], job: undefined, taken: 0 }));
  }

  /** Those that texts have. */
  get taken(): Slot[] {
    return this.all.filter(({ job }) => job !== undefined);
  }

  /**
   * Gives a text a row: the free one that begins most like it, else the one that has been free for longest. Undefined
   * where none is free.
   */
  take(job: TextJob): Slot | undefined {
    const free = this.all.filter((slot) => slot.job === undefined);
    const [best] = free.toSorted((a, b) =>
      commonLength(b.tokens, job.tokens) - commonLength(a.tokens, job.tokens) || a.taken - b.taken
    );
    if (!best) return undefined;
    best.job = job;
    best.taken = ++this.#takes;
    return best;
  }

  /** The row that begins most like a text, and for how many tokens. */
  closest(tokens: readonly number[]): { readonly slot: Slot; readonly length: number } | undefined {
    const [best] = this.all
      .map((slot) => ({ slot, length: commonLength(slot.tokens, tokens) }))
      .toSorted((a, b) => b.length - a.length);
    return best;
  }

  /** Forgets what the rows hold. */
  forget(): void {
    for (const { tokens } of this.all) tokens.length = 0;
  }
}

/** For how many tokens two texts are the same from the beginning on. */
export function commonLength(a: readonly number[], b: readonly number[]): number {
  const most = Math.min(a.length, b.length);
  let length = 0;
  while (length < most && a[length] === b[length]) length += 1;
  return length;
}
