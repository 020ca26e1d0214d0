/**
 * Which tokens end and pad a text, and their place in the vocabulary.
 *
 * @module
 */

import { ConfigError, TokenizerError } from "../backend.ts";
import { isRecord } from "./tokenizer_files.ts";
import type { TokenizerFiles } from "./tokenizer_files.ts";

/** What replaces a tokenizer's special tokens and its longest input. */
export interface SpecialTokenOptions {
  /** The token that ends a text. */
  readonly eosToken?: string | undefined;
  /** The token that fills a row of a batch up. */
  readonly padToken?: string | undefined;
  /** How many `<extra_id_0>`, `<extra_id_1>`, ... to add. Default 0. */
  readonly extraIds?: number | undefined;
  /** Tokens that a text may have before `tokenizeTexts` cuts it. */
  readonly modelMaxLength?: number | undefined;
}

/** The same, decided. */
export interface SpecialTokens {
  /** The token that ends a text. */
  readonly eosToken: string;
  /** The token that fills a row of a batch up. */
  readonly padToken: string;
  /** Further tokens to add. */
  readonly extraTokens: readonly string[];
  /** Tokens that a text may have before it is cut. */
  readonly modelMaxLength: number;
}

/** The documented settings of AndromedaTokenizer, which stand where neither an option nor the tokenizer says otherwise. */
const DOCUMENTED = { eosToken: "<eos>", padToken: "<pad>", extraIds: 0, modelMaxLength: 8192 };

/**
 * Decides on the special tokens. An option goes first. A tokenizer that the caller chose comes next: what its config
 * names is what its model was trained with, and where it names an end but no padding, the end pads, so that no id lies beyond
 * the model's vocabulary. The documented settings fill the rest, and hold for the default tokenizer whatever its config says.
 *
 * @param files The tokenizer.
 * @param options What replaces its settings.
 * @returns The decided settings.
 * @throws {ConfigError} An option is out of its range.
 */
export function chooseSpecialTokens(files: TokenizerFiles, options: SpecialTokenOptions): SpecialTokens {
  const config = files.isDefault ? {} : files.config;
  const named = { eos: tokenContent(config["eos_token"]), pad: tokenContent(config["pad_token"]) };
  const eosToken = options.eosToken ?? named.eos ?? DOCUMENTED.eosToken;
  const padToken = options.padToken ?? named.pad ?? named.eos ?? DOCUMENTED.padToken;
  for (const [name, token] of [["eosToken", eosToken], ["padToken", padToken]]) {
    if (token === "") throw new ConfigError(`Cannot use an empty ${name}: give the text of the token, such as "<eos>"`);
  }

  const extraIds = options.extraIds ?? DOCUMENTED.extraIds;
  if (!Number.isSafeInteger(extraIds) || extraIds < 0) {
    throw new ConfigError(`Cannot add extraIds ${extraIds}: expected a whole number of tokens, 0 or more`);
  }
  const extraTokens = Array.from({ length: extraIds }, (_, i) => `<extra_id_${i}>`);

  // Transformers writes 1e30 where a length was never set.
  const ownLength = config["model_max_length"];
  const hasOwnLength = typeof ownLength === "number" && Number.isSafeInteger(ownLength) && ownLength > 0;
  const modelMaxLength = options.modelMaxLength ?? (hasOwnLength ? ownLength : DOCUMENTED.modelMaxLength);
  if (!Number.isSafeInteger(modelMaxLength) || modelMaxLength < 1) {
    throw new ConfigError(
      `Cannot cut texts to modelMaxLength ${modelMaxLength}: expected a whole number of tokens above 0`,
    );
  }
  return { eosToken, padToken, extraTokens, modelMaxLength };
}

/**
 * A tokenizer.json whose added tokens include the given ones. A token that the vocabulary lacks takes the next free id.
 *
 * @param tokenizer The parsed tokenizer.json, which stays as it is.
 * @param tokens The tokens, in the order in which new ones take ids.
 * @returns The extended tokenizer.json.
 * @throws {TokenizerError} The vocabulary is not one.
 */
export function withSpecialTokens(
  tokenizer: Record<string, unknown>,
  tokens: readonly string[],
): Record<string, unknown> {
  const added: Record<string, unknown>[] = [];
  const idOf = modelVocabulary(tokenizer["model"]);
  const listed = tokenizer["added_tokens"] ?? [];
  if (!Array.isArray(listed)) throw new TokenizerError(`Cannot read added_tokens of tokenizer.json: expected a list`);
  for (const entry of listed) {
    if (!isRecord(entry) || typeof entry["content"] !== "string" || !isTokenId(entry["id"])) {
      throw new TokenizerError(
        `Cannot read added_tokens of tokenizer.json: expected entries with id and content, got ${
          JSON.stringify(entry)
        }`,
      );
    }
    added.push(entry);
    idOf.set(entry["content"], entry["id"]);
  }

  const isAdded = new Set(added.map((entry) => entry["content"]));
  let nextId = 0;
  for (const id of idOf.values()) nextId = Math.max(nextId, id + 1);
  for (const content of tokens) {
    if (isAdded.has(content)) continue;
    const id = idOf.get(content) ?? nextId++;
    added.push({ id, content, special: true, single_word: false, lstrip: false, rstrip: false, normalized: false });
    isAdded.add(content);
  }
  return { ...tokenizer, added_tokens: added };
}

/** Ids by token: an object for BPE and WordPiece, a list of [token, score] for Unigram. */
function modelVocabulary(model: unknown): Map<string, number> {
  const vocab = isRecord(model) ? model["vocab"] : undefined;
  const idOf = new Map<string, number>();
  if (Array.isArray(vocab)) {
    vocab.forEach((entry, id) => idOf.set(String(Array.isArray(entry) ? entry[0] : entry), id));
  } else if (isRecord(vocab)) {
    for (const [token, id] of Object.entries(vocab)) {
      if (!isTokenId(id)) {
        throw new TokenizerError(
          `Cannot read the vocabulary of tokenizer.json: the id of ${JSON.stringify(token)} is ${id}`,
        );
      }
      idOf.set(token, id);
    }
  } else {
    throw new TokenizerError("Cannot read a tokenizer: tokenizer.json has no model.vocab");
  }
  return idOf;
}

function isTokenId(id: unknown): id is number {
  return typeof id === "number" && Number.isInteger(id) && id >= 0 && id < 2 ** 31;
}

/** A config names a token by its text, or by an object with it. */
function tokenContent(token: unknown): string | undefined {
  const content = isRecord(token) ? token["content"] : token;
  return typeof content === "string" ? content : undefined;
}
