/**
 * Generation from a text to a text.
 *
 * @module
 */

import { isRecord } from "../../../common/record.ts";
import { show } from "../../../common/show.ts";
import { ConfigError, ShapeError } from "../../../errors.ts";
import { camelCase } from "../../config/case.ts";
import { checkOptions, type Fields, optional, readFields, value } from "../../config/fields.ts";
import type { ContextInput } from "../../language/context.ts";
import type { GenerativeModel } from "../../language/generative_model.ts";
import type { GenerateOptions } from "../options.ts";
import { generateFields } from "../settings.ts";
import { isTextModel, type SequenceCache } from "../text_model.ts";
import { ContinuedText, type FinishReason } from "./continued_text.ts";
import { encodeText, type TextTokenizer } from "./text_tokenizer.ts";

/**
 * What `generateText` has beside the options of `generate`.
 *
 * @category Generation
 */
export interface TextOptions {
  /** Strings that end the text, which ends before the first of them. */
  readonly stop?: string | readonly string[] | undefined;
  /** Tokens that end the text, and are no part of it. Default: the tokenizer's end token. */
  readonly stopTokens?: readonly number[] | undefined;
  /** Told each token as it is made, also one that ends the text. */
  readonly onToken?: ((token: number) => void) | undefined;
}

/**
 * Options of `generateText`.
 *
 * @typeParam Context The options that say what the text looks at.
 *
 * @category Generation
 */
export type GenerateTextOptions<Context extends object = ContextInput> =
  & Omit<GenerateOptions<Context>, keyof TextOptions>
  & TextOptions;

/** The options that this call reads itself. */
interface OwnOptions extends TextOptions {
  readonly eosToken: number | undefined;
}

const isStop = (stop: unknown) => typeof stop === "string" && stop !== "";

const fields: Fields<OwnOptions> = {
  stop: optional(
    value<string | readonly string[]>(
      (given) => isStop(given) || (Array.isArray(given) && given.every(isStop)),
      "it must be a text of at least one character, or a list of such texts",
    ),
  ),
  onToken: optional(value<(token: number) => void>((given) => typeof given === "function", "it must be a function")),
  stopTokens: generateFields.stopTokens,
  eosToken: generateFields.eosToken,
};

/**
 * Continues a text: gives pieces of text as they are made. A character comes when all of its bytes are there, and what
 * may begin a stop string when it is certain that it does not. Leaving the loop ends the text and frees what it holds.
 *
 * @param model Continues the text; where it wants more than a text, the options give it.
 * @param tokenizer The model's.
 * @param prompt The text, or its token ids where special tokens must stand in it.
 * @param options Those of `generate`, and strings that end the text. A prompt longer than `maxSeqLen` is refused unless
 * `overflow` says how it goes on.
 * @returns Pieces of text, none empty, and at their end why the text has ended.
 * @throws {ConfigError} For options that can't work, and for a tokenizer with ids that the model does not have.
 * @throws {ShapeError} For a prompt without tokens, or with too many.
 * @throws {TokenizerError} For a text that the tokenizer can't encode.
 * @throws As `GenerativeModel.generate` while the text is made.
 *
 * @example
 * ```ts
 * import { AndromedaTokenizer, generateText, loadLanguageModel } from "../../../mod.ts";
 *
 * const tokenizer = await AndromedaTokenizer.load("examples/shakespeare");
 * const model = await loadLanguageModel("examples/shakespeare");
 * const options = { maxNewTokens: 40, temperature: 0, stop: "\n" };
 * for await (const text of generateText(model, tokenizer, "My gracious", options)) console.log(text);
 * model.dispose();
 * ```
 *
 * @category Generation
 */
export async function* generateText<Context extends object = ContextInput>(
  model: GenerativeModel<SequenceCache, Context>,
  tokenizer: TextTokenizer,
  prompt: string | readonly number[],
  options?: GenerateTextOptions<Context>,
): AsyncGenerator<string, FinishReason, void> {
  if (!isTextModel(model)) throw new ConfigError(`Cannot continue a text with ${show(model)}: give a language model`);
  checkTokenizer(tokenizer);
  const { own, others } = partOptions<GenerateOptions<Context>>(options ?? {});
  const { numTokens, maxSeqLen } = model.net;
  const { eosId } = tokenizer;
  const ends = new Set(own.stopTokens ?? (eosId !== undefined && eosId < numTokens ? [eosId] : []));
  if (own.eosToken !== undefined) ends.add(own.eosToken);
  const ids = typeof prompt === "string" ? encodeText(tokenizer, prompt, numTokens) : checkIds(prompt);
  if (ids.length > maxSeqLen && others.overflow === undefined) {
    throw new ShapeError(
      `Cannot continue a prompt of ${ids.length} tokens: maxSeqLen = ${maxSeqLen}; shorten it, or let overflow be ` +
        `"slide" or "recompute", which see its last ${maxSeqLen}`,
    );
  }
  const tokens = model.generate(ids, { ...others, stopTokens: [...ends] });
  const text = new ContinuedText(tokenizer, ids, typeof own.stop === "string" ? [own.stop] : own.stop ?? []);
  let isEnded = false;
  for await (const token of tokens) {
    own.onToken?.(token);
    isEnded = ends.has(token);
    const piece = isEnded ? "" : text.push(token);
    if (piece !== "") yield piece;
    if (text.isStopped) return "stop";
  }
  const rest = text.end();
  if (rest !== "") yield rest;
  return isEnded || text.isStopped ? "stop" : "length";
}

/** The options that are read here, and the others as they were given. */
function partOptions<Others>(options: object): { readonly own: OwnOptions; readonly others: Others } {
  const entries = Object.entries(checkOptions("generateText", options));
  const part = (isOwn: boolean) => Object.fromEntries(entries.filter(([name]) => camelCase(name) in fields === isOwn));
  return { own: readFields<OwnOptions>("generateText", fields, part(true)), others: part(false) as Others };
}

/** @throws {ConfigError} Where callers without types give something else, such as the prompt. */
function checkTokenizer(tokenizer: unknown): void {
  const methods: readonly (keyof TextTokenizer)[] = ["encode", "decoder"];
  if (isRecord(tokenizer) && methods.every((name) => typeof tokenizer[name] === "function")) return;
  throw new ConfigError(
    `Cannot use ${show(tokenizer)} as a tokenizer: give what AndromedaTokenizer.load() gives, before the prompt`,
  );
}

/** @throws {ConfigError} For what is no list; `generate` checks its ids. */
function checkIds(prompt: readonly number[]): readonly number[] {
  if (Array.isArray(prompt)) return prompt;
  throw new ConfigError(`Cannot continue ${show(prompt)}: give a text, or a list of token ids`);
}
