/**
 * Byte-pair encoding: a piece begins as its characters, and the pair of neighbors that the merges name first is joined
 * until none of them is left.
 *
 * @module
 */

import { show } from "../../../common/show.ts";
import { Columns } from "../pipeline/long_json.ts";
import type { Section } from "../pipeline/section.ts";
import { byteBpe } from "./byte_bpe.ts";
import { byteTokens, idsOfBytes } from "./byte_fallback.ts";
import { MergeTable } from "./merge_table.ts";
import type { ByteModel, Model } from "./model.ts";
import { unknownToken } from "./unknown.ts";
import { readVocabulary } from "./vocabulary.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** Reads a model of this type. */
export function readBpe(section: Section): Model {
  if (section.has("dropout") && section.value("dropout") !== 0) {
    throw section.refuse("its dropout leaves merges out at random, which is for training; set it to null");
  }
  const vocabulary = readVocabulary(section);
  const prefix = section.string("continuing_subword_prefix", "");
  return new Bpe(vocabulary, readMerges(section, vocabulary, prefix), {
    prefix,
    suffix: section.string("end_of_word_suffix", ""),
    unknown: section.has("unk_token") ? unknownToken(vocabulary, section.string("unk_token")) : undefined,
    fusesUnknown: section.boolean("fuse_unk", false),
    bytes: section.boolean("byte_fallback", false) ? byteTokens(vocabulary) : undefined,
    ignoresMerges: section.boolean("ignore_merges", false),
  });
}

/** Merges are pairs, or in older files texts with a space between the two. */
function readMerges(section: Section, vocabulary: Vocabulary, prefix: string): MergeTable {
  const listed = Columns.of(section.value("merges"));
  if (listed === undefined || listed.isObject) throw section.refuse("its merges must be a list of pairs of tokens");
  const table = new MergeTable(listed.firsts.length);
  let rank = 0;
  let result = 0;
  listed.firsts.forEach((first, index) => {
    if (listed.seconds.length === 0 && first.startsWith("#version")) return;
    const [left, right] = listed.seconds.length === 0 ? halves(first) : [first, listed.seconds[index]];
    if (left === undefined || typeof right !== "string" || !right.startsWith(prefix)) {
      throw section.refuse(`its merge ${show([left, right])} must be two tokens`);
    }
    const tail = prefix === "" ? right : right.slice(prefix.length);
    const [leftId, rightId] = [vocabulary.idOf(left), vocabulary.idOf(right)];
    const joined = idOfJoined(vocabulary, left, tail, result);
    if (leftId === undefined || rightId === undefined || joined === undefined) {
      const missing = leftId === undefined ? left : rightId === undefined ? right : left + tail;
      throw section.refuse(`its merge ${show([left, right])} needs the token ${show(missing)}, which vocab lacks`);
    }
    result = joined;
    table.set(leftId, rightId, rank++, joined);
  });
  return table;
}

/** The two parts of a merge that is a text with one space. */
function halves(merge: string): [string?, string?] {
  const space = merge.indexOf(" ");
  if (space < 0 || merge.includes(" ", space + 1)) return [];
  return [merge.slice(0, space), merge.slice(space + 1)];
}

/**
 * The id of two texts put together. Most merges make the token that the one before made or the next one, so look there.
 */
function idOfJoined(vocabulary: Vocabulary, left: string, right: string, last: number): number | undefined {
  for (let id = last; id < last + 2; id++) {
    const token = vocabulary.tokenOf(id);
    if (token === undefined || token.length !== left.length + right.length) continue;
    if (token.startsWith(left) && token.endsWith(right)) return id;
  }
  return vocabulary.idOf(left + right);
}

interface BpeOptions {
  /** The prefix of tokens within a word. */
  readonly prefix: string;
  /** The suffix of the last token of a word. */
  readonly suffix: string;
  readonly unknown: (() => number) | undefined;
  readonly fusesUnknown: boolean;
  /** Tokens of bytes, if these stand for unknown characters. */
  readonly bytes: readonly (number | undefined)[] | undefined;
  /** Whether a piece that is a token is that token, whatever the merges say. */
  readonly ignoresMerges: boolean;
}

/** The number of pieces that are remembered, because words come again, and the longest of them in UTF-16 units. */
const REMEMBERED = 20_000;
const REMEMBERED_LENGTH = 64;

class Bpe implements Model {
  readonly #known = new Map<string, readonly number[]>();
  readonly ofBytes: ByteModel | undefined;

  constructor(
    readonly vocabulary: Vocabulary,
    readonly merges: MergeTable,
    readonly options: BpeOptions,
  ) {
    const { prefix, suffix, ignoresMerges } = options;
    this.ofBytes = prefix === "" && suffix === "" ? byteBpe(vocabulary, merges, ignoresMerges) : undefined;
  }

  encode(piece: string): readonly number[] {
    const known = this.#known.get(piece);
    if (known !== undefined) return known;
    const ids = this.#encode(piece);
    if (piece.length <= REMEMBERED_LENGTH && this.#known.size < REMEMBERED) this.#known.set(piece, ids);
    return ids;
  }

  #encode(piece: string): readonly number[] {
    const whole = this.options.ignoresMerges ? this.vocabulary.idOf(piece) : undefined;
    if (whole !== undefined) return [whole];
    const symbols = Int32Array.from(this.#characters(piece));
    return Array.from(symbols.subarray(0, this.merges.merge(symbols, symbols.length)));
  }

  /** The ids of the characters. Unknown ones without a token for it are left out, as in Rust. */
  #characters(piece: string): number[] {
    const { prefix, suffix, unknown, fusesUnknown, bytes } = this.options;
    const ids: number[] = [];
    let pending: number | undefined; // the unknown token, which Rust adds when the next known character comes
    let position = 0;
    for (const character of piece) {
      const spelled = (position === 0 ? "" : prefix) + character;
      position += character.length;
      const token = position === piece.length ? spelled + suffix : spelled;
      const id = this.vocabulary.idOf(token);
      const ofBytes = id === undefined && bytes !== undefined ? idsOfBytes(token, bytes) : undefined;
      if (ofBytes !== undefined) {
        ids.push(...ofBytes);
        continue;
      }
      if (pending !== undefined && (id !== undefined || !fusesUnknown)) {
        ids.push(pending);
        pending = undefined;
      }
      if (id !== undefined) ids.push(id);
      else pending = unknown?.();
    }
    if (pending !== undefined) ids.push(pending);
    return ids;
  }
}
