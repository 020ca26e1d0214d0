/**
 * Text to token ids and back.
 *
 * @module
 */

import { Tokenizer } from "npm:@huggingface/tokenizers@0.2.0";
import { ConfigError, TokenizerError } from "../backend.ts";
import { bytesOfToken } from "./byte_level.ts";
import { chooseSpecialTokens, withSpecialTokens } from "./special_tokens.ts";
import type { SpecialTokenOptions, SpecialTokens } from "./special_tokens.ts";
import type { TokenBatch } from "./token_batch.ts";
import { DEFAULT_TOKENIZER, isRecord, readTokenizerFiles } from "./tokenizer_files.ts";
import type { JsonFile, TokenizerFileOptions, TokenizerFiles, TokenizerSource } from "./tokenizer_files.ts";

export type { JsonFile, SpecialTokenOptions, TokenBatch, TokenizerFileOptions, TokenizerSource };

/** Options of `AndromedaTokenizer.load`. */
export interface TokenizerOptions extends SpecialTokenOptions, TokenizerFileOptions {}

/** Options of `AndromedaTokenizer.tokenizeTexts`. */
export interface TokenizeOptions {
  /** Tokens that a row may have. Default: the tokenizer's `modelMaxLength`. */
  readonly maxLength?: number | undefined;
  /** Rows are padded to the longest text, or to `maxLength`. Default "longest". */
  readonly padding?: "longest" | "max" | undefined;
  /** Where the padding goes. Generation from a batch wants it on the left. Default "right". */
  readonly paddingSide?: "left" | "right" | undefined;
  /** Whether longer texts are cut to `maxLength`; if not, they are refused. Default true. */
  readonly truncation?: boolean | undefined;
  /** Which end of a longer text is cut off. Default "right". */
  readonly truncationSide?: "left" | "right" | undefined;
}

/** Options of `AndromedaTokenizer.decode` and `decodeStream`. */
export interface DecodeOptions {
  /** Leaves out special tokens such as `<eos>`. Default false. */
  readonly skipSpecialTokens?: boolean | undefined;
}

/** Tokens that can be waiting for the rest of one character: UTF-8 needs up to four bytes. */
const TOKENS_OF_A_CHARACTER = 4;

const REPLACEMENT_CHARACTER = "\uFFFD";

/**
 * The tokenizer of Andromeda: `EleutherAI/gpt-neox-20b` with `<eos>` and `<pad>` added, or any tokenizer in Hugging Face's
 * tokenizer.json format.
 *
 * @example
 * ```ts
 * const tokenizer = await AndromedaTokenizer.load("examples/shakespeare");
 * const { inputIds, attentionMask, shape } = tokenizer.tokenizeTexts(["Good morrow, cousin.", "Is the day so young?"]);
 * console.log(tokenizer.decode(inputIds.subarray(0, shape[1]))); // "Good morrow, cousin.", padded
 * ```
 */
export class AndromedaTokenizer {
  /** The token that ends a text. */
  readonly eosToken: string;
  /** The token that fills a row of a batch up. */
  readonly padToken: string;
  /** Tokens that a text may have before `tokenizeTexts` cuts it. */
  readonly modelMaxLength: number;
  /** Ids are below this: the `numTokens` that a model needs at least. */
  readonly vocabSize: number;
  /** Id of the token that ends a text. */
  readonly eosId: number;
  /** Id of the token that fills a row of a batch up. */
  readonly padId: number;

  readonly #tokenizer: Tokenizer;
  readonly #isByteLevel: boolean;
  /** Added tokens stand for their own text, and are special or not. */
  readonly #addedTokens: ReadonlyMap<number, { readonly content: string; readonly special: boolean }>;

  private constructor(tokenizer: Tokenizer, isByteLevel: boolean, special: SpecialTokens) {
    this.#tokenizer = tokenizer;
    this.#isByteLevel = isByteLevel;
    this.#addedTokens = tokenizer.get_added_tokens_decoder();
    this.vocabSize = tokenizer.model?.vocab.length ?? 0;
    this.eosToken = special.eosToken;
    this.padToken = special.padToken;
    this.modelMaxLength = special.modelMaxLength;
    this.eosId = this.idOf(special.eosToken);
    this.padId = this.idOf(special.padToken);
  }

