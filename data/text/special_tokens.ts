/**
 * Chooses the tokens that end and pad a text, and their place in the vocabulary.
 *
 * @module
 */

import { isRecord } from "../../common/record.ts";
import { show } from "../../common/show.ts";
import { ConfigError } from "../../errors.ts";
import type { Pipeline } from "./pipeline/pipeline.ts";
import type { TokenizerFiles } from "./tokenizer_files.ts";

/**
 * Replacements for a tokenizer's special tokens and its longest input.
 *
 * @category Data
 */
export interface SpecialTokenOptions {
  /** The token that ends a text. */
  readonly eosToken?: string | undefined;
  /** The token that pads a row of a batch. */
  readonly padToken?: string | undefined;
  /** How many `<extra_id_0>`, `<extra_id_1>`, ... to add. Default 0. */
  readonly extraIds?: number | undefined;
  /** Tokens that a text may have before `tokenizeTexts` cuts it. */
  readonly modelMaxLength?: number | undefined;
}

/** The same, decided. */
export interface SpecialTokens {
  /** The token that ends a text, if there is one. */
  readonly eosToken: string | undefined;
  /** The one that ended texts when the vocabulary was made, if that is known. */
  readonly ownEosToken: string | undefined;
  /** The token that fills a row of a batch up, if there is one. */
  readonly padToken: string | undefined;
  /** Those that are to be special tokens, in the order in which new ones take ids, with the extra ids. */
  readonly added: readonly string[];
  /** Tokens that a text may have before it is cut. */
  readonly modelMaxLength: number;
}

/** The documented settings of AndromedaTokenizer. Its special tokens are for its own vocabulary alone. */
const DOCUMENTED = {
  eosToken: "<eos>",
  ownEosToken: "<|endoftext|>",
  padToken: "<pad>",
  extraIds: 0,
  modelMaxLength: 8192,
};

/** More would take longer to add than to read the rest. */
const MOST_EXTRA_IDS = 1_000_000;

/**
 * Decides on the special tokens. An option goes first. A tokenizer that the caller chose comes next: what its config
 * names is what its model was trained with, and where that names an end but no padding, the end pads, so that no id
 * lies beyond the model's vocabulary. One that names no end has none. The documented settings hold for the default
 * tokenizer, whatever its config says, and for copies of it whose config says nothing.
 *
 * @param files The tokenizer.
 * @param pipeline The same, read.
 * @param options Replacements for its settings.
 * @returns The decided settings.
 * @throws {ConfigError} If an option is out of its range.
 */
export function chooseSpecialTokens(
  files: TokenizerFiles,
  pipeline: Pipeline,
  options: SpecialTokenOptions,
): SpecialTokens {
  const config = files.isDefault ? {} : files.config;
  const own = { eos: tokenContent(config["eos_token"]), pad: tokenContent(config["pad_token"]) };
  const isDocumented = files.isDefault || (own.eos === undefined && isDocumentedVocabulary(pipeline));
  const eosToken = options.eosToken ?? own.eos ?? (isDocumented ? DOCUMENTED.eosToken : undefined);
  const namedPad = options.padToken ?? own.pad ?? own.eos ?? (isDocumented ? DOCUMENTED.padToken : undefined);
  const padToken = namedPad ?? paddingOf(pipeline) ?? eosToken;
  for (const [name, token] of [["eosToken", eosToken], ["padToken", padToken]]) {
    if (token === "") throw new ConfigError(`Cannot use an empty ${name}: give the text of the token, such as "<eos>"`);
    if (token !== undefined && typeof token !== "string") {
      throw new ConfigError(`Cannot use ${show(token)} as ${name}: give the text of the token, such as "<eos>"`);
    }
  }

  const extraIds = options.extraIds ?? DOCUMENTED.extraIds;
  if (!Number.isSafeInteger(extraIds) || extraIds < 0 || extraIds > MOST_EXTRA_IDS) {
    throw new ConfigError(
      `Cannot add extraIds = ${show(extraIds)}: expected a whole number of tokens from 0 to ${MOST_EXTRA_IDS}`,
    );
  }
  const extra = Array.from({ length: extraIds }, (_, i) => `<extra_id_${i}>`);
  const added = [eosToken, namedPad, ...extra].filter((token) => token !== undefined);

  // Transformers writes 1e30 where a length was never set.
  const ownLength = config["model_max_length"];
  const hasOwnLength = typeof ownLength === "number" && Number.isSafeInteger(ownLength) && ownLength > 0;
  const modelMaxLength = options.modelMaxLength ?? (hasOwnLength ? ownLength : DOCUMENTED.modelMaxLength);
  if (!Number.isSafeInteger(modelMaxLength) || modelMaxLength < 1) {
    throw new ConfigError(
      `Cannot cut texts to modelMaxLength ${show(modelMaxLength)}: expected a whole number of tokens above 0`,
    );
  }
  const ownEosToken = tokenContent(files.config["eos_token"]) ??
    (isDocumentedVocabulary(pipeline) ? DOCUMENTED.ownEosToken : undefined);
  return { eosToken, ownEosToken, padToken, added, modelMaxLength };
}

/** Whether a vocabulary is that of GPT-NeoX, wherever the file comes from. */
function isDocumentedVocabulary({ tokens, modelSize }: Pipeline): boolean {
  return modelSize === 50_254 && tokens.idOf(DOCUMENTED.ownEosToken) === 0 && tokens.idOf("<|padding|>") === 1;
}

/** The padding token that tokenizer.json itself names, if it is one. */
function paddingOf({ padding, tokens }: Pipeline): string | undefined {
  return padding !== undefined && tokens.idOf(padding.token) === padding.id ? padding.token : undefined;
}

/** A config names a token by its text, or by an object with it. */
function tokenContent(token: unknown): string | undefined {
  const content = isRecord(token) ? token["content"] : token;
  return typeof content === "string" ? content : undefined;
}
