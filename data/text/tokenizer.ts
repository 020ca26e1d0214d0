/**
 * Text to token ids and back.
 *
 * @module
 */

import { show } from "../../common/show.ts";
import { ConfigError, TokenizerError } from "../../errors.ts";
import { pathOfTarget, updateFolder, writeFile } from "../files/save_target.ts";
import type { Stage } from "./pipeline/decoders.ts";
import type { Encoding, Truncation } from "./pipeline/encoding.ts";
import { readPipeline } from "./pipeline/pipeline.ts";
import type { Pipeline } from "./pipeline/pipeline.ts";
import { chooseSpecialTokens } from "./special_tokens.ts";
import type { SpecialTokens } from "./special_tokens.ts";
import type { TokenBatch } from "./token_batch.ts";
import { DEFAULT_TOKENIZER, readTokenizerFiles } from "./tokenizer_files.ts";
import type { TokenizerFiles, TokenizerSource } from "./tokenizer_files.ts";
import type {
  DecodeOptions,
  EncodeOptions,
  TokenDecoder,
  TokenizeOptions,
  TokenizerOptions,
  TypedIds,
} from "./tokenizer_options.ts";
import { tokenizerFiles } from "./tokenizer_save.ts";

/** A batch of more ids takes gigabytes. */
const MOST_IDS = 2 ** 28;

/**
 * The tokenizer of Andromeda: `EleutherAI/gpt-neox-20b` with `<eos>` and `<pad>` added, or any tokenizer in Hugging
 * Face's tokenizer.json format. Its ids are those of Hugging Face's tokenizers in Rust.
 *
 * @example
 * ```ts
 * import { AndromedaTokenizer } from "../../mod.ts";
 *
 * const tokenizer = await AndromedaTokenizer.load("examples/shakespeare");
 * const { inputIds, shape } = tokenizer.tokenizeTexts(["Good morrow, cousin.", "Is the day so young?"]);
 * console.log(tokenizer.decode(inputIds.subarray(0, shape[1]))); // Good morrow, cousin.
 * ```
 *
 * @category Data
 */
export class AndromedaTokenizer {
  /** The token that ends a text. A tokenizer whose configuration names none has none. */
  readonly eosToken: string | undefined;
  /**
   * The token that ended texts when the vocabulary was made: what its configuration names, `<|endoftext|>` for GPT-NeoX
   * although `<eos>` is added to it.
   */
  readonly ownEosToken: string | undefined;
  /** The token that pads a row of a batch. A tokenizer whose configuration names neither it nor an end has none. */
  readonly padToken: string | undefined;
  /** Tokens that a text may have before `tokenizeTexts` cuts it. */
  readonly modelMaxLength: number;
  /** Ids are below this: the `numTokens` that a model needs at least. */
  readonly vocabSize: number;
  /** Id of the token that ends a text, if there is one. */
  readonly eosId: number | undefined;
  /** Id of the token that pads a row of a batch, if there is one. */
  readonly padId: number | undefined;

  readonly #pipeline: Pipeline;
  readonly #special: SpecialTokens;
  /** The files it was read from, which `save` writes again. */
  readonly #files: Omit<TokenizerFiles, "tokenizer">;

  private constructor(
    pipeline: Pipeline,
    special: SpecialTokens,
    { source, config, isDefault }: Omit<TokenizerFiles, "tokenizer">,
  ) {
    this.#pipeline = pipeline;
    this.#special = special;
    this.#files = { source, config, isDefault };
    const { eosToken, ownEosToken, padToken } = special;
    pipeline.tokens.addMore(special.added);
    this.vocabSize = pipeline.tokens.limit;
    this.eosToken = eosToken;
    this.ownEosToken = ownEosToken;
    this.padToken = padToken;
    this.modelMaxLength = special.modelMaxLength;
    this.eosId = eosToken === undefined ? undefined : this.idOf(eosToken);
    this.padId = padToken === undefined ? undefined : this.idOf(padToken);
  }

