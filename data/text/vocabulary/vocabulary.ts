/**
 * The entries of a model.
 *
 * @module
 */

import { show } from "../../../common/show.ts";
import { Columns } from "../pipeline/long_json.ts";
import { isTokenId } from "../pipeline/section.ts";
import type { Section } from "../pipeline/section.ts";

/**
 * Tokens and their ids. The texts are hashed here: a `Map` takes 500 ns to find one of 260,000 texts that was read from
 * a file, as merges are, and this takes 100.
 */
export class Vocabulary {
  readonly #names: readonly string[];
  readonly #ids: Int32Array;
  /** The place in `#names` by hash, and NONE for free slots. */
  readonly #slots: Int32Array;
  readonly #mask: number;
  /** The token of each id. */
  readonly #tokens: (string | undefined)[] = [];
  /** How many entries there are. Rust gives added tokens the ids from here on. */
  readonly size: number;

  /**
   * @param names The tokens. The last of equal ones counts.
   * @param ids The id of each.
   * @param size How many entries there are, if equal ones count each.
   */
  constructor(names: readonly string[], ids: Int32Array, size?: number) {
    this.#names = names;
    this.#ids = ids;
    this.#slots = new Int32Array(2 ** Math.ceil(Math.log2(2 * names.length + 2))).fill(NONE);
    this.#mask = this.#slots.length - 1;
    let distinct = 0;
    names.forEach((name, index) => {
      const slot = this.#slotOf(name);
      if (this.#slots[slot] === NONE) distinct++;
      this.#slots[slot] = index;
      this.#tokens[ids[index] ?? 0] = name;
    });
    this.size = size ?? distinct;
  }

  /** All ids are below this. */
  get limit(): number {
    return this.#tokens.length;
  }

  /** The id of a token. */
  idOf(token: string): number | undefined {
    const index = this.#slots[this.#slotOf(token)] ?? NONE;
    return index === NONE ? undefined : this.#ids[index];
  }

  /** The token of an id. */
  tokenOf(id: number): string | undefined {
    return this.#tokens[id];
  }

  /** Goes through all tokens with their ids. */
  forEach(visit: (token: string, id: number) => void): void {
    this.#names.forEach((name, index) => visit(name, this.#ids[index] ?? 0));
  }

  /** Where a token is, or would be. */
  #slotOf(token: string): number {
    let hash = token.length;
    for (let i = 0; i < token.length; i++) hash = Math.imul(hash ^ token.charCodeAt(i), 0x5bd1e995);
    let slot = (hash ^ (hash >>> 15)) & this.#mask;
    for (;;) {
      const index = this.#slots[slot] ?? NONE;
      if (index === NONE || this.#names[index] === token) return slot;
      slot = (slot + 1) & this.#mask;
    }
  }
}

/** Stands for no entry. */
const NONE = -1;

/** Reads a vocabulary of the form { "token": id }. */
export function readVocabulary(section: Section): Vocabulary {
  const listed = Columns.of(section.value("vocab"));
  if (!listed?.isObject) throw section.refuse("its vocab must be an object of tokens and their ids");
  const ids = Int32Array.from(listed.seconds, (id, index) => {
    if (isTokenId(id)) return id;
    const token = show(listed.firsts[index]);
    throw section.refuse(`the id of ${token} must be a whole number, 0 or more and below 2³¹, got ${show(id)}`);
  });
  return new Vocabulary(listed.firsts, ids);
}