  /**
   * Reads a tokenizer.
   *
   * End and padding are `<eos>` and `<pad>`, no extra ids, and texts are cut at 8192 tokens. A source other than the
   * default keeps what its tokenizer_config.json names instead; if that names an end and no padding, the end pads too.
   * Options go before both. Tokens that the vocabulary lacks take the next free ids, in the order end, padding, extra
   * ids.
   *
   * @param source "org/name" on the Hugging Face Hub, a folder, the path or URL of a tokenizer.json, its bytes, or
   * `{ tokenizer, config }` with the bytes or the parsed contents of both files. Default "EleutherAI/gpt-neox-20b".
   * @param options What replaces its special tokens, and how files are fetched.
   * @returns The tokenizer.
   * @throws {TokenizerError} The source is missing or holds no tokenizer that can be read.
   * @throws {ConfigError} An option is out of its range.
   */
  static async load(
    source: TokenizerSource = DEFAULT_TOKENIZER,
    options: TokenizerOptions = {},
  ): Promise<AndromedaTokenizer> {
    const files = await readTokenizerFiles(source, options);
    const special = chooseSpecialTokens(files, options);
    const decoder = files.tokenizer["decoder"];
    const isByteLevel = isRecord(decoder) && decoder["type"] === "ByteLevel";
    return new AndromedaTokenizer(createTokenizer(files, special), isByteLevel, special);
  }

  /**
   * The id of a token.
   *
   * @param token An entry of the vocabulary as it is spelt there, such as "<eos>" or "Ġthe".
   * @returns Its id.
   * @throws {TokenizerError} The vocabulary lacks it.
   */
  idOf(token: string): number {
    const id = this.#tokenizer.token_to_id(token);
    if (id === undefined) {
      throw new TokenizerError(
        `Cannot find the token ${
          JSON.stringify(token)
        }: the vocabulary of ${this.vocabSize} has no such entry (entries of ` +
          `byte-level BPE spell a leading space as "Ġ"; encode() takes text)`,
      );
    }
    return id;
  }

  /**
   * The token of an id, as the vocabulary spells it.
   *
   * @param id A token id.
   * @returns The entry of the vocabulary.
   * @throws {TokenizerError} No token has this id.
   */
  tokenOf(id: number): string {
    const token = Number.isInteger(id) ? this.#tokenizer.id_to_token(id) : undefined;
    if (token === undefined) {
      throw new TokenizerError(
        `Cannot decode the token id ${String(id)}: expected a whole number from 0 to ${
          this.vocabSize - 1
        } that the vocabulary ` +
          `assigns; a model with more tokens than its tokenizer can produce others, which have no text`,
      );
    }
    return token;
  }

  /**
   * The token ids of a text. Special tokens that occur in it are recognised; nothing is cut off.
   *
   * @param text The text.
   * @returns Its token ids.
   * @throws {TokenizerError} The argument is not a string.
   */
  encode(text: string): number[] {
    if (typeof text !== "string") {
      throw new TokenizerError(`Cannot encode ${describe(text)}: expected a string`);
    }
    return this.#tokenizer.encode(text).ids;
  }

