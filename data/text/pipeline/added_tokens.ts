/**
 * Added tokens: texts that are tokens as a whole, and are found before the model sees a text.
 *
 * @module
 */

import { show } from "../../../common/show.ts";
import { TokenizerError } from "../../../errors.ts";
import { endOfLeadingSpace, isWordAt, isWordBefore, startOfTrailingSpace } from "../regex/characters.ts";
import { Trie } from "../vocabulary/trie.ts";
import type { Vocabulary } from "../vocabulary/vocabulary.ts";
import type { Normalizer } from "./normalizer.ts";
import { pieceOf, slice } from "./piece.ts";
import type { Piece } from "./piece.ts";
import type { Section } from "./section.ts";

/** A token that was added to a vocabulary. */
export interface AddedToken {
  readonly content: string;
  /** Whether it is found only where no character of a word touches it. */
  readonly singleWord: boolean;
  /** Whether it includes white space before it. */
  readonly lstrip: boolean;
  /** Whether it includes white space behind it. */
  readonly rstrip: boolean;
  /** Whether it is looked for in the normalized text, itself normalized. */
  readonly normalized: boolean;
  /** Whether decoding leaves it out on request. */
  readonly special: boolean;
}

/**
 * Reads the added tokens of a file. The ids there don't count: a token has the vocabulary's, else the next free one.
 */
export function readAddedTokens(file: Section): AddedToken[] {
  if (!file.has("added_tokens")) return [];
  return file.sections("added_tokens").map((section) => {
    section.count("id");
    const special = section.boolean("special", false);
    return {
      content: section.string("content"),
      singleWord: section.boolean("single_word", false),
      lstrip: section.boolean("lstrip", false),
      rstrip: section.boolean("rstrip", false),
      normalized: section.boolean("normalized", !special),
      special,
    };
  });
}

/** A piece of text, or the id of an added token that stood there. */
type Part = Piece | number;

/** The added tokens of a tokenizer. */
export class AddedTokens {
  readonly #vocabulary: Vocabulary;
  readonly #normalize: Normalizer;
  readonly #ids = new Map<string, number>();
  readonly #tokens = new Map<number, AddedToken>();
  /** The text that decoders get for a token: its normalized form, if it is looked for in normalized text. */
  readonly #spelled = new Map<number, string>();
  readonly #specials = new Set<string>();
  readonly #plain = new Trie();
  readonly #normalized = new Trie();
  readonly #more: AddedToken[] = [];
  #limit = 0;

  /**
   * @param tokens The added tokens of a file. Those that the model lacks take ids from its size on, as in Rust.
   * @param vocabulary The model's tokens.
   * @param normalize The normalizer, which tokens that are normalized go through too.
   */
  constructor(tokens: readonly AddedToken[], vocabulary: Vocabulary, normalize: Normalizer) {
    this.#vocabulary = vocabulary;
    this.#normalize = normalize;
    let next = vocabulary.size;
    for (const token of tokens) {
      if (token.content !== "") this.#add(token, this.idOf(token.content) ?? next++);
    }
    for (const [id, token] of this.#tokens) this.#seek(token, id);
  }

  /** Adds special tokens, unless they are added already. Those that are new take ids above all others. */
  addMore(contents: readonly string[]): void {
    for (const content of contents) {
      if (this.#ids.has(content)) continue;
      const token = { content, singleWord: false, lstrip: false, rstrip: false, normalized: false, special: true };
      const id = this.idOf(content) ?? this.limit;
      this.#add(token, id);
      this.#seek(token, id);
      this.#more.push(token);
    }
  }

  /** The tokens that were added to those of the file, in their order. */
  get added(): readonly AddedToken[] {
    return this.#more;
  }

  /** All added tokens with their ids. */
  entries(): IterableIterator<[token: string, id: number]> {
    return this.#ids.entries();
  }

  /** All ids, the model's too, are below this. */
  get limit(): number {
    return Math.max(this.#limit, this.#vocabulary.limit);
  }

  /** The id of a token, added or the model's. */
  idOf(token: string): number | undefined {
    return this.#ids.get(token) ?? this.#vocabulary.idOf(token);
  }

  /** The token of an id, added or the model's. */
  tokenOf(id: number): string | undefined {
    return this.#tokens.get(id)?.content ?? this.#vocabulary.tokenOf(id);
  }

  /** The text that decoders get for an id. */
  spellingOf(id: number): string | undefined {
    return this.#spelled.get(id) ?? this.tokenOf(id);
  }

  /** Whether a token is special. */
  isSpecial(spelled: string): boolean {
    return this.#specials.has(spelled);
  }

  /** Normalizes a text and takes the added tokens out. Those that are not normalized are found before. */
  extract(text: string): Part[] {
    const parts: Part[] = [];
    for (const part of this.#split(pieceOf(text), this.#plain)) {
      if (typeof part === "number") parts.push(part);
      else for (const found of this.#split(this.#normalize(part), this.#normalized)) parts.push(found);
    }
    return parts;
  }

  #add(token: AddedToken, id: number): void {
    this.#ids.set(token.content, id);
    this.#tokens.set(id, token);
    this.#limit = Math.max(this.#limit, id + 1);
    if (token.special) this.#specials.add(token.content);
    if (!token.normalized) return;
    const spelled = this.#normalize(pieceOf(token.content)).text;
    if (spelled !== token.content) this.#spelled.set(id, spelled);
  }

  /** Lets a token be found in texts. */
  #seek(token: AddedToken, id: number): void {
    const sought = token.normalized ? this.#spelled.get(id) ?? token.content : token.content;
    if (sought === "") {
      throw new TokenizerError(
        `Cannot use the added token ${
          show(token.content)
        } of tokenizer.json: the normalizer leaves nothing of it, and ` +
          `nothing is everywhere; set its "normalized" to false`,
      );
    }
    (token.normalized ? this.#normalized : this.#plain).add(sought, id);
  }

  /** Cuts a piece at the added tokens of a trie: of several that begin at one place the longest counts. */
  #split(piece: Piece, trie: Trie): Part[] {
    const { text } = piece;
    const parts: Part[] = [];
    let done = 0;
    const addText = (end: number): void => {
      if (done < end) parts.push(slice(piece, done, end));
    };
    let position = 0;
    while ((position = trie.nextStart(text, position)) < text.length) {
      const { id, end } = longestAt(text, position, trie);
      const token = this.#tokens.get(id);
      if (token === undefined) {
        position++;
        continue;
      }
      const isWithinWord = token.singleWord &&
        (isWordBefore(text, position) || isWordAt(text, end));
      if (!isWithinWord) {
        const start = token.lstrip ? Math.max(startOfTrailingSpace(text, position, done), done) : position;
        addText(start);
        done = token.rstrip ? endOfLeadingSpace(text, Math.max(end, done)) : end;
        // A token that is white space itself may belong to the one before it already.
        if (start < done) parts.push(id);
      }
      position = end;
    }
    addText(text.length);
    return parts;
  }
}

function longestAt(text: string, position: number, trie: Trie): { id: number; end: number } {
  let node = trie.child(Trie.ROOT, text.charCodeAt(position));
  let id: number = Trie.NONE;
  let end = position;
  for (let next = position + 1; node !== Trie.NONE; next++) {
    const found = trie.valueOf(node);
    if (found !== Trie.NONE) {
      id = found;
      end = next;
    }
    if (next >= text.length) break;
    node = trie.child(node, text.charCodeAt(next));
  }
  return { id, end };
}
