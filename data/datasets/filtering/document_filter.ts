/**
 * Which documents of a source a dataset gets.
 *
 * @module
 */

import type { TokenDocument } from "../documents.ts";
import { KeyTable } from "./key_table.ts";
import { SIGNATURE } from "./min_hash.ts";
import { NearIndex } from "./near_index.ts";
import { HASH_WORDS, type TextKeys } from "./text_keys.ts";

/**
 * Which documents are left out as those that were there before. "none": no document. "exact": equal texts. "near":
 * texts that have most runs of five words in common too.
 *
 * @category Data
 */
export type Dedupe = "none" | "exact" | "near";

/** Which documents are left out. */
export interface FilterOptions {
  readonly minTokens: number;
  /** Nothing where none is cut. */
  readonly maxTokens: number | undefined;
  readonly dedupe: Dedupe;
  /** The share of common runs of words from which on texts are nearly equal. */
  readonly dedupeThreshold: number;
}

/** What a filter makes of a document: its tokens, or the count under which it is left out. */
type Verdict =
  | { readonly tokens: Int32Array; readonly isCut: boolean }
  | { readonly reason: "tooShort" | "duplicates" | "nearDuplicates" };

/** Leaves documents out. */
export class DocumentFilter {
  readonly #options: FilterOptions;
  readonly #exact = new KeyTable(HASH_WORDS);
  readonly #near: NearIndex;
  /** What of these was handed out. */
  #told = { exact: 0, near: 0 };

  constructor(options: FilterOptions) {
    this.#options = options;
    this.#near = new NearIndex(options.dedupeThreshold);
  }

  /** Decides on a document. The rest of one of which a part is in the dataset is in it too. */
  async take({ place, tokens, keys }: TokenDocument): Promise<Verdict> {
    const { minTokens, maxTokens = Infinity, dedupe } = this.#options;
    if (place.tokens === 0) {
      if (tokens.length < minTokens) return { reason: "tooShort" };
      if (dedupe !== "none" && !await this.#isNew(keys)) return { reason: "duplicates" };
      if (dedupe === "near" && !this.#isFar(keys)) return { reason: "nearDuplicates" };
    }
    const left = Math.max(0, maxTokens - place.tokens);
    if (tokens.length <= left) return { tokens, isCut: false };
    const cut = tokens.slice(0, left);
    // A document that is cut ends as all do.
    if (left > 0) cut.set(tokens.subarray(-1), left - 1);
    return { tokens: cut, isCut: place.tokens === 0 };
  }

  /** What `remember` needs to know of the documents since this was called last. */
  takeSeen(): Uint8Array {
    if (this.#options.dedupe === "none") return new Uint8Array();
    const exact = this.#exact.from(this.#told.exact);
    const near = this.#near.from(this.#told.near);
    this.#told = { exact: this.#exact.size, near: this.#near.size };
    const seen = new Uint8Array(4 + exact.byteLength + near.byteLength);
    new DataView(seen.buffer).setUint32(0, exact.byteLength, true);
    seen.set(new Uint8Array(exact.buffer), 4);
    seen.set(new Uint8Array(near.buffer), 4 + exact.byteLength);
    return seen;
  }

  /** Takes up what another filter has seen. */
  remember(seen: Uint8Array<ArrayBuffer>): void {
    const bytes = new DataView(seen.buffer, seen.byteOffset).getUint32(0, true);
    const exact = new Uint32Array(seen.slice(4, 4 + bytes).buffer);
    const near = new Uint16Array(seen.slice(4 + bytes).buffer);
    for (let i = 0; i < exact.length; i += HASH_WORDS) this.#exact.add(exact.subarray(i, i + HASH_WORDS));
    for (let i = 0; i < near.length; i += SIGNATURE) this.#near.add(near.subarray(i, i + SIGNATURE));
    this.#told = { exact: this.#exact.size, near: this.#near.size };
  }

  #isFar(keys: TextKeys): boolean {
    const signature = keys.signature();
    return signature === undefined || this.#near.add(signature);
  }

  async #isNew(keys: TextKeys): Promise<boolean> {
    const { size } = this.#exact;
    return this.#exact.add(await keys.hash()) === size;
  }
}
