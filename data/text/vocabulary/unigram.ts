/**
 * Unigram: of all ways to cut a piece into tokens, the one whose scores add up to the most (Viterbi).
 *
 * @module
 */

import { show } from "../../../common/show.ts";
import { TokenizerError } from "../../../errors.ts";
import { Columns } from "../pipeline/long_json.ts";
import { isTokenId } from "../pipeline/section.ts";
import type { Section } from "../pipeline/section.ts";
import { byteTokens, idsOfBytes } from "./byte_fallback.ts";
import type { Model } from "./model.ts";
import { Trie } from "./trie.ts";
import { Vocabulary } from "./vocabulary.ts";

/** An unknown character scores this much less than the least likely token. */
const UNKNOWN_PENALTY = 10;

/** Stands for no id. */
const NONE = -1;

/** Reads a model of this type. */
export function readUnigram(section: Section): Model {
  const listed = Columns.of(section.value("vocab"));
  if (listed === undefined || listed.isObject) {
    throw section.refuse("its vocab must be a list of tokens and their scores");
  }
  const tokens = listed.firsts;
  const scores = tokens.map((token, id) => {
    const score = listed.seconds[id];
    if (typeof score === "number" && Number.isFinite(score)) return asRustReads(score);
    throw section.refuse(`the score of ${show(token)} must be a number, got ${show(score)}`);
  });
  const unknownId = section.has("unk_id") ? section.count("unk_id") : NONE;
  if (unknownId >= tokens.length) {
    throw section.refuse(`its unk_id ${unknownId} is beyond its vocab of ${tokens.length}`);
  }
  return new Unigram(tokens, Float64Array.from(scores), unknownId, section.boolean("byte_fallback", false));
}

/**
 * Rust reads a number as its digits divided by a power of ten, each rounded, which is off by a bit of the last place
 * here and there. Two ways to cut a piece that score the same are told apart by such bits.
 */
function asRustReads(score: number): number {
  const [, digits = "", decimals = "", exponent = "0"] = /^-?(\d+)\.?(\d*)(?:e([+-]\d+))?$/.exec(String(score)) ?? [];
  const power = Number(exponent) - decimals.length;
  const significand = Number(digits + decimals);
  const size = power < 0 ? significand / Number(`1e${-power}`) : significand * Number(`1e${power}`);
  return score < 0 ? -size : size;
}

class Unigram implements Model {
  readonly vocabulary: Vocabulary;
  readonly #scores: Float64Array;
  readonly #unknownId: number;
  readonly #unknownScore: number;
  readonly #bytes: readonly (number | undefined)[] | undefined;
  readonly #trie = new Trie();

  constructor(tokens: readonly string[], scores: Float64Array, unknownId: number, fallsBack: boolean) {
    this.vocabulary = new Vocabulary(tokens, Int32Array.from(tokens, (_, id) => id), tokens.length);
    this.#scores = scores;
    this.#unknownId = unknownId;
    this.#unknownScore = scores.reduce((least, score) => Math.min(least, score), Infinity) - UNKNOWN_PENALTY;
    tokens.forEach((token, id) => this.#trie.add(token, id));
    this.#bytes = fallsBack ? byteTokens(this.vocabulary) : undefined;
  }

  encode(piece: string): readonly number[] {
    const { ids: best, starts } = this.#bestPath(piece);
    const ids: number[] = [];
    let end = piece.length;
    while (end > 0) {
      let start = starts[end] ?? 0;
      if (best[end] === this.#unknownId) {
        // Unknown characters side by side are one token, or all of their bytes.
        while (start > 0 && best[start] === this.#unknownId) start = starts[start] ?? 0;
        this.#addUnknown(piece.slice(start, end), ids);
      } else {
        ids.push(best[end] ?? 0);
      }
      end = start;
    }
    return ids.reverse();
  }

  /** The best way to each place in a piece: the last token of it, and where that begins. */
  #bestPath(piece: string): { ids: Int32Array; starts: Int32Array } {
    const ids = new Int32Array(piece.length + 1);
    const starts = new Int32Array(piece.length + 1).fill(NONE);
    const totals = new Float64Array(piece.length + 1);
    const offer = (start: number, end: number, id: number, total: number): void => {
      if (starts[end] !== NONE && !(total > (totals[end] ?? 0))) return;
      ids[end] = id;
      starts[end] = start;
      totals[end] = total;
    };
    for (let start = 0; start < piece.length;) {
      const next = start + ((piece.codePointAt(start) ?? 0) > 0xffff ? 2 : 1);
      const total = totals[start] ?? 0;
      let isKnown = false;
      let node: number = Trie.ROOT;
      for (let end = start; end < piece.length;) {
        node = this.#trie.child(node, piece.charCodeAt(end++));
        if (node === Trie.NONE) break;
        const id = this.#trie.valueOf(node);
        if (id === Trie.NONE) continue;
        offer(start, end, id, (this.#scores[id] ?? 0) + total);
        isKnown ||= end === next;
      }
      if (!isKnown) offer(start, next, this.#idOfUnknown(), this.#unknownScore + total);
      start = next;
    }
    return { ids, starts };
  }

  /** Adds the ids for an unknown text, last id first. */
  #addUnknown(text: string, ids: number[]): void {
    const id = this.vocabulary.idOf(text);
    const bytes = id === undefined && this.#bytes !== undefined ? idsOfBytes(text, this.#bytes) : undefined;
    if (bytes === undefined) ids.push(id ?? this.#unknownId);
    else for (const byte of bytes.reverse()) ids.push(byte);
  }

  #idOfUnknown(): number {
    if (isTokenId(this.#unknownId)) return this.#unknownId;
    throw new TokenizerError(
      "Cannot encode a text: a part of it is in no token, and the tokenizer names no unknown token; give its model an unk_id",
    );
  }
}
