/**
 * Which documents share a row, such that none is cut and little is padded.
 *
 * @module
 */

/**
 * Packs pieces into rows by best fit decreasing: the longest come first, and each goes into the row that it fills best
 * (Ding et al. 2024, "Fewer Truncations Improve Language Modeling").
 *
 * @param lengths Tokens of each piece, from 1 to `seqLen`.
 * @param seqLen Tokens of a row.
 * @returns The pieces of each row by their indices, in their order; rows are in the order of their first pieces.
 */
export function bestFit(lengths: readonly number[], seqLen: number): number[][] {
  const order = Array.from(lengths.keys()).toSorted((a, b) => (lengths[b] ?? 0) - (lengths[a] ?? 0) || a - b);
  const rows: number[][] = [];
  /** Rows by the tokens that they have room for. */
  const byRoom: number[][][] = Array.from({ length: seqLen + 1 }, () => []);
  const rooms = new NumberSet(seqLen + 1);
  for (const piece of order) {
    const length = lengths[piece] ?? 0;
    const room = rooms.next(length);
    const row = room === undefined ? [] : byRoom[room]?.pop() ?? [];
    if (room === undefined) rows.push(row);
    else if (byRoom[room]?.length === 0) rooms.delete(room);
    row.push(piece);
    const left = (room ?? seqLen) - length;
    byRoom[left]?.push(row);
    rooms.add(left);
  }
  for (const row of rows) row.sort((a, b) => a - b);
  return rows.sort(([a = 0], [b = 0]) => a - b);
}

/** A set of small numbers that finds its next one: 32 of them are looked at together. */
class NumberSet {
  readonly #words: Int32Array;

  constructor(limit: number) {
    this.#words = new Int32Array(Math.ceil(limit / 32));
  }

  add(number: number): void {
    this.#words[number >> 5] = (this.#words[number >> 5] ?? 0) | 1 << number % 32;
  }

  delete(number: number): void {
    this.#words[number >> 5] = (this.#words[number >> 5] ?? 0) & ~(1 << number % 32);
  }

  /** The least number in it that is not below `least`. */
  next(least: number): number | undefined {
    let bits = (this.#words[least >> 5] ?? 0) & -1 << least % 32;
    for (let word = least >> 5; word < this.#words.length; bits = this.#words[++word] ?? 0) {
      if (bits !== 0) return word * 32 + 31 - Math.clz32(bits & -bits);
    }
    return undefined;
  }
}
