/**
 * Texts that are continued one after the other, for models whose texts can't share a cache: those that compute every
 * token anew, shift tokens or keep a state of another kind.
 *
 * @module
 */

import type { CacheFormat } from "../../backend/memory.ts";
import { decode } from "../../models/generation/decoding/decode.ts";
import { Context } from "../../models/generation/sequences/context.ts";
import { SequenceBatch } from "../../models/generation/sequences/sequence_batch.ts";
import type { TextModel } from "../../models/generation/text_model.ts";
import type { ScoredToken, TextJob } from "./text_job.ts";
import type { Runner } from "./text_queue.ts";
import { scoreToken } from "./token_scores.ts";

/** Continues one text at a time. */
export class LoneTexts implements Runner {
  readonly capacity = 1;
  readonly #model: TextModel;
  readonly #cacheDtype: CacheFormat;
  #job: TextJob | undefined;

  constructor(model: TextModel, cacheDtype: CacheFormat) {
    this.#model = model;
    this.#cacheDtype = cacheDtype;
  }

  get running(): number {
    return this.#job ? 1 : 0;
  }

  admit(job: TextJob): void {
    this.#job = job;
  }

  async turn(): Promise<void> {
    const job = this.#job;
    if (!job) return;
    try {
      await this.#continue(job);
      job.end();
    } catch (error) {
      job.end(error);
    } finally {
      if (this.#job === job) this.#job = undefined;
    }
  }

  reset(reason: unknown): void {
    this.#job?.end(reason);
    this.#job = undefined;
  }

  dispose(reason: unknown): void {
    this.reset(reason);
  }

  /** Continues a text to its end. */
  async #continue(job: TextJob): Promise<void> {
    const { prompt, settings, logprobs } = job.request;
    let score: ScoredToken | undefined;
    let logits: Float32Array = new Float32Array();
    const batch = new SequenceBatch(this.#model, [prompt], {
      overflow: "stop",
      cacheDtype: this.#cacheDtype,
      capacity: prompt.length + settings.maxNewTokens,
      context: Context.create(this.#model, 1, {}, false),
      isKept: false,
    });
    try {
      job.onEnd = () => batch.dispose();
      const onLogits = logprobs === undefined ? undefined : (given: Float32Array) => void (logits = given);
      for await (const token of decode(batch, { ...settings, onLogits })) {
        if (logprobs !== undefined) score = scoreToken(logits, token, logprobs);
        job.add(token, score);
        if (job.isOver) return;
      }
    } finally {
      batch.dispose();
    }
  }
}
