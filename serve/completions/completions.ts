/**
 * Answers requests for completions.
 *
 * @module
 */

import type { AndromedaTokenizer } from "../../data/text/tokenizer.ts";
import { DeviceLostError, DisposedError, OutOfMemoryError, TokenizerError } from "../../errors.ts";
import { readSettings, type Settings } from "../../models/generation/settings.ts";
import type { TextModel } from "../../models/generation/text_model.ts";
import { ApiError, wrongField } from "../http/api_error.ts";
import { readJsonObject } from "../http/body.ts";
import { Client } from "../http/client.ts";
import { eventStream } from "../http/event_stream.ts";
import type { Metrics } from "../metrics.ts";
import type { HandlerSettings } from "../options.ts";
import type { TextJob, TextRequest } from "../scheduling/text_job.ts";
import { QueueError, type TextQueue } from "../scheduling/text_queue.ts";
import {
  type CompletionRequest,
  type Prompt,
  promptsOf,
  readCompletionRequest,
  stopsOf,
} from "./completion_request.ts";
import { CompletionText, type Logprobs, type Piece } from "./completion_text.ts";
import { merge } from "./merge.ts";
import { TokenTexts } from "./token_texts.ts";

/** What completions are made with. */
export interface CompletionParts {
  readonly model: TextModel;
  readonly tokenizer: AndromedaTokenizer;
  readonly settings: HandlerSettings;
  readonly queue: TextQueue;
  readonly metrics: Metrics;
  /** Whether the tokens of prompts can be scored. */
  readonly canScorePrompts: boolean;
}

/** A completion of one prompt. */
interface Choice {
  readonly index: number;
  readonly job: TextJob;
  readonly text: CompletionText;
}

/** A piece of a choice. */
interface ChoicePiece extends Piece {
  readonly index: number;
}

/** Answers `POST /v1/completions`. */
export class Completions {
  readonly #parts: CompletionParts;
  readonly #texts: TokenTexts;

  constructor(parts: CompletionParts) {
    this.#parts = parts;
    this.#texts = new TokenTexts(parts.tokenizer);
  }

