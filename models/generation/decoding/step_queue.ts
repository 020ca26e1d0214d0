/**
 * Steps that draw one token for each text, of which several may be under way.
 *
 * @module
 */

import type { Tensor } from "../../../backend/memory.ts";
import { guide, isGuided } from "../sampling/guidance.ts";
import { drawTokens, needsHistory } from "../sampling/sampling.ts";
import { unlessAborted } from "../sequences/resources.ts";
import type { SequenceBatch } from "../sequences/sequence_batch.ts";
import type { Settings } from "../settings.ts";
import type { Continuation } from "./continuation.ts";

/**
 * Tokens that a step has drawn on the device, int32 [texts], and the logits that they were drawn from, if they are
 * wanted.
 */
interface DrawnTokens {
  readonly tokens: Tensor;
  readonly logits: Tensor | undefined;
}

/** The same on their way to the host. */
interface PendingTokens extends DrawnTokens {
  readonly values: Promise<Float32Array | Int32Array>;
  readonly logitValues: Promise<Float32Array | Int32Array> | undefined;
}

/**
 * The steps whose tokens were not taken yet.
 *
 * A step can run on tokens that are still on the device. Engines that compute beside the host take several steps at
 * once that way (`BackendInfo.stepsAhead`), and tokens are read while the next ones are made; those beyond the end of a
 * text are dropped.
 */
export class StepQueue {
  readonly #batch: SequenceBatch;
  readonly #texts: readonly Continuation[];
  readonly #settings: Settings;
  /** Steps that are made before the tokens of the first are known. */
  readonly #ahead: number;
  readonly #pending: PendingTokens[] = [];
  /** Index of the next token to be drawn, in what is generated. */
  #next: number;

  /** @param first Index of the first token in what is generated. */
  constructor(batch: SequenceBatch, texts: readonly Continuation[], settings: Settings, first: number) {
    const needsHost = isGuided(settings) || needsHistory(settings) || settings.onLogits !== undefined;
    this.#batch = batch;
    this.#texts = texts;
    this.#settings = settings;
    this.#ahead = needsHost ? 0 : batch.backend.info.stepsAhead ?? 0;
    this.#next = first;
  }

  /** Makes the next step, unless it is under way, and as many further ones as the engine gains by. */
  async fill(): Promise<void> {
    if (this.#pending.length === 0) {
      await this.#batch.prepare(this.#settings.signal);
      this.#append(this.#batch.step((logits) => this.#draw(logits)));
    }
    while (this.#pending.length <= this.#ahead && this.#next < this.#settings.maxNewTokens && this.#batch.canRunAhead) {
      const last = this.#pending.at(-1);
      if (!last) return;
      this.#append(this.#batch.stepAhead(last.tokens, (logits) => this.#draw(logits)));
    }
  }

  /**
   * Waits for the tokens of the oldest step and takes it off.
   *
   * @param index Index of the tokens in what is generated.
   */
  async take(index: number): Promise<Float32Array | Int32Array> {
    const [oldest] = this.#pending;
    if (!oldest) return new Int32Array();
    const { onLogits, signal } = this.#settings;
    const tokens = await unlessAborted(oldest.values, signal);
    const logits = oldest.logitValues && await unlessAborted(oldest.logitValues, signal);
    this.#pending.shift();
    this.#batch.free(oldest.tokens, oldest.logits);
    if (logits instanceof Float32Array) {
      const width = logits.length / tokens.length;
      for (const [i, text] of this.#texts.entries()) {
        if (!text.hasEnded) onLogits?.(logits.slice(i * width, (i + 1) * width), index, i);
      }
    }
    return tokens;
  }

  /** Drops the steps that are under way. */
  dispose(): void {
    for (const { tokens, logits } of this.#pending) this.#batch.free(tokens, logits);
  }

  /** Draws a token for each text from the logits of all rows, in the current scope. */
  #draw(all: Tensor): DrawnTokens {
    const { backend } = this.#batch;
    const logits = isGuided(this.#settings) ? guide(backend, all, this.#settings.guidanceScale) : all;
    const tokens = drawTokens(backend, logits, this.#settings, this.#texts.map(({ tokens }) => tokens), this.#next);
    return { tokens, logits: this.#settings.onLogits && logits };
  }

  /** Asks for tokens as soon as they are drawn, because reading them then waits for their own step and no later one. */
  #append(drawn: DrawnTokens): void {
    this.#batch.hold(drawn.tokens, drawn.logits);
    const [values, logitValues] = [drawn.tokens.data(), drawn.logits?.data()];
    for (const each of [values, logitValues]) each?.catch(() => {}); // Nobody awaits those beyond the end of a text.
    this.#pending.push({ ...drawn, values, logitValues });
    this.#next += 1;
  }
}
