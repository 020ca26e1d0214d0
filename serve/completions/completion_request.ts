/**
 * Requests for completions, as OpenAI's interface describes them.
 *
 * @module
 */

import { ConfigError } from "../../errors.ts";
import { show } from "../../common/show.ts";
import { isRecord } from "../../common/record.ts";
import {
  atMost,
  type Field,
  type Fields,
  flag,
  integer,
  optional,
  real,
  value,
  word,
} from "../../models/config/fields.ts";
import { wrongField } from "../http/api_error.ts";

/** The most likeliest tokens that can be told beside each token. */
const MOST_LOGPROBS = 20;
/** The most stop strings, and characters of one. */
const MOST_STOPS = 4;
const LONGEST_STOP = 1000;

/** One prompt: a text, or token ids. */
export type Prompt = string | readonly number[];

/** A request, checked. Names are those of the interface. */
export interface CompletionRequest {
  readonly model: string | undefined;
  /** As it was given: one prompt, or several. */
  readonly prompt: Prompt | readonly Prompt[];
  readonly max_tokens: number;
  readonly temperature: number;
  readonly top_p: number | undefined;
  readonly top_k: number | undefined;
  readonly min_p: number | undefined;
  readonly n: number;
  readonly best_of: number | undefined;
  readonly stream: boolean;
  readonly stream_options: { readonly include_usage?: boolean } | undefined;
  readonly logprobs: number | undefined;
  readonly echo: boolean;
  readonly stop: string | readonly string[] | undefined;
  readonly stop_token_ids: readonly number[] | undefined;
  readonly seed: number | undefined;
  readonly presence_penalty: number;
  readonly frequency_penalty: number;
  readonly repetition_penalty: number | undefined;
  readonly logit_bias: Readonly<Record<string, number>> | undefined;
  readonly suffix: string | undefined;
  readonly user: string | undefined;
}

const isId = (id: unknown) => Number.isSafeInteger(id) && Number(id) >= 0;
const isIds = (ids: unknown) => Array.isArray(ids) && ids.length > 0 && ids.every(isId);
const isPrompt = (prompt: unknown) => typeof prompt === "string" || isIds(prompt);
const isStop = (stop: unknown) => typeof stop === "string" && stop !== "" && stop.length <= LONGEST_STOP;

const fields: Fields<CompletionRequest> = {
  model: optional(word()),
  prompt: value(
    (given) => isPrompt(given) || (Array.isArray(given) && given.length > 0 && given.every(isPrompt)),
    "it must be a text, a list of token ids, or a list of either",
  ),
  max_tokens: integer(16, 0),
  temperature: real(1, 0, 2),
  top_p: optional(value((mass) => typeof mass === "number" && mass > 0 && mass <= 1, "it must be > 0 and <= 1")),
  top_k: optional(integer(undefined, 1)),
  min_p: optional(real(undefined, 0, 1)),
  n: integer(1),
  best_of: optional(integer()),
  stream: flag(false),
  stream_options: optional(
    value(
      (given) =>
        isRecord(given) &&
        Object.entries(given).every(([name, each]) => name === "include_usage" && typeof each === "boolean"),
      "it must be { include_usage: true or false }",
    ),
  ),
  logprobs: optional(atMost(MOST_LOGPROBS, integer(undefined, 0))),
  echo: flag(false),
  stop: optional(
    value(
      (given) => isStop(given) || (Array.isArray(given) && given.length <= MOST_STOPS && given.every(isStop)),
      `it must be a text, or up to ${MOST_STOPS} of them, of 1 to ${LONGEST_STOP} characters`,
    ),
  ),
  stop_token_ids: optional(value((ids) => Array.isArray(ids) && ids.every(isId), "it must be a list of token ids")),
  seed: optional(value(Number.isSafeInteger, "it must be a whole number")),
  presence_penalty: real(0, -2, 2),
  frequency_penalty: real(0, -2, 2),
  repetition_penalty: optional(value((penalty) => typeof penalty === "number" && penalty > 0, "it must be > 0")),
  logit_bias: optional(
    value(
      (given) =>
        isRecord(given) &&
        Object.entries(given).every(([id, bias]) =>
          /^\d+$/.test(id) && typeof bias === "number" && Math.abs(bias) <= 100
        ),
      "it must be numbers from -100 to 100 by token id",
    ),
  ),
  suffix: optional(word()),
  user: optional(word()),
};

/**
 * Checks a request's fields.
 *
 * @throws {ApiError} Naming the field that is wrong.
 */
export function readCompletionRequest(json: Readonly<Record<string, unknown>>): CompletionRequest {
  const names = Object.keys(fields);
  const unknown = Object.keys(json).find((name) => !names.includes(name));
  if (unknown !== undefined) throw wrongField(unknown, `Cannot use ${show(unknown)}: there is no such field`);
  const read = Object.entries<Field<unknown>>(fields).map((
    [name, field],
  ) => [name, readField(name, field, json[name])]);
  const request: CompletionRequest = Object.fromEntries(read);
  checkTogether(request);
  return request;
}

/** The value of a field; null stands for one that is left out. */
function readField(name: string, field: Field<unknown>, given: unknown): unknown {
  if (given === undefined || given === null) {
    if (name === "prompt") throw wrongField(name, "Cannot complete without prompt: give a text");
    return field.fallback;
  }
  try {
    return field.check(name, given);
  } catch (error) {
    if (error instanceof ConfigError) throw wrongField(name, error.message);
    throw error;
  }
}

/** @throws {ApiError} For fields that don't go together, and what this server does not do. */
function checkTogether({ n, best_of, stream, stream_options, suffix, max_tokens, echo }: CompletionRequest): void {
  if (best_of !== undefined && best_of !== n) {
    throw wrongField("best_of", `Cannot use best_of = ${best_of}: it must be n, ${n}; texts are not ranked`);
  }
  if (suffix !== undefined && suffix !== "") {
    throw wrongField("suffix", "Cannot use suffix: texts are continued at their end only; leave it out");
  }
  if (stream_options !== undefined && !stream) {
    throw wrongField("stream_options", "Cannot use stream_options without stream = true: leave it out");
  }
  if (max_tokens === 0 && !echo) {
    throw wrongField("max_tokens", "Cannot use max_tokens = 0 without echo = true: nothing would come back");
  }
}

/** The prompts of a request, one or several. */
export function promptsOf({ prompt }: CompletionRequest): readonly Prompt[] {
  if (typeof prompt === "string") return [prompt];
  return prompt.every((part) => typeof part === "number")
    ? [prompt]
    : prompt.filter((part) => typeof part !== "number");
}

/** The strings that end a text. */
export function stopsOf({ stop }: CompletionRequest): readonly string[] {
  return stop === undefined ? [] : typeof stop === "string" ? [stop] : stop;
}
