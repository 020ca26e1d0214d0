/**
 * Runs what the first token takes, so that its kernels are compiled before.
 *
 * @module
 */

import type { Tensor } from "../../backend/memory.ts";
import type { GenerateOptions } from "./options.ts";
import { drawTokens } from "./sampling/sampling.ts";
import { lastPositions } from "./sequences/sequence_batch.ts";
import { readSettings, type Settings } from "./settings.ts";
import type { TextModel } from "./text_model.ts";

/** Tokens of prompts: on GPUs products of up to 16, up to 32 and of more rows have kernels of their own. */
const PROMPTS = [16, 32, 64];

/** Prepares the kernels of a prompt and of single tokens; see `GenerativeModel.warmUp`. */
export async function warmUp(model: TextModel, options: GenerateOptions = {}): Promise<void> {
  const settings = readSettings(model, options);
  const prompts = new Set(PROMPTS.map((length) => Math.min(length, model.net.maxSeqLen - 1)));
  await model.backend.warmUp(() => {
    for (const prompt of prompts) {
      if (model.net.canCache) stepTwice(model, settings, prompt);
      else readOnce(model, settings, prompt);
    }
  });
}

/** Runs a prompt, then a token. */
function stepTwice(model: TextModel, settings: Settings, prompt: number): void {
  const { backend, net } = model;
  const cache = net.createCache(backend, 1, prompt + 1, settings.cacheDtype);
  try {
    const context = contextOf(model);
    for (const n of [prompt, 1]) {
      const tokens = backend.tensor(new Int32Array(n), [1, n]);
      const { hidden, step } = net.step(backend, tokens, cache, { context });
      cache.commit(step);
      draw(model, settings, lastPositions(backend, hidden, [n], 1));
    }
  } finally {
    cache.dispose();
  }
}

/** Runs a text, for a model that keeps nothing from one token to the next. */
function readOnce(model: TextModel, settings: Settings, n: number): void {
  const { backend, net } = model;
  const hidden = net.hidden(backend, backend.tensor(new Int32Array(n), [1, n]), { context: contextOf(model) });
  draw(model, settings, lastPositions(backend, hidden, [n], 1));
}

/** Draws a token from hidden states (1, dim). */
function draw({ backend, net }: TextModel, settings: Settings, hidden: Tensor): void {
  drawTokens(backend, net.logits(backend, hidden), settings, [[0]], 0);
}

/** A context of one position, for a model that attends to one. */
function contextOf({ backend, net: { contextDim } }: TextModel): Tensor | undefined {
  return contextDim === undefined ? undefined : backend.tensor(new Float32Array(contextDim), [1, 1, contextDim]);
}