  /**
   * The completions that a request asks for.
   *
   * @throws {ApiError} For a request that can't be answered.
   */
  async answer(request: Request): Promise<Response> {
    const { settings } = this.#parts;
    const asked = readCompletionRequest(await readJsonObject(request, settings.maxBodyBytes));
    this.#checkModel(asked);
    const client = new Client(request, asked.stream);
    try {
      const choices = this.#submit(asked, client.left);
      const pieces = this.#counted(choices);
      // What goes wrong before the first token has a status of its own.
      const first = await pieces.next();
      const all = first.done ? pieces : startingWith(first.value, pieces);
      const head = {
        id: `cmpl-${crypto.randomUUID()}`,
        object: "text_completion",
        created: seconds(),
        model: settings.modelName,
      };
      if (asked.stream) return eventStream(this.#events(all, head, asked, choices), client);
      const answer = { ...head, choices: await collected(all, choices.length), usage: usageOf(choices) };
      client.served();
      return Response.json(answer);
    } catch (error) {
      client.leave();
      throw error;
    }
  }

  /** Brings the texts of a request into the queue. */
  #submit(asked: CompletionRequest, signal: AbortSignal): Choice[] {
    const prompts = promptsOf(asked).map((prompt) => ({ prompt, ids: this.#idsOf(prompt, asked) }));
    const { maxTexts } = this.#parts.settings;
    if (prompts.length * asked.n > maxTexts) {
      throw wrongField("n", `Cannot write ${prompts.length * asked.n} texts for one request: at most ${maxTexts}`);
    }
    const settings = this.#settingsOf(asked);
    const scoresPrompt = asked.echo && asked.logprobs !== undefined;
    if (scoresPrompt && !this.#parts.canScorePrompts) {
      throw wrongField("echo", "Cannot use echo and logprobs together with this model: leave one of them out");
    }
    const texts = prompts.flatMap((each) => Array.from({ length: asked.n }, () => each));
    const requests = texts.map(({ ids }, i): TextRequest => ({
      prompt: ids,
      settings: { ...settings, seed: (settings.seed + i) >>> 0 },
      logprobs: asked.logprobs,
      scoresPrompt,
    }));
    const { queue, tokenizer } = this.#parts;
    const jobs = queue.submit(requests);
    return jobs.map((job, index) => {
      const prompt = texts[index]?.prompt ?? "";
      const echo = asked.echo ? typeof prompt === "string" ? prompt : tokenizer.decode(prompt) : undefined;
      const options = { stops: stopsOf(asked), echo, hasLogprobs: asked.logprobs !== undefined };
      return { index, job, text: new CompletionText(job, queue.follow(job, signal), tokenizer, this.#texts, options) };
    });
  }

  #checkModel({ model }: CompletionRequest): void {
    const { modelName } = this.#parts.settings;
    if (model === undefined || model === modelName) return;
    throw new ApiError(`Cannot find the model ${JSON.stringify(model)}: this server has ${JSON.stringify(modelName)}`, {
      status: 404,
      type: "invalid_request_error",
      param: "model",
      code: "model_not_found",
    });
  }

  /** The tokens of a prompt, which fit into the context with what may follow. */
  #idsOf(prompt: Prompt, { max_tokens }: CompletionRequest): readonly number[] {
    const { model, settings } = this.#parts;
    const ids = typeof prompt === "string" ? this.#encode(prompt) : prompt;
    const foreign = ids.find((id) => id >= model.net.numTokens);
    if (foreign !== undefined) {
      throw wrongField("prompt", `Cannot use the token id ${foreign}: ids are below ${model.net.numTokens}`);
    }
    const { maxPromptTokens = Infinity, maxTokens = Infinity, contextLength } = settings;
    if (ids.length > maxPromptTokens) {
      const message = `Cannot take a prompt of ${ids.length} tokens: at most ${maxPromptTokens}`;
      throw wrongField("prompt", message, "context_length_exceeded");
    }
    if (max_tokens > maxTokens) {
      throw wrongField("max_tokens", `Cannot use max_tokens = ${max_tokens}: at most ${maxTokens}`);
    }
    if (ids.length + max_tokens > contextLength) {
      const message =
        `Cannot fit ${ids.length} tokens of the prompt and max_tokens = ${max_tokens} into the context of ` +
        `${contextLength} tokens: shorten one of them`;
      throw wrongField("prompt", message, "context_length_exceeded");
    }
    return ids;
  }

  #encode(text: string): readonly number[] {
    const { tokenizer } = this.#parts;
    try {
      const ids = tokenizer.encode(text);
      if (ids.length > 0) return ids;
      if (tokenizer.eosId !== undefined) return [tokenizer.eosId];
    } catch (error) {
      if (error instanceof TokenizerError) throw wrongField("prompt", error.message);
      throw error;
    }
    throw wrongField("prompt", "Cannot continue an empty prompt: give at least one character");
  }

  #settingsOf(asked: CompletionRequest): Settings {
    const { model, tokenizer } = this.#parts;
    const { numTokens } = model.net;
    const foreign = [...(asked.stop_token_ids ?? []), ...Object.keys(asked.logit_bias ?? {}).map(Number)]
      .find((id) => id >= numTokens);
    if (foreign !== undefined) {
      const name = asked.stop_token_ids?.includes(foreign) ? "stop_token_ids" : "logit_bias";
      throw wrongField(name, `Cannot use the token id ${foreign}: ids are below ${numTokens}`);
    }
    const ends = [...(asked.stop_token_ids ?? []), ...(tokenizer.eosId === undefined ? [] : [tokenizer.eosId])];
    return readSettings(model, {
      maxNewTokens: asked.max_tokens,
      temperature: asked.temperature,
      topP: asked.top_p,
      topK: asked.top_k,
      minP: asked.min_p,
      seed: asked.seed,
      presencePenalty: asked.presence_penalty,
      frequencyPenalty: asked.frequency_penalty,
      repetitionPenalty: asked.repetition_penalty,
      logitBias: asked.logit_bias,
      stopTokens: ends.filter((id) => id < numTokens),
      overflow: "stop",
    });
  }

  /** The pieces of all choices as they come, counted. */
  async *#counted(choices: readonly Choice[]): AsyncGenerator<ChoicePiece> {
    const { metrics } = this.#parts;
    const began = performance.now();
    const last = choices.map(() => began);
    const made = choices.map(() => 0);
    const all = choices.map(({ index, text }) => numbered(text.pieces(), index));
    for await (const piece of merge(all)) {
      const job = choices[piece.index]?.job;
      const now = performance.now();
      for (let i = made[piece.index] ?? 0; i < (job?.made ?? 0); i++) {
        metrics.countToken((now - (last[piece.index] ?? now)) / 1000, i === 0);
        last[piece.index] = now;
      }
      made[piece.index] = job?.made ?? 0;
      yield piece;
    }
    for (const { job } of choices) metrics.countPrompt(job.request.prompt.length, job.sharedTokens);
  }

