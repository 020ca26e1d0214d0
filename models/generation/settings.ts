/**
 * Reads the options of generation, and checks them before anything runs. Each option of `options.ts` has its default
 * and its rule in one of the tables here; a missing one does not compile.
 *
 * @module
 */

import type { Tensor } from "../../backend/memory.ts";
import type { LogitsFilter } from "../../backend/operations/sampling.ts";
import { isRecord } from "../../common/record.ts";
import { show } from "../../common/show.ts";
import { ConfigError } from "../../errors.ts";
import { CACHE_FORMATS } from "../../formats/formats.ts";
import { choice, type Field, type Fields, integer, optional, readFields, real, value } from "../config/fields.ts";
import { contextFields } from "../language/context.ts";
import type {
  GenerateOptions,
  GuidanceOptions,
  SamplingOptions,
  SequenceOptions,
  SessionOptions,
  StrategyOptions,
} from "./options.ts";
import { strategies, type Strategy } from "./sampling/filters.ts";
import type { Sampling } from "./sampling/sampling.ts";
import type { ContextSource } from "./sequences/context.ts";
import { type Overflow, overflowOf } from "./sequences/overflow.ts";
import type { SequenceBatchOptions } from "./sequences/sequence_batch.ts";
import { isTextModel, type TextModel } from "./text_model.ts";

/** The largest factor of penalties and guidance, because a larger one could make finite logits infinite. */
const STRONGEST = 1e6;

/** A number that satisfies a rule of its own. */
const number = (fallback: number, isRight: (value: number) => boolean, rule: string): Field<number> => ({
  ...value<number>((given) => typeof given === "number" && isRight(given), rule),
  fallback,
});
const isShare = (given: unknown) => typeof given === "number" && given >= 0 && given <= 1;
const isFunction = (given: unknown) => typeof given === "function";
const callback = <T>(): Field<T | undefined> => optional(value<T>(isFunction, "it must be a function"));
const isTokenIds = (ids: unknown): ids is readonly number[] =>
  (Array.isArray(ids) || ids instanceof Int32Array) && Array.from(ids).every(Number.isInteger);

const isBias = (bias: unknown) => typeof bias === "number" && Math.abs(bias) <= STRONGEST;
const isBiases = (given: unknown) =>
  given instanceof Map ? [...given.values()].every(isBias) : isRecord(given) && Object.values(given).every(isBias);

/** The rules of a strategy and its thresholds. */
export const strategyFields = {
  strategy: optional(choice<Strategy>(["temperature", "top_k", "top_p", "top_a", "min_p"], "temperature")),
  filterThres: optional(real(0, 0, 1)),
  minPPow: real(2, 0),
  minPRatio: real(0.02, 0, 1),
} satisfies Fields<StrategyOptions>;

const samplingFields = {
  ...strategyFields,
  maxNewTokens: integer(256, 0),
  temperature: real(1, 0),
  topK: optional(integer()),
  topP: optional(value<number>((mass) => isShare(mass) && mass !== 0, "it must be > 0 and <= 1")),
  minP: optional(real(0, 0, 1)),
  topA: optional(
    value<number | { readonly power: number; readonly ratio: number }>(
      (given) => isShare(given) || isPowerAndRatio(given),
      "it must be a ratio from 0 to 1, or { power >= 0, ratio }",
    ),
  ),
  repetitionPenalty: number(
    1,
    (penalty) => penalty >= 1 / STRONGEST && penalty <= STRONGEST,
    `it must be > 0, from ${1 / STRONGEST} to ${STRONGEST}`,
  ),
  presencePenalty: real(0, -STRONGEST, STRONGEST),
  frequencyPenalty: real(0, -STRONGEST, STRONGEST),
  logitBias: optional(
    value<NonNullable<SamplingOptions["logitBias"]>>(isBiases, `it must be numbers up to ${STRONGEST} by token id`),
  ),
  seed: optional(value<number>(Number.isSafeInteger, "it must be a whole number")),
  stopTokens: optional(value<readonly number[]>(isTokenIds, "it must be a list of token ids")),
  eosToken: optional(integer(undefined, 0)),
  draft: optional(value<TextModel>(isTextModel, "it must be a text model")),
  gamma: number(5, (count) => Number.isInteger(count) && count >= 1 && count <= 64, "it must be from 1 to 64"),
  onDraft: callback<NonNullable<SamplingOptions["onDraft"]>>(),
  onLogits: callback<NonNullable<SamplingOptions["onLogits"]>>(),
  signal: optional(
    value<AbortSignal>(
      (signal) => isRecord(signal) && isFunction(signal["throwIfAborted"]) && isFunction(signal["addEventListener"]),
      "it must be an AbortSignal",
    ),
  ),
} satisfies Fields<SamplingOptions>;

const sessionFields = {
  ...contextFields,
  overflow: optional(choice<Overflow>(["slide", "recompute", "stop"], "slide")),
  cacheDtype: choice(CACHE_FORMATS, "f32"),
} satisfies Fields<SessionOptions>;

const guidanceFields = {
  guidanceScale: real(1, -STRONGEST, STRONGEST),
  negativePrompt: optional(
    value<readonly number[]>(
      (ids) => isTokenIds(ids) && ids.length > 0,
      "it must be a list of at least one token id",
    ),
  ),
} satisfies Fields<GuidanceOptions>;