  /**
   * Reads a tokenizer.
   *
   * The default has the end `<eos>`, the padding `<pad>` and no extra ids, and cuts texts at 8192 tokens; so has a copy
   * of it without a tokenizer_config.json. Others have what their tokenizer_config.json names: if that names an end and
   * no padding, the end pads too, and if it names none, there is none. Options go before both. Tokens that the
   * vocabulary lacks take the next free ids, in the order end, padding, extra ids.
   *
   * @param source "org/name" on the Hugging Face Hub, a folder, the path or URL of a tokenizer.json, its bytes, or
   * `{ tokenizer, config }` with the bytes or the parsed contents of both files. Default "EleutherAI/gpt-neox-20b".
   * @param options Replacements for its special tokens, and options of downloads.
   * @returns The tokenizer.
   * @throws {TokenizerError} If the source is missing or holds no tokenizer that can be read; the message names what it
   * has that is not supported.
   * @throws {ConfigError} If an option is out of its range.
   */
  static async load(
    source: TokenizerSource = DEFAULT_TOKENIZER,
    options: TokenizerOptions = {},
  ): Promise<AndromedaTokenizer> {
    const given = options ?? {};
    const files = await readTokenizerFiles(source, given);
    const pipeline = readPipeline(files.tokenizer);
    return new AndromedaTokenizer(pipeline, chooseSpecialTokens(files, pipeline, given), files);
  }

