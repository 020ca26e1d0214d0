/**
 * The options of generation, checked before anything runs.
 *
 * @module
 */

import type { CacheFormat, Tensor } from "../../backend/memory.ts";
import type { LogitsFilter } from "../../backend/operations.ts";
import { isRecord } from "../../common/record.ts";
import { show } from "../../common/show.ts";
import { ConfigError } from "../../errors.ts";
import { choice, type Fields, integer, optional, readFields, real, value } from "../config/fields.ts";
import { maskField, type MaskInput, tensorField } from "../language/tokens.ts";
import { TransformerNet } from "../network/transformer_net.ts";
import type { ContextInput } from "./context.ts";
import { strategies, type Strategy } from "./filters.ts";
import { type Overflow, overflowOf } from "./overflow.ts";
import type { Sampling } from "./sampling.ts";
import type { TextModel } from "./text_model.ts";

/** Options that every way of generating has. */
export interface SamplingOptions {
  /** Most tokens to make. Default 256. */
  readonly maxNewTokens?: number | undefined;
  /** Divides the logits after filtering; 0 is greedy. Default 1. */
  readonly temperature?: number | undefined;
  /** Keep the k largest logits. */
  readonly topK?: number | undefined;
  /** Keep the smallest set of tokens of at least this probability together. */
  readonly topP?: number | undefined;
  /** Keep tokens of at least this share of the largest probability. */
  readonly minP?: number | undefined;
  /** Keep probabilities of at least max(p)^power · ratio; a number is the ratio, with power 2. */
  readonly topA?: number | { readonly power: number; readonly ratio: number } | undefined;
  /**
   * A documented strategy, with its thresholds: see `FilterThresholds`. Default "top_k" where `filterThres` is given,
   * else none.
   */
  readonly strategy?: Strategy | undefined;
  /** Threshold of the strategy: top_k keeps ⌈(1 - filterThres) · numTokens⌉ tokens, top_p a mass of filterThres. */
  readonly filterThres?: number | undefined;
  /** Power of strategy "top_a". Default 2. */
  readonly minPPow?: number | undefined;
  /** Ratio of strategy "top_a". Default 0.02. */
  readonly minPRatio?: number | undefined;
  /** Penalty on tokens of the prompt and of what was made (arXiv 1909.05858); 1, the default, is none. */
  readonly repetitionPenalty?: number | undefined;
  /** Seed of the draws: the same seed gives the same tokens. Default: another one each time. */
  readonly seed?: number | undefined;
  /** Tokens that end the text, each the last token of it where it comes. */
  readonly stopTokens?: readonly number[] | undefined;
  /** The same for one token, by its documented name. */
  readonly eosToken?: number | undefined;
  /** A smaller model on the same backend with the same vocabulary, whose guesses are verified together (arXiv 2211.17192). */
  readonly draft?: TextModel | undefined;
  /** Tokens that the draft guesses at a time. Default 5. */
  readonly gamma?: number | undefined;
  /** Told after each verification how many of the guessed tokens were accepted. */
  readonly onDraft?: ((accepted: number, guessed: number) => void) | undefined;
  /** Told the logits [numTokens] that each token is drawn from, before penalty and filters; this reads them back. */
  readonly onLogits?: ((logits: Float32Array, index: number, row: number) => void) | undefined;
  /** Ends the generation: it rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** Options of a session: those that hold for a text as long as it is continued. */
export interface SessionOptions extends ContextInput {
  /** What happens beyond `maxSeqLen`. Default: "slide" where the model can, else "recompute". */
  readonly overflow?: Overflow | undefined;
  /**
   * How keys and values of the text are kept; a draft keeps its own as f32. "f16" halves their memory, and what a token
   * must read of it, at an error of 0.05 % of each value; "q8_0" takes 27 % of it, at an error of 0.4 % of the largest
   * of 32 values, and needs heads whose width 32 divides. Default "f32". Engines that don't have a format say so.
   */
  readonly cacheDtype?: CacheFormat | undefined;
}

/** Options of `generate` and `generateBatch`. */
export interface GenerateOptions extends SamplingOptions, SessionOptions {
  /** Classifier-free guidance: uncond + guidanceScale · (cond - uncond). 1, the default, is none. */
  readonly guidanceScale?: number | undefined;
  /** The unconditional text. Default: the prompt without its context, or the prompt's last token where there is no context. */
  readonly negativePrompt?: readonly number[] | undefined;
}

/** Options, checked, with their defaults. */
export interface Settings extends Sampling {
  readonly maxNewTokens: number;
  readonly ends: ReadonlySet<number>;
  readonly overflow: Overflow;
  readonly cacheDtype: CacheFormat;
  readonly guidanceScale: number;
  readonly negativePrompt: readonly number[] | undefined;
  readonly draft: TextModel | undefined;
  readonly gamma: number;
  readonly onDraft: GenerateOptions["onDraft"];
  readonly onLogits: GenerateOptions["onLogits"];
  readonly context: Tensor | undefined;
  readonly contextMask: MaskInput | undefined;
  readonly signal: AbortSignal | undefined;
}

type Given = GenerateOptions & {
  readonly maxNewTokens: number;
  readonly temperature: number;
  readonly minPPow: number;
  readonly minPRatio: number;
  readonly repetitionPenalty: number;
  readonly cacheDtype: CacheFormat;
  readonly guidanceScale: number;
  readonly gamma: number;
};

/** What penalties and guidance may multiply a logit with: more would make infinities of logits that are none. */
const STRONGEST = 1e6;

const isTokenIds = (ids: unknown) =>
  (Array.isArray(ids) || ids instanceof Int32Array) && Array.from(ids).every(Number.isInteger);
const isNumber = (value: unknown, least: number, most: number) =>
  typeof value === "number" && value >= least && value <= most;
const isRatio = (value: unknown) => isNumber(value, 0, 1);

/** What holds for a text as long as it is continued. */
const sessionFields: Fields<SessionOptions & Pick<Given, "cacheDtype">> = {
  overflow: optional(choice(["slide", "recompute", "stop"], "slide")),
  cacheDtype: choice(["f32", "f16", "q8_0"], "f32"),
  context: tensorField,
  contextMask: maskField,
};

/** A documented strategy and its thresholds. */
export const strategyFields: Fields<Pick<Given, "strategy" | "filterThres" | "minPPow" | "minPRatio">> = {
  strategy: optional(choice(["temperature", "top_k", "top_p", "top_a", "min_p"], "temperature")),
  filterThres: optional(real(0, 0, 1)),
  minPPow: real(2, 0),
  minPRatio: real(0.02, 0, 1),
};

const fields: Fields<Given> = {
  ...sessionFields,
  ...strategyFields,
  maxNewTokens: integer(256, 0),
  temperature: real(1, 0),
  topK: optional(integer()),
  topP: optional(value((mass) => isRatio(mass) && mass !== 0, "it must be > 0 and <= 1")),
  minP: optional(real(0, 0, 1)),
  topA: optional(
    value<number | { power: number; ratio: number }>(
      (given) =>
        isRatio(given) || (isRecord(given) && isNumber(given["power"], 0, Infinity) && isRatio(given["ratio"])),
      "it must be a ratio from 0 to 1, or { power >= 0, ratio }",
    ),
  ),
  repetitionPenalty: {
    ...value(
      (penalty) => isNumber(penalty, 1 / STRONGEST, STRONGEST),
      `it must be > 0, from ${1 / STRONGEST} to ${STRONGEST}`,
    ),
    fallback: 1,
  },
  seed: optional(value(Number.isSafeInteger, "it must be a whole number")),
  stopTokens: optional(value<readonly number[]>(isTokenIds, "it must be a list of token ids")),
  eosToken: optional(integer(undefined, 0)),
  draft: optional(value<TextModel>(isTextModel, "it must be a text model")),
  gamma: {
    ...value((count) => Number.isInteger(count) && isNumber(count, 1, 64), "it must be from 1 to 64"),
    fallback: 5,
  },
  onDraft: optional(value(isFunction, "it must be a function")),
  onLogits: optional(value(isFunction, "it must be a function")),
  signal: optional(
    value<AbortSignal>(
      (signal) => isRecord(signal) && isFunction(signal["throwIfAborted"]) && isFunction(signal["addEventListener"]),
      "it must be an AbortSignal",
    ),
  ),
  guidanceScale: {
    ...value(
      (scale) => isNumber(scale, -STRONGEST, STRONGEST),
      `it must be a number from ${-STRONGEST} to ${STRONGEST}`,
    ),
    fallback: 1,
  },
  negativePrompt: optional(
    value<readonly number[]>(
      (ids) => isTokenIds(ids) && (ids as readonly number[]).length > 0,
      "it must be a list of at least one token id",
    ),
  ),
};

/**
 * Checks options and fills in defaults.
 *
 * @throws {ConfigError} with the option, its value and the rule that it breaks
 */
export function readSettings(model: TextModel, options: GenerateOptions): Settings {
  const given = readFields<Given>("generate", fields, options);
  const { numTokens } = model.net;
  checkDecoder(model);
  const ends = new Set([...(given.stopTokens ?? []), ...(given.eosToken === undefined ? [] : [given.eosToken])]);
  checkTokens("stopTokens", ends, numTokens);
  checkTokens("negativePrompt", given.negativePrompt ?? [], numTokens);
  if (given.draft) checkDraft(model, given.draft, given);
  return {
    maxNewTokens: given.maxNewTokens,
    temperature: given.temperature,
    filter: readFilter(given, numTokens),
    repetitionPenalty: given.repetitionPenalty,
    seed: (given.seed ?? Math.floor(Math.random() * 2 ** 32)) >>> 0,
    ends,
    overflow: overflowOf(model, given.overflow),
    cacheDtype: given.cacheDtype,
    guidanceScale: given.guidanceScale,
    negativePrompt: given.negativePrompt,
    draft: given.draft,
    gamma: given.gamma,
    onDraft: given.onDraft,
    onLogits: given.onLogits,
    context: given.context,
    contextMask: given.contextMask,
    signal: given.signal,
  };
}

/**
 * Checks the options of a text and fills in defaults.
 *
 * @throws {ConfigError} as `readSettings`
 */
export function readSessionSettings(model: TextModel, options: SessionOptions): Pick<Settings, keyof SessionOptions> {
  const given = readFields("session", sessionFields, options);
  checkDecoder(model);
  const { context, contextMask, cacheDtype } = given;
  return { overflow: overflowOf(model, given.overflow), cacheDtype, context, contextMask };
}

/** Whether a value is a model that generation can use. */
export function isTextModel(value: unknown): value is TextModel {
  return isRecord(value) && value["net"] instanceof TransformerNet;
}

/** The filters given by name and by strategy, in one. */
function readFilter(given: Given, numTokens: number): LogitsFilter {
  const { topK, topP, minP, filterThres, minPPow, minPRatio } = given;
  const topA = typeof given.topA === "number" ? { power: 2, ratio: given.topA } : given.topA;
  const strategy = given.strategy ?? (filterThres === undefined ? "temperature" : "top_k");
  if (strategy === "top_p" && filterThres === 0) {
    throw new ConfigError("Cannot use filterThres = 0 with strategy = top_p: the nucleus must have a mass > 0");
  }
  const filter = strategies[strategy]({ filterThres, minPPow, minPRatio, numTokens });
  for (const [name, value] of Object.entries({ topK, topP, minP, topA })) {
    if (value === undefined || !(name in filter)) continue;
    throw new ConfigError(`Cannot use ${name} = ${show(value)} and strategy = ${strategy}: give one of them`);
  }
  return { topK, topP, minP, topA, ...filter };
}

function checkDecoder({ net: { isCausal } }: TextModel): void {
  if (isCausal) return;
  throw new ConfigError("Cannot generate with attnLayers = encoder: only a decoder predicts the next token");
}

function checkTokens(name: string, ids: Iterable<number>, numTokens: number): void {
  for (const id of ids) {
    if (id >= 0 && id < numTokens) continue;
    throw new ConfigError(
      `Cannot use ${name} with token id ${id}: ids must be from 0 to numTokens - 1 = ${numTokens - 1}`,
    );
  }
}

function checkDraft(model: TextModel, draft: TextModel, { guidanceScale }: Given): void {
  const [own, other] = [model.net, draft.net];
  const rules: readonly (readonly [broken: boolean, rule: string])[] = [
    [draft.backend !== model.backend, "it must be on the model's backend: move one with to(backend)"],
    [
      other.numTokens !== own.numTokens,
      `its numTokens = ${other.numTokens} must be the model's, ${own.numTokens}: both need one vocabulary`,
    ],
    [!other.isCausal, "it must be a decoder"],
    [other.contextDim !== undefined, "it must be a model without crossAttend"],
    [
      !model.net.canCache,
      "the model must be one that can cache its keys and values, for guesses to be verified together",
    ],
    [guidanceScale !== 1, "leave out guidanceScale"],
  ];
  for (const [broken, rule] of rules) {
    if (broken) throw new ConfigError(`Cannot use the draft model: ${rule}`);
  }
}

function isFunction(value: unknown): boolean {
  return typeof value === "function";
}
