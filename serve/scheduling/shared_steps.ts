/**
 * Continuous batching: texts that are being continued share the steps of the model. A text joins and leaves between two
 * steps, and gets what it would get alone: each has a row of one cache, and its own draws.
 *
 * A turn is a part of the prompt that came first, if one is not computed yet, and then a token for every other text. So
 * a new text has its first token soon, and a long prompt does not stop the others.
 *
 * @module
 */

import type { CacheFormat, Tensor } from "../../backend/memory.ts";
import { NOTHING_DRAWN } from "../../backend/operations.ts";
import { DisposedError } from "../../errors.ts";
import { drawTokens, takesLargest } from "../../models/generation/sampling/sampling.ts";
import { Context } from "../../models/generation/sequences/context.ts";
import { nothingDrawn } from "../../models/generation/sequences/not_finite.ts";
import { Resources } from "../../models/generation/sequences/resources.ts";
import { CHUNK, lastPositions } from "../../models/generation/sequences/sequence_batch.ts";
import { isDivisible, type SharedCache, type TextModel } from "../../models/generation/text_model.ts";
import { commonLength, type Slot, Slots } from "./slots.ts";
import type { TextJob } from "./text_job.ts";
import type { Runner } from "./text_queue.ts";
import { scoreToken } from "./token_scores.ts";

/** The most logits that are read back at once. */
const MOST_LOGITS = 1 << 22;

/** A prefix is copied from another text only if it saves so many tokens: copying is a step of its own. */
const WORTH_COPYING = 16;

/** How the texts are kept. */
export interface SharedStepsOptions {
  /** Texts at the same time. */
  readonly maxConcurrent: number;
  /** Tokens of each. */
  readonly contextLength: number;
  readonly cacheDtype: CacheFormat;
}

/** A step for some texts. */
interface StepPlan {
  readonly slots: readonly Slot[];
  /** The texts, which may have left the slots when the step is done. */
  readonly jobs: readonly TextJob[];
  /** Tokens of each. */
  readonly count: number;
  /** Whether these are the last tokens of each text, so that a new one is drawn. */
  readonly draws: boolean;
}

/** What a step has computed, on the engine. */
interface StepTensors {
  /** int32 [texts]; of a step that draws none, a value that is there when the step is done. */
  readonly tokens: Tensor;
  /** [scored texts, numTokens]: what the tokens were drawn from. */
  readonly logits: Tensor | undefined;
  /** [count, numTokens] of the one text whose prompt is scored. */
  readonly promptLogits: Tensor | undefined;
}

/** Continues several texts in common steps. */
export class SharedSteps implements Runner {
  readonly capacity: number;
  readonly #model: TextModel;
  readonly #options: SharedStepsOptions;
  readonly #slots: Slots;
  readonly #resources: Resources;
  /** Rows whose text has not begun. */
  readonly #fresh = new Set<Slot>();
  /** Counts resets: a turn that was begun before one has no part in the texts that came after. */
  #resets = 0;

  /**
   * Allocates the cache.
   *
   * @throws {OutOfMemoryError} If it does not fit.
   */
  constructor(model: TextModel, options: SharedStepsOptions) {
    this.capacity = options.maxConcurrent;
    this.#model = model;
    this.#options = options;
    this.#slots = new Slots(options.maxConcurrent);
    this.#resources = new Resources(this, model, Context.create(model, 1, {}, false));
    this.#makeCache();
  }

  get running(): number {
    return this.#slots.taken.length;
  }

  admit(job: TextJob): void {
    const slot = this.#slots.take(job);
    if (slot) this.#fresh.add(slot);
  }