  /**
   * The id of a token.
   *
   * @param token An entry of the vocabulary as it is spelled there, such as "<eos>" or "Ġthe".
   * @returns Its id.
   * @throws {TokenizerError} If the vocabulary lacks it.
   */
  idOf(token: string): number {
    const id = this.#pipeline.tokens.idOf(token);
    if (id === undefined) {
      throw new TokenizerError(
        `Cannot find the token ${show(token)}: the vocabulary of ${this.vocabSize} has no such entry (entries of ` +
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
   * @throws {TokenizerError} If no token has this id.
   */
  tokenOf(id: number): string {
    return checkToken(id, this.#pipeline.tokens.tokenOf(id), this.vocabSize);
  }

  /**
   * The token ids of a text. Special tokens that occur in it are recognized; nothing is cut off.
   *
   * @example
   * ```ts
   * import { AndromedaTokenizer } from "../../mod.ts";
   *
   * const tokenizer = await AndromedaTokenizer.load("examples/shakespeare");
   * console.log(tokenizer.encode("Good morrow", { addSpecialTokens: false })); // [ 39, 374, 262, 782 ]
   * ```
   *
   * @param text The text. Half surrogate pairs are read as U+FFFD.
   * @param options Special tokens, and a second text.
   * @returns Its token ids.
   * @throws {TokenizerError} If the text or the second text is not a string, or has a part that the vocabulary has no
   * token for, not even an unknown one, or one that the normalizer or the model does not treat as Rust does.
   * @throws {ConfigError} If an option is not true or false.
   */
  encode(text: string, options: EncodeOptions = {}): number[] {
    return this.encodeWithTypes(text, options).ids;
  }

  /**
   * The token ids of a text, or of two, and which of the two each belongs to.
   *
   * @example
   * ```ts
   * import { AndromedaTokenizer } from "../../mod.ts";
   *
   * const tokenizer = await AndromedaTokenizer.load("examples/shakespeare");
   * const { ids, typeIds } = tokenizer.encodeWithTypes("Who is there?", { pair: "Nay, answer me." });
   * console.log(tokenizer.decode(ids.filter((_, i) => typeIds[i] === 1))); // Nay, answer me.
   * ```
   *
   * @param text The text.
   * @param options Special tokens, and a second text.
   * @returns Its token ids and their types.
   * @throws {TokenizerError} As `encode`.
   */
  encodeWithTypes(text: string, options: EncodeOptions = {}): TypedIds {
    const { pair, addSpecialTokens = true, truncation = false, padding = false } = options ?? {};
    for (const [name, value] of Object.entries({ addSpecialTokens, truncation, padding })) checkBoolean(name, value);
    return this.#pipeline.encode({
      text: checkText(text),
      pair: pair === undefined ? undefined : checkText(pair),
      addsSpecialTokens: addSpecialTokens,
      truncation: truncation ? this.#pipeline.truncation : undefined,
      padding: padding ? this.#pipeline.padding : undefined,
    });
  }

  /**
   * The text of token ids.
   *
   * @param ids Token ids: an array, a typed array or anything iterable.
   * @param options Whether special tokens are left out.
   * @returns The text. Bytes that are no UTF-8 become U+FFFD.
   * @throws {TokenizerError} If no token has one of the ids.
   */
  decode(ids: Iterable<number>, options: DecodeOptions = {}): string {
    if (!isObject(ids) || !(Symbol.iterator in ids)) throw notIds(ids);
    const decoder = this.decoder(options);
    let text = "";
    for (const id of ids) text += decoder.push(id);
    return text + decoder.end();
  }

  /**
   * The text of token ids as they come, piece by piece: together the pieces are what `decode` gives. A character whose
   * bytes are spread over several tokens is held back until it is whole, or until the ids end. So are characters that a
   * tokenizer spells as tokens "<0x0A>" for single bytes, until another token follows.
   *
   * @param ids Token ids, such as a model's `generate` makes.
   * @param options Whether special tokens are left out.
   * @returns Pieces of text, none empty.
   * @throws {TokenizerError} If no token has one of the ids.
   */
  async *decodeStream(
    ids: Iterable<number> | AsyncIterable<number>,
    options: DecodeOptions = {},
  ): AsyncGenerator<string, void, void> {
    if (!isObject(ids) || !(Symbol.iterator in ids || Symbol.asyncIterator in ids)) throw notIds(ids);
    const decoder = this.decoder(options);
    for await (const id of ids) {
      const piece = decoder.push(id);
      if (piece !== "") yield piece;
    }
    const rest = decoder.end();
    if (rest !== "") yield rest;
  }

  /**
   * A decoder that takes token ids one by one: together what it gives is what `decode` gives. It holds back characters
   * as `decodeStream` does. A text that continues another is right where the other's ids are pushed first: some
   * tokenizers spell a space at the beginning of a text otherwise than within.
   *
   * @param options Whether special tokens are left out.
   * @returns The decoder.
   */
  decoder(options: DecodeOptions = {}): TokenDecoder {
    const skips = skipsSpecialTokens(options);
    let text = "";
    const stage = this.#pipeline.decoder({ push: (piece) => void (text += piece), end: () => {} });
    const take = (): string => {
      const taken = text;
      text = "";
      return taken;
    };
    return {
      push: (id) => {
        this.#decodeId(id, skips, stage);
        return take();
      },
      end: () => {
        stage.end();
        return take();
      },
    };
  }

  /**
   * The token ids of several texts as one rectangle, padded and cut.
   *
   * @param texts The texts, or a single one.
   * @param options Length, padding and cutting.
   * @returns Token ids and attention mask: [texts, tokens of the longest text] or [texts, maxLength].
   * @throws {TokenizerError} If an item is not a string, or is longer than `maxLength` although `truncation` is false,
   * or rows need padding and the tokenizer has none.
   * @throws {ConfigError} If `maxLength` is not a whole number above 0, or the rectangle is too large.
   */
  tokenizeTexts(texts: string | readonly string[], options: TokenizeOptions = {}): TokenBatch {
    const { maxLength = this.modelMaxLength, padding = "longest", paddingSide = "right" } = options ?? {};
    checkChoice("padding", padding, ["longest", "max"]);
    checkChoice("paddingSide", paddingSide, ["left", "right"]);
    if (!Number.isSafeInteger(maxLength) || maxLength < 1) {
      throw new ConfigError(
        `Cannot tokenize to maxLength ${show(maxLength)}: expected a whole number of tokens above 0`,
      );
    }
    const list = typeof texts === "string" ? [texts] : texts;
    if (!Array.isArray(list)) {
      throw new TokenizerError(`Cannot tokenize ${describe(texts)}: expected a string or an array of strings`);
    }
    const rows = Array.from(list, (text, index) => this.#row(text, index, maxLength, options));

    const width = padding === "max" ? maxLength : rows.reduce((longest, row) => Math.max(longest, row.length), 0);
    if (rows.length * width > MOST_IDS) {
      throw new ConfigError(
        `Cannot tokenize ${rows.length} texts to ${width} tokens each: a batch has at most ${MOST_IDS} ids; take fewer ` +
          `texts or a smaller maxLength`,
      );
    }
    const inputIds = new Int32Array(rows.length * width).fill(this.#paddingId(rows, width));
    const attentionMask = new Int32Array(inputIds.length);
    rows.forEach((row, index) => {
      const start = index * width + (paddingSide === "left" ? width - row.length : 0);
      inputIds.set(row, start);
      attentionMask.fill(1, start, start + row.length);
    });
    return { inputIds, attentionMask, shape: [rows.length, width] };
  }

  /**
   * Writes the tokenizer into a folder, as tokenizer.json and tokenizer_config.json, in place of those that it has. It
   * gives the same ids when it is loaded from there, without the options that it was loaded with; transformers reads it
   * too.
   *
   * @example
   * ```ts
   * import { AndromedaTokenizer } from "../../mod.ts";
   *
   * const tokenizer = await AndromedaTokenizer.load("examples/shakespeare", { extraIds: 2 });
   * const folder = await Deno.makeTempDir();
   * await tokenizer.save(folder);
   * const saved = await AndromedaTokenizer.load(folder);
   * console.log(saved.idOf("<extra_id_1>") === tokenizer.idOf("<extra_id_1>")); // true
   * await Deno.remove(folder, { recursive: true });
   * ```
   *
   * @param folder The path or `file:` URL of a folder, which is made if need be.
   * @throws {TokenizerError} If the files can't be written, or can't say what the tokenizer is.
   * @throws {ConfigError} If the folder is none, or the host has no files.
   */
  async save(folder: string | URL): Promise<void> {
    const path = pathOfTarget(folder);
    const files = this.files();
    await updateFolder(path, async (update) => {
      for (const [name, bytes] of files) await writeFile(update, name, [bytes]);
      await update.commit(() => Promise.resolve([]));
    }, TokenizerError);
  }

  /**
   * What `save` writes: the bytes of its files, by their names.
   * @internal
   *
   * @throws {TokenizerError} If they can't say what the tokenizer is.
   */
  files(): ReadonlyMap<string, Uint8Array> {
    return tokenizerFiles(this.#files, this.#pipeline, this.#special);
  }

  #row(text: string, index: number, maxLength: number, options: TokenizeOptions): number[] {
    const { addSpecialTokens = true, truncation = true, truncationSide = "right" } = options ?? {};
    checkBoolean("addSpecialTokens", addSpecialTokens);
    checkBoolean("truncation", truncation);
    checkChoice("truncationSide", truncationSide, ["left", "right"]);
    const cut: Truncation = { maxLength, strategy: "LongestFirst", side: truncationSide };
    const { ids }: Encoding = this.#pipeline.encode({
      text: checkText(text),
      pair: undefined,
      addsSpecialTokens: addSpecialTokens,
      truncation: truncation ? cut : undefined,
      padding: undefined,
    });
    if (ids.length <= maxLength) return ids;
    throw new TokenizerError(
      `Cannot fit text ${index} into a row: it has ${ids.length} tokens, and maxLength is ${maxLength}; raise maxLength, ` +
        `shorten the text or allow truncation`,
    );
  }

  /** The id that pads rows; any id where no row needs one. */
  #paddingId(rows: readonly (readonly number[])[], width: number): number {
    const needy = rows.findIndex((row) => row.length < width);
    if (this.padId !== undefined || needy < 0) return this.padId ?? 0;
    throw new TokenizerError(
      `Cannot pad text ${needy} to ${width} tokens: the tokenizer names no padding token; load it with the option padToken`,
    );
  }

  #decodeId(id: number, skipsSpecial: boolean, decoder: Stage): void {
    const { tokens } = this.#pipeline;
    const spelled = checkToken(id, tokens.spellingOf(id), this.vocabSize);
    if (!skipsSpecial || !tokens.isSpecial(spelled)) decoder.push(spelled);
  }
}

