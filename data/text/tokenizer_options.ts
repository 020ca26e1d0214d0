/**
 * The options of a tokenizer's methods.
 *
 * @module
 */

import type { SpecialTokenOptions } from "./special_tokens.ts";
import type { TokenizerFileOptions } from "./tokenizer_files.ts";

/**
 * Options of `AndromedaTokenizer.load`.
 *
 * @category Data
 */
export interface TokenizerOptions extends SpecialTokenOptions, TokenizerFileOptions {}

/**
 * Options of `AndromedaTokenizer.encode` and `encodeWithTypes`.
 *
 * @category Data
 */
export interface EncodeOptions {
  /**
   * Whether the special tokens of the tokenizer's post-processor, such as "[CLS]" and "[SEP]", are put around the text.
   * Default true.
   */
  readonly addSpecialTokens?: boolean | undefined;
  /** A second text, which the tokenizer joins to the first in its own way: a question and its answer. */
  readonly pair?: string | undefined;
  /**
   * Whether a text is cut as the "truncation" in the tokenizer.json says, which many files keep from their training.
   * Hugging Face's tokenizers do so, and its transformers don't. Default false.
   */
  readonly truncation?: boolean | undefined;
  /** Whether the ids are padded as the "padding" in the tokenizer.json says. Default false. */
  readonly padding?: boolean | undefined;
}

/**
 * Token ids with their types.
 *
 * @category Data
 */
export interface TypedIds {
  /** The token ids. */
  readonly ids: number[];
  /** For each id 0 if it belongs to the first text, 1 to the second: what BERT's `token_type_ids` are. */
  readonly typeIds: number[];
}

/**
 * Options of `AndromedaTokenizer.tokenizeTexts`.
 *
 * @category Data
 */
export interface TokenizeOptions {
  /** Whether the special tokens of the tokenizer's post-processor are put around each text. Default true. */
  readonly addSpecialTokens?: boolean | undefined;
  /** Tokens that a row may have, special ones included. Default: the tokenizer's `modelMaxLength`. */
  readonly maxLength?: number | undefined;
  /** Rows are padded to the longest text, or to `maxLength`. Default "longest". */
  readonly padding?: "longest" | "max" | undefined;
  /** The side of the padding. Generation from a batch wants it on the left. Default "right". */
  readonly paddingSide?: "left" | "right" | undefined;
  /** Whether longer texts are cut to `maxLength`; if not, they are refused. Default true. */
  readonly truncation?: boolean | undefined;
  /** Which end of a longer text is cut off. Special tokens stay. Default "right". */
  readonly truncationSide?: "left" | "right" | undefined;
}

/**
 * Options of `AndromedaTokenizer.decode` and `decodeStream`.
 *
 * @category Data
 */
export interface DecodeOptions {
  /** Leaves out special tokens such as `<eos>`. Default false. */
  readonly skipSpecialTokens?: boolean | undefined;
}

/**
 * Token ids to text, one by one; see `AndromedaTokenizer.decoder`.
 *
 * @category Data
 */
export interface TokenDecoder {
  /**
   * Takes the next token.
   *
   * @returns The text that is certain by now; often nothing.
   * @throws {TokenizerError} If no token has this id.
   */
  push(id: number): string;
  /**
   * Ends the text.
   *
   * @returns What was held back.
   */
  end(): string;
}