  /** The events of a stream; an error ends it as its last event. */
  async *#events(
    pieces: AsyncIterable<ChoicePiece>,
    head: object,
    { stream_options }: CompletionRequest,
    choices: readonly Choice[],
  ): AsyncGenerator<object> {
    try {
      for await (const piece of pieces) yield { ...head, choices: [choiceOf(piece)] };
      if (stream_options?.include_usage) yield { ...head, choices: [], usage: usageOf(choices) };
    } catch (error) {
      yield asApiError(error).body;
    }
  }
}

/** Errors after which the same request may succeed. */
const PASSING = [QueueError, DisposedError, DeviceLostError, OutOfMemoryError];

/** The error that a client is told. */
export function asApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof QueueError && error.reason === "full") {
    return new ApiError(message, {
      status: 429,
      type: "rate_limit_error",
      code: "rate_limit_exceeded",
      headers: { "retry-after": "1" },
    });
  }
  if (PASSING.some((errorClass) => error instanceof errorClass)) {
    return new ApiError(message, { status: 503, type: "server_error", headers: { "retry-after": "5" } });
  }
  if (error instanceof DOMException && error.name === "AbortError") {
    return new ApiError(message, { status: 499, type: "invalid_request_error", code: "client_closed_request" });
  }
  return new ApiError(message, { status: 500, type: "server_error" });
}

function choiceOf({ index, text, logprobs, finishReason }: ChoicePiece) {
  return { index, text, logprobs, finish_reason: finishReason };
}

/** Whole choices from their pieces. */
async function collected(pieces: AsyncIterable<ChoicePiece>, count: number): Promise<object[]> {
  const choices = Array.from({ length: count }, (): Piece[] => []);
  for await (const piece of pieces) choices[piece.index]?.push(piece);
  return choices.map((own, index) =>
    choiceOf({
      index,
      text: own.map(({ text }) => text).join(""),
      logprobs: joined(own.flatMap(({ logprobs }) => logprobs ?? [])),
      finishReason: own.at(-1)?.finishReason ?? null,
    })
  );
}

function joined(parts: readonly Logprobs[]): Logprobs | null {
  if (parts.length === 0) return null;
  return {
    tokens: parts.flatMap(({ tokens }) => tokens),
    token_logprobs: parts.flatMap(({ token_logprobs }) => token_logprobs),
    top_logprobs: parts.flatMap(({ top_logprobs }) => top_logprobs),
    text_offset: parts.flatMap(({ text_offset }) => text_offset),
  };
}

/** Tokens of a request: those of each prompt count once, however many texts continue it. */
function usageOf(choices: readonly Choice[]) {
  const prompts = new Set(choices.map(({ job }) => job.request.prompt));
  const promptTokens = [...prompts].reduce((sum, { length }) => sum + length, 0);
  const made = choices.reduce((sum, { job }) => sum + job.made, 0);
  const shared = [...prompts].reduce((sum, prompt) => {
    const jobs = choices.filter(({ job }) => job.request.prompt === prompt);
    return sum + Math.min(...jobs.map(({ job }) => job.sharedTokens));
  }, 0);
  return {
    prompt_tokens: promptTokens,
    completion_tokens: made,
    total_tokens: promptTokens + made,
    prompt_tokens_details: { cached_tokens: shared },
  };
}

async function* numbered(pieces: AsyncIterable<Piece>, index: number): AsyncGenerator<ChoicePiece> {
  for await (const piece of pieces) yield { ...piece, index };
}

async function* startingWith<T>(first: T, rest: AsyncGenerator<T>): AsyncGenerator<T> {
  try {
    yield first;
    yield* rest;
  } finally {
    // The rest has begun too, which those who leave at the first value would never end.
    await rest.return(undefined);
  }
}

/** Unix time. */
function seconds(): number {
  return Math.floor(Date.now() / 1000);
}