  async turn(): Promise<void> {
    this.#letGo();
    const resets = this.#resets;
    const inOrder = this.#slots.taken.toSorted((a, b) => a.taken - b.taken);
    const next = inOrder.find((slot) => this.#fresh.has(slot) || isReading(slot));
    if (next) {
      await this.#try([next], async () => {
        if (this.#fresh.delete(next)) this.#begin(next);
        if (isReading(next)) await this.#readPrompt(next);
      });
    }
    if (resets !== this.#resets) return;
    const ready = inOrder.filter((slot) => !this.#fresh.has(slot) && !isReading(slot) && pendingOf(slot) === 1);
    if (ready.length > 0) {
      await this.#try(ready, async () => await this.#run(ready, 1, true));
    }
    this.#letGo();
  }

  reset(reason: unknown): void {
    this.#resets += 1;
    for (const { job } of this.#slots.taken) job?.end(reason);
    this.#letGo();
    this.#slots.forget();
    this.#resources.replaceCache(undefined);
  }

  dispose(reason: unknown): void {
    this.reset(reason);
    this.#resources.dispose();
  }

  /** Runs steps; if one fails, their texts end with its error, and the others are computed anew. */
  async #try(slots: readonly Slot[], run: () => Promise<void>): Promise<void> {
    const resets = this.#resets;
    try {
      await run();
    } catch (error) {
      if (resets !== this.#resets) return;
      for (const { job } of slots) job?.end(error);
      this.#slots.forget();
      this.#resources.replaceCache(undefined);
    }
  }

  /** Makes an empty cache. */
  #makeCache(): void {
    const { net, backend } = this.#model;
    const { maxConcurrent, contextLength, cacheDtype } = this.#options;
    this.#resources.replaceCache(net.createCache(backend, maxConcurrent, contextLength, cacheDtype));
  }

  get #cache(): SharedCache {
    if (this.#resources.isDisposed) {
      throw new DisposedError("Cannot continue a text after its model or handler was disposed: begin another");
    }
    if (!this.#resources.cache) this.#makeCache();
    const { cache } = this.#resources;
    if (!isDivisible(cache)) throw new TypeError("Cannot share steps without a cache of several texts");
    return cache;
  }

  /** Frees the rows of texts that are over. Their keys and values stay for texts that begin alike. */
  #letGo(): void {
    for (const slot of this.#slots.taken) {
      if (!slot.job?.isOver) continue;
      slot.job = undefined;
      this.#fresh.delete(slot);
    }
  }

  /** Gives a text what its row, or another one, holds of its beginning. */
  #begin(slot: Slot): void {
    const { job } = slot;
    if (!job) return;
    const { tokens, request } = job;
    // The last token is computed in any case, because the next one is drawn from its logits.
    const most = request.scoresPrompt ? 0 : tokens.length - 1;
    const own = Math.min(commonLength(slot.tokens, tokens), most);
    const other = this.#slots.closest(tokens);
    const shared = Math.min(other?.length ?? 0, most);
    if (other && other.slot !== slot && shared >= own + WORTH_COPYING) {
      this.#cache.copyRow(this.#model.backend, other.slot.row, slot.row, this.#positions(shared));
      slot.tokens.splice(0, Infinity, ...tokens.slice(0, shared));
    } else {
      this.#cache.select([slot.row]).rewind([this.#positions(own)]);
      slot.tokens.length = own;
    }
    job.sharedTokens = slot.tokens.length;
    if (request.settings.maxNewTokens === 0 && !request.scoresPrompt) job.end();
  }

