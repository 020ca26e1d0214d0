/**
 * The options of a handler and their rules.
 *
 * @module
 */

import type { CacheFormat } from "../backend/memory.ts";
import { ConfigError } from "../errors.ts";
import { CACHE_FORMATS } from "../formats/formats.ts";
import { choice, type Fields, integer, optional, readFields, value, word } from "../models/config/fields.ts";

/**
 * Options of `createHandler`.
 *
 * @category Serving
 */
export interface HandlerOptions {
  /** The name that requests give the model. Default "andromeda". */
  readonly modelName?: string | undefined;
  /** A key, or several, of which every request but those for /health must send one. Default: none is asked for. */
  readonly apiKey?: string | readonly string[] | undefined;
  /** Origins whose pages may send requests: "*", or a list. Default: none. */
  readonly cors?: "*" | readonly string[] | undefined;
  /** The most texts that are continued at the same time; each has its own keys and values in memory. Default 8. */
  readonly maxConcurrent?: number | undefined;
  /** The most texts that wait for their turn; further requests are refused with 429. Default 64. */
  readonly maxQueue?: number | undefined;
  /** Milliseconds that a text may wait for its turn; then its request is refused with 503. Default 60,000. */
  readonly maxWait?: number | undefined;
  /** The most tokens of a prompt. Default: what the context leaves. */
  readonly maxPromptTokens?: number | undefined;
  /** The most new tokens that a request may ask for. Default: what the context leaves. */
  readonly maxTokens?: number | undefined;
  /** The most texts that one request may ask for, prompts times `n`. Default 16. */
  readonly maxTexts?: number | undefined;
  /** The most bytes of a request's body. Default 1 MiB. */
  readonly maxBodyBytes?: number | undefined;
  /** Tokens that a text may have, the prompt and what continues it. Default: the model's `maxSeqLen`. */
  readonly contextLength?: number | undefined;
  /** How keys and values are kept: see `SequenceOptions.cacheDtype`. Default "f32". */
  readonly cacheDtype?: CacheFormat | undefined;
}

const isKey = (key: unknown) => typeof key === "string" && key !== "";
const isList = (list: unknown, isRight: (each: unknown) => boolean) =>
  Array.isArray(list) && list.length > 0 && list.every(isRight);
const isOrigin = (origin: unknown) =>
  typeof origin === "string" && URL.canParse(origin) && new URL(origin).origin === origin;

const fields = {
  modelName: { ...word(), fallback: "andromeda" },
  apiKey: optional(
    value<string | readonly string[]>(
      (keys) => isKey(keys) || isList(keys, isKey),
      "it must be a text that is not empty, or a list of such texts",
    ),
  ),
  cors: optional(
    value<"*" | readonly string[]>(
      (origins) => origins === "*" || isList(origins, isOrigin),
      'it must be "*", or a list of origins such as "https://example.com"',
    ),
  ),
  maxConcurrent: integer(8),
  maxQueue: integer(64, 0),
  maxWait: integer(60_000),
  maxPromptTokens: optional(integer()),
  maxTokens: optional(integer()),
  maxTexts: integer(16),
  maxBodyBytes: integer(2 ** 20),
  contextLength: optional(integer(undefined, 2)),
  cacheDtype: choice(CACHE_FORMATS, "f32"),
} satisfies Fields<HandlerOptions>;

/** Options, checked, with their defaults. */
export interface HandlerSettings extends Omit<ReturnType<typeof read>, "contextLength"> {
  readonly contextLength: number;
}

const read = (options: HandlerOptions) => readFields("createHandler", fields, options);

/**
 * Checks options and fills in defaults.
 *
 * @param maxSeqLen Tokens that the model takes.
 * @throws {ConfigError} With the option, its value and the rule that it breaks.
 */
export function readHandlerOptions(options: HandlerOptions, maxSeqLen: number): HandlerSettings {
  const { contextLength = maxSeqLen, ...settings } = read(options);
  if (contextLength > maxSeqLen) {
    throw new ConfigError(`Cannot serve contextLength = ${contextLength} tokens: the model takes ${maxSeqLen}`);
  }
  if (!Number.isFinite(contextLength)) {
    throw new ConfigError("Cannot serve a model that takes texts of any length without contextLength: give one");
  }
  return { ...settings, contextLength };
}
