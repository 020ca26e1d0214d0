/**
 * A tokenizer of the format tokenizer.json: added tokens, normalizer, pre-tokenizer, model, post-processor, decoder.
 * Each gives what Hugging Face's tokenizers in Rust give (0.23.3); options that it lacks are refused by name.
 *
 * @module
 */

import { TokenizerError } from "../../../errors.ts";
import type { Model } from "../vocabulary/model.ts";
import { readModel } from "../vocabulary/models.ts";
import { AddedTokens, readAddedTokens } from "./added_tokens.ts";
import { wordEncoder } from "./cuts.ts";
import { joinWithSpaces, readDecoder } from "./decoders.ts";
import type { Decoder } from "./decoders.ts";
import { concatenate, pad, readPadding, readTruncation, truncate } from "./encoding.ts";
import type { Encoding, Padding, Truncation } from "./encoding.ts";
import { readNormalizer } from "./normalizers.ts";
import type { Piece } from "./piece.ts";
import { readPostProcessor } from "./post_processors.ts";
import type { PostProcessor } from "./post_processors.ts";
import { readPreTokenizer } from "./pre_tokenizers.ts";
import type { PreTokenizer } from "./pre_tokenizers.ts";
import { Section } from "./section.ts";

/** Options of an encoding. */
export interface EncodingRequest {
  readonly text: string;
  readonly pair: string | undefined;
  readonly addsSpecialTokens: boolean;
  readonly truncation: Truncation | undefined;
  readonly padding: Padding | undefined;
}

/** The parts of a tokenizer. */
export interface Pipeline {
  readonly tokens: AddedTokens;
  /** How many tokens the model has without the added ones. */
  readonly modelSize: number;
  /** The truncation that the file asks for. */
  readonly truncation: Truncation | undefined;
  /** The padding that the file asks for. */
  readonly padding: Padding | undefined;
  /** The ids of a text, or of two. */
  encode(request: EncodingRequest): Encoding;
  /** From tokens to text. */
  readonly decoder: Decoder;
}

/**
 * Reads a tokenizer.
 *
 * @param json The parsed tokenizer.json.
 * @returns Its parts.
 * @throws {TokenizerError} If the file has what can't be used.
 */
export function readPipeline(json: unknown): Pipeline {
  const file = new Section("", json);
  if (file.has("version") && file.string("version") !== "1.0") throw file.refuse("its version is not 1.0");
  if (!file.has("model") || !file.section("model").has("vocab")) throw file.refuse("it has no model.vocab");

  const model = readModel(file.section("model"));
  const optional = <T>(name: string, read: (section: Section) => T): T | undefined =>
    file.has(name) ? read(file.section(name)) : undefined;
  const normalizer = optional("normalizer", readNormalizer) ?? ((piece: Piece) => piece);
  const preTokenizer = optional("pre_tokenizer", readPreTokenizer) ?? UNCUT;
  const postProcessor = optional("post_processor", readPostProcessor) ?? PLAIN;
  const tokens = new AddedTokens(readAddedTokens(file), model.vocabulary, normalizer);
  const encoder = partEncoder(preTokenizer, model);
  return {
    tokens,
    modelSize: model.vocabulary.size,
    truncation: optional("truncation", readTruncation),
    padding: optional("padding", readPadding),
    encode: (request) => encode(request, tokens, encoder, postProcessor),
    decoder: optional("decoder", readDecoder) ?? joinWithSpaces,
  };
}

/** Without a pre-tokenizer, a text is one piece. */
const UNCUT: PreTokenizer = { cut: (piece) => [piece] };

/** Without a post-processor, texts stand side by side. */
const PLAIN: PostProcessor = { added: () => 0, process: (encodings) => encodings };

function encode(
  { text, pair, addsSpecialTokens, truncation, padding }: EncodingRequest,
  tokens: AddedTokens,
  encoder: PartEncoder,
  postProcessor: PostProcessor,
): Encoding {
  const texts = pair === undefined ? [text] : [text, pair];
  let encodings = texts.map((each, index): Encoding => {
    const ids: number[] = [];
    for (const part of tokens.extract(each)) {
      if (typeof part === "number") ids.push(part);
      else encoder(part, ids);
    }
    return { ids, typeIds: new Array<number>(ids.length).fill(index) };
  });
  if (truncation !== undefined) {
    const added = addsSpecialTokens ? postProcessor.added(pair !== undefined) : 0;
    const maxLength = truncation.maxLength - added;
    if (maxLength < 0) {
      throw new TokenizerError(
        `Cannot cut to ${truncation.maxLength} tokens: the tokenizer adds ${added} special ones; allow more, or encode ` +
          `without special tokens`,
      );
    }
    encodings = truncate(encodings, { ...truncation, maxLength });
  }
  const encoding = concatenate(postProcessor.process(encodings, addsSpecialTokens));
  return padding === undefined ? encoding : pad(encoding, padding);
}

/** Adds the ids of a part of a text to others. */
type PartEncoder = (part: Piece, ids: number[]) => void;

/** Words are encoded in UTF-8 where they can be: English takes an eighth of the time that it takes piece by piece. */
function partEncoder(preTokenizer: PreTokenizer, model: Model): PartEncoder {
  const { cuts } = preTokenizer;
  const encodeWords = cuts?.spellsBytes && model.ofBytes ? wordEncoder(cuts, model.ofBytes) : undefined;
  return (part, ids) => {
    if (encodeWords !== undefined && part.hollow === 0) {
      encodeWords(part.text, ids);
      return;
    }
    for (const piece of preTokenizer.cut(part)) {
      for (const id of model.encode(piece.text)) ids.push(id);
    }
  };
}