  /** Positions of a row that holds so many tokens. */
  #positions(tokens: number): number {
    return tokens === 0 ? 0 : tokens + this.#model.net.prefixLength;
  }

  /** Runs on the next tokens of a prompt, and draws a token if these are the last ones. */
  async #readPrompt(slot: Slot): Promise<void> {
    const pending = pendingOf(slot);
    if (!slot.job) return;
    const { scoresPrompt, settings } = slot.job.request;
    const most = scoresPrompt
      ? Math.max(1, Math.min(CHUNK, Math.floor(MOST_LOGITS / this.#model.net.numTokens)))
      : CHUNK;
    const count = Math.min(pending, most);
    await this.#run([slot], count, count === pending && settings.maxNewTokens > 0);
  }

  /** Runs one step, and tells the texts what came of it. */
  async #run(slots: readonly Slot[], count: number, draws: boolean): Promise<void> {
    const plan = { slots, jobs: slots.flatMap(({ job }) => job ?? []), count, draws };
    const tensors = this.#compute(plan);
    for (const slot of plan.slots) {
      const from = slot.tokens.length;
      slot.tokens.push(...slot.job?.tokens.slice(from, from + plan.count) ?? []);
    }
    try {
      const [tokens, logits, promptLogits] = await Promise.all([
        tensors.tokens.data(),
        tensors.logits?.data(),
        tensors.promptLogits?.data(),
      ]);
      if (promptLogits instanceof Float32Array) this.#scorePrompt(plan, promptLogits);
      if (tokens && plan.draws) await this.#tell(plan, tokens, logits instanceof Float32Array ? logits : undefined);
    } finally {
      for (const tensor of Object.values(tensors)) tensor?.dispose();
    }
  }

  /** Records a step, up to the tokens that it draws. */
  #compute({ slots, jobs, count, draws }: StepPlan): StepTensors {
    const { net, backend } = this.#model;
    const view = this.#cache.select(slots.map(({ row }) => row));
    const ids = slots.flatMap(({ tokens, job }) => job?.tokens.slice(tokens.length, tokens.length + count) ?? []);
    const scored = jobs.flatMap(({ request }, i) => request.logprobs === undefined ? [] : [i]);
    const { step, tensors } = backend.scope(() => {
      const tokens = backend.tensor(Int32Array.from(ids), [slots.length, count]);
      const { hidden, step } = net.step(backend, tokens, view, {}); // hidden (texts, count, dim)
      const isPrompt = jobs.length === 1 && jobs[0]?.request.scoresPrompt && jobs[0].made === 0;
      const promptLogits = isPrompt
        ? net.logits(backend, backend.reshape(hidden, [count, hidden.shape[2] ?? 0]))
        : undefined;
      if (!draws) {
        const done = backend.slice(hidden, 0, 1);
        return { step, kept: step.kept, tensors: { tokens: done, logits: undefined, promptLogits } };
      }
      const logits = net.logits(backend, lastPositions(backend, hidden, slots.map(() => count), 1)); // [texts, numTokens]
      const rows = scored.length > 0 ? takeRows(logits, scored) : undefined;
      return { step, kept: step.kept, tensors: { tokens: drawEach(logits, jobs), logits: rows, promptLogits } };
    });
    view.commit(step);
    return tensors;
  }

  /** Scores the tokens of a prompt that follow those of the step. */
  #scorePrompt({ slots: [slot], jobs: [job], count, draws }: StepPlan, logits: Float32Array): void {
    if (!slot || !job) return;
    const { prompt, logprobs = 0 } = job.request;
    const { numTokens } = this.#model.net;
    const first = slot.tokens.length - count;
    if (first === 0) job.promptScores.push({ token: prompt[0] ?? 0, logprob: undefined, top: [] });
    for (let i = 0; i < count; i++) {
      const token = prompt[first + i + 1];
      if (token === undefined) break;
      job.promptScores.push(scoreToken(logits.subarray(i * numTokens, (i + 1) * numTokens), token, logprobs));
    }
    if (slot.tokens.length < prompt.length) return;
    job.tell({ kind: "prompt", scores: job.promptScores });
    if (!draws) job.end();
  }

  /** Gives each text its new token. */
  async #tell({ jobs }: StepPlan, tokens: ArrayLike<number>, logits: Float32Array | undefined): Promise<void> {
    const { numTokens } = this.#model.net;
    let read = 0;
    for (const [i, job] of jobs.entries()) {
      const { logprobs } = job.request;
      const row = logprobs === undefined ? undefined : logits?.subarray(read, read += numTokens);
      const token = tokens[i] ?? NOTHING_DRAWN;
      if (token === NOTHING_DRAWN) job.end(await this.#explain(job));
      else if (!job.isOver) job.add(token, row && scoreToken(row, token, logprobs ?? 0));
    }
  }

  /** The error for a text whose next token could not be drawn. */
  async #explain({ tokens }: TextJob): Promise<Error> {
    return await nothingDrawn(this.#model, [{ tokens, inputs: {}, cacheDtype: this.#options.cacheDtype }], "the model");
  }
}

/** Tokens of a text that are not computed yet. */
function pendingOf({ job, tokens }: Slot): number {
  return job && !job.isOver ? job.tokens.length - tokens.length : 0;
}

/** Whether the prompt of a text is still to be read: all but its last token, or all of it if its tokens are scored. */
function isReading(slot: Slot): boolean {
  const { scoresPrompt = false } = slot.job?.request ?? {};
  return pendingOf(slot) > 1 || (scoresPrompt && slot.job?.made === 0 && pendingOf(slot) > 0);
}

/** Some rows of logits [r, numTokens]. */
function takeRows(logits: Tensor, rows: readonly number[]): Tensor {
  const { backend } = logits;
  return backend.gatherRows(logits, backend.tensor(Int32Array.from(rows), [rows.length]));
}

/** Draws a token for each text from logits [texts, numTokens], as `generate` would for it alone: int32 [texts]. */
function drawEach(logits: Tensor, jobs: readonly TextJob[]): Tensor {
  const { backend } = logits;
  const draw = (rows: Tensor, { request, tokens, made }: TextJob) =>
    drawTokens(backend, rows, request.settings, [tokens], made);
  if (jobs.every(({ request }) => takesLargest(request.settings))) {
    return backend.sample(logits, { temperature: 0, seed: 0, counter: 0 });
  }
  const drawn = jobs.map((job, i) => backend.reshape(draw(takeRows(logits, [i]), job), [1, 1, 1]));
  return backend.reshape(backend.concat(drawn), [jobs.length]);
}