  /**
   * The text of token ids.
   *
   * @param ids Token ids: an array, a typed array or anything iterable.
   * @param options Whether special tokens are left out.
   * @returns The text. Bytes that are no UTF-8 become U+FFFD.
   * @throws {TokenizerError} No token has one of the ids.
   */
  decode(ids: Iterable<number>, options: DecodeOptions = {}): string {
    const kept: number[] = [];
    for (const id of iterable(ids)) {
      this.tokenOf(id);
      if (!this.#isLeftOut(id, options)) kept.push(id);
    }
    if (!this.#isByteLevel) return this.#decodeWhole(kept);

    const bytes: number[] = [];
    for (const id of kept) {
      for (const byte of this.#bytesOf(id)) bytes.push(byte);
    }
    return utf8Decoder().decode(Uint8Array.from(bytes));
  }

  /**
   * The text of token ids as they come, piece by piece: together the pieces are what `decode` gives. A character whose bytes
   * are spread over several tokens is held back until it is whole, or until the ids end.
   *
   * @param ids Token ids, such as a model's `generate` makes.
   * @param options Whether special tokens are left out.
   * @returns Pieces of text, none empty.
   * @throws {TokenizerError} No token has one of the ids.
   */
  async *decodeStream(
    ids: Iterable<number> | AsyncIterable<number>,
    options: DecodeOptions = {},
  ): AsyncGenerator<string, void, void> {
    const decoder = this.#isByteLevel ? this.#byteStream() : this.#windowStream();
    for await (const id of iterable(ids)) {
      this.tokenOf(id);
      if (this.#isLeftOut(id, options)) continue;
      const piece = decoder.push(id);
      if (piece !== "") yield piece;
    }
    const rest = decoder.end();
    if (rest !== "") yield rest;
  }

  /**
   * The token ids of several texts as one rectangle, padded and cut.
   *
   * @param texts The texts, or a single one.
   * @param options Length, padding and cutting.
   * @returns Token ids and attention mask: [texts, tokens of the longest text] or [texts, maxLength].
   * @throws {TokenizerError} An item is not a string, or is longer than `maxLength` although `truncation` is false.
   * @throws {ConfigError} `maxLength` is not a whole number above 0.
   */
  tokenizeTexts(texts: string | readonly string[], options: TokenizeOptions = {}): TokenBatch {
    const { maxLength = this.modelMaxLength, padding = "longest", paddingSide = "right" } = options;
    if (!Number.isSafeInteger(maxLength) || maxLength < 1) {
      throw new ConfigError(`Cannot tokenize to maxLength ${maxLength}: expected a whole number of tokens above 0`);
    }
    const list = typeof texts === "string" ? [texts] : texts;
    if (!Array.isArray(list)) {
      throw new TokenizerError(`Cannot tokenize ${describe(texts)}: expected a string or an array of strings`);
    }
    const rows = list.map((text, index) => truncate(this.encode(text), index, maxLength, options));

    const width = padding === "max" ? maxLength : rows.reduce((longest, row) => Math.max(longest, row.length), 0);
    const inputIds = new Int32Array(rows.length * width).fill(this.padId);
    const attentionMask = new Int32Array(inputIds.length);
    rows.forEach((row, index) => {
      const start = index * width + (paddingSide === "left" ? width - row.length : 0);
      inputIds.set(row, start);
      attentionMask.fill(1, start, start + row.length);
    });
    return { inputIds, attentionMask, shape: [rows.length, width] };
  }

  #isLeftOut(id: number, options: DecodeOptions): boolean {
    return options.skipSpecialTokens === true && this.#addedTokens.get(id)?.special === true;
  }

  /** The bytes of a token of a byte-level vocabulary. */
  #bytesOf(id: number): Uint8Array {
    const added = this.#addedTokens.get(id);
    return added === undefined ? bytesOfToken(this.tokenOf(id)) : new TextEncoder().encode(added.content);
  }

  #decodeWhole(ids: number[]): string {
    return ids.length === 0 ? "" : this.#tokenizer.decode(ids, { clean_up_tokenization_spaces: false });
  }

  /** Byte-level vocabularies: the host's UTF-8 decoder keeps the unfinished character. */
  #byteStream(): PieceDecoder {
    const decoder = utf8Decoder();
    return {
      push: (id) => decoder.decode(this.#bytesOf(id), { stream: true }),
      end: () => decoder.decode(),
    };
  }

  /**
   * Other vocabularies: a token's text depends on the token before it (spaces between words, none before the first). So each
   * piece is what its tokens add to the text of the tokens of the piece before.
   */
  #windowStream(): PieceDecoder {
    let context: number[] = [];
    let pending: number[] = [];
    const take = (): string => {
      const piece = this.#decodeWhole([...context, ...pending]).slice(this.#decodeWhole(context).length);
      context = pending;
      pending = [];
      return piece;
    };
    return {
      push: (id) => {
        pending.push(id);
        const isUnfinished = this.#decodeWhole(pending).endsWith(REPLACEMENT_CHARACTER);
        return isUnfinished && pending.length < TOKENS_OF_A_CHARACTER ? "" : take();
      },
      end: () => pending.length === 0 ? "" : take(),
    };
  }
}

/** Turns ids into text one at a time. */
interface PieceDecoder {
  /** The text that this token completes, perhaps none. */
  push(id: number): string;
  /** What is left. */
  end(): string;
}

function createTokenizer(files: TokenizerFiles, special: SpecialTokens): Tokenizer {
  const tokens = [special.eosToken, special.padToken, ...special.extraTokens];
  const tokenizer = withSpecialTokens(files.tokenizer, tokens);
  // The library wants every section named, and the ones that a tokenizer does without to be null.
  const sections = { normalizer: null, pre_tokenizer: null, post_processor: null, decoder: null };
  try {
    return new Tokenizer({ ...sections, ...tokenizer }, files.config);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new TokenizerError(
      `Cannot use the tokenizer: tokenizer.json is damaged, or of a kind that is not supported (${reason})`,
      { cause },
    );
  }
}

function truncate(ids: number[], index: number, maxLength: number, options: TokenizeOptions): number[] {
  if (ids.length <= maxLength) return ids;
  if (options.truncation === false) {
    throw new TokenizerError(
      `Cannot fit text ${index} into a row: it has ${ids.length} tokens, and maxLength is ${maxLength}; raise maxLength, ` +
        `shorten the text or allow truncation`,
    );
  }
  return options.truncationSide === "left" ? ids.slice(ids.length - maxLength) : ids.slice(0, maxLength);
}

/** A byte-order mark is text like any other. */
function utf8Decoder(): TextDecoder {
  return new TextDecoder("utf-8", { ignoreBOM: true });
}

/** Callers without types pass a single id, or nothing. */
function iterable<T extends Iterable<number> | AsyncIterable<number>>(ids: T): T {
  if (typeof ids === "object" && ids !== null && (Symbol.iterator in ids || Symbol.asyncIterator in ids)) return ids;
  throw new TokenizerError(`Cannot decode ${describe(ids)}: expected token ids, such as an array of numbers`);
}

function describe(value: unknown): string {
  if (typeof value === "string") return `the string ${JSON.stringify(value.slice(0, 40))}`;
  return value === null || typeof value !== "object" ? `${typeof value} ${String(value)}` : "an object";
}