/** A token, unless the id has none or is no number at all. */
function checkToken(id: number, token: string | undefined, vocabSize: number): string {
  if (token !== undefined && typeof id === "number") return token;
  throw new TokenizerError(
    `Cannot decode the token id ${typeof id === "string" ? show(id) : String(id)}: expected a whole number from 0 to ${
      vocabSize - 1
    } that the vocabulary assigns; a model with more tokens than its tokenizer can produce others, which have no text`,
  );
}

/** Half of a surrogate pair is no character: it is read as every encoder of UTF-8 reads it. */
function checkText(text: string): string {
  if (typeof text === "string") return text.toWellFormed();
  throw new TokenizerError(`Cannot encode ${describe(text)}: expected a string`);
}

function skipsSpecialTokens(options: DecodeOptions): boolean {
  const { skipSpecialTokens = false } = options ?? {};
  checkBoolean("skipSpecialTokens", skipSpecialTokens);
  return skipSpecialTokens;
}

function checkChoice(name: string, value: string, choices: readonly string[]): void {
  if (choices.includes(value)) return;
  throw new ConfigError(`Cannot use ${name} = ${show(value)}: it must be one of ${choices.map(show).join(", ")}`);
}

function checkBoolean(name: string, value: boolean): void {
  if (typeof value !== "boolean") {
    throw new ConfigError(`Cannot use ${name} = ${show(value)}: it must be true or false`);
  }
}

/** Callers without types pass a single id, a text, or nothing. */
function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

function notIds(ids: unknown): TokenizerError {
  return new TokenizerError(`Cannot decode ${describe(ids)}: expected token ids, such as an array of numbers`);
}

function describe(value: unknown): string {
  if (typeof value === "string") return `the string ${JSON.stringify(value.slice(0, 40))}`;
  return value === null || typeof value !== "object" ? `${typeof value} ${String(value)}` : "an object";
}