/** The rules of all options. */
export const generateFields = {
  ...samplingFields,
  ...sessionFields,
  ...guidanceFields,
} satisfies Fields<GenerateOptions>;

/** Options that a turn of a session can't have: they hold for the whole text, or need rows beside its own. */
export const NOT_IN_A_TURN: readonly string[] = Object.keys({ ...sessionFields, ...guidanceFields });

type Given = ReturnType<typeof readGiven>;

const readGiven = (options: GenerateOptions) => readFields("generate", generateFields, options);

/** Options that become one filter of logits. */
type Filters = keyof StrategyOptions | "topK" | "topP" | "minP" | "topA";

/** Settings that hold for a sequence as long as it is continued. */
export interface SequenceSettings extends ContextSource, Pick<SequenceBatchOptions, keyof SequenceOptions> {}

/** Options, checked, with their defaults. */
export interface Settings
  extends
    Sampling,
    SequenceSettings,
    Omit<Given, Filters | "stopTokens" | "eosToken" | keyof Sampling | keyof SessionOptions> {
  /** Tokens that end a text. */
  readonly ends: ReadonlySet<number>;
}

/**
 * Checks options and fills in defaults.
 *
 * @param encode Makes the context, where a model makes its own.
 * @throws {ConfigError} With the option, its value and the rule that it breaks.
 */
export function readSettings(model: TextModel, options: GenerateOptions, encode?: () => Tensor): Settings {
  const given = readGiven(options);
  const { topK, topP, minP, topA, strategy, filterThres, minPPow, minPRatio, stopTokens, eosToken, ...rest } = given;
  const filters = { topK, topP, minP, topA, strategy, filterThres, minPPow, minPRatio };
  const { numTokens } = model.net;
  checkPredictsNext(model);
  const ends = new Set([...(stopTokens ?? []), ...(eosToken === undefined ? [] : [eosToken])]);
  checkTokens("stopTokens", ends, numTokens);
  checkTokens("negativePrompt", rest.negativePrompt ?? [], numTokens);
  const logitBias = rest.logitBias && readBiases(rest.logitBias, numTokens);
  if (rest.draft) checkDraft(model, rest.draft, rest.guidanceScale);
  return {
    ...rest,
    filter: readFilter(filters, numTokens),
    logitBias,
    seed: (rest.seed ?? Math.floor(Math.random() * 2 ** 32)) >>> 0,
    ends,
    overflow: overflowOf(model, rest.overflow),
    context: encode ?? rest.context,
  };
}

/**
 * Checks the options of a session and fills in defaults.
 *
 * @throws {ConfigError} As `readSettings`.
 */
export function readSessionSettings(
  model: TextModel,
  options: SessionOptions,
  encode?: () => Tensor,
): SequenceSettings {
  const given = readFields("session", sessionFields, options);
  checkPredictsNext(model);
  return { ...given, overflow: overflowOf(model, given.overflow), context: encode ?? given.context };
}

/** Biases by token id. */
function readBiases(given: NonNullable<SamplingOptions["logitBias"]>, numTokens: number): ReadonlyMap<number, number> {
  const entries: Iterable<readonly [number | string, number]> = given instanceof Map ? given : Object.entries(given);
  const biases = new Map<number, number>();
  for (const [token, bias] of entries) {
    if (token === "" || !Number.isInteger(Number(token))) {
      throw new ConfigError(`Cannot use logitBias of ${show(token)}: it must be numbers by token id`);
    }
    biases.set(Number(token), bias);
  }
  checkTokens("logitBias", biases.keys(), numTokens);
  return biases;
}

/** The filters given by name and by strategy, in one. */
function readFilter(given: Pick<Given, Filters>, numTokens: number): LogitsFilter {
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

function isPowerAndRatio(given: unknown): boolean {
  return isRecord(given) && typeof given["power"] === "number" && given["power"] >= 0 && isShare(given["ratio"]);
}

function checkPredictsNext({ net: { isCausal } }: TextModel): void {
  if (isCausal) return;
  throw new ConfigError(
    "Cannot generate with a network that sees later tokens: only a decoder predicts the next token; " +
      'configure attnLayers = "decoder"',
  );
}

function checkTokens(name: string, ids: Iterable<number>, numTokens: number): void {
  for (const id of ids) {
    if (id >= 0 && id < numTokens) continue;
    throw new ConfigError(
      `Cannot use ${name} with token id ${id}: ids must be from 0 to numTokens - 1 = ${numTokens - 1}`,
    );
  }
}

function checkDraft(model: TextModel, draft: TextModel, guidanceScale: number): void {
  const [own, other] = [model.net, draft.net];
  const rules: readonly (readonly [isBroken: boolean, rule: string])[] = [
    [draft.backend !== model.backend, "it must be on the model's backend: move one with to(backend)"],
    [
      other.numTokens !== own.numTokens,
      `its numTokens = ${other.numTokens} must be the model's, ${own.numTokens}: both need one vocabulary`,
    ],
    [!other.isCausal, "it must be a decoder"],
    [other.contextDim !== undefined, "it must be a model without crossAttend"],
    [
      !own.canCache,
      "the model must be one that can cache its keys and values, for drafted tokens to be verified together",
    ],
    [guidanceScale !== 1, "leave out guidanceScale"],
  ];
  for (const [isBroken, rule] of rules) {
    if (isBroken) throw new ConfigError(`Cannot use the draft model: ${rule}`);
  }
}
