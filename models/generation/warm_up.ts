/**
 * Getting ready for the first token.
 *
 * @module
 */

import type { Tensor } from "../../backend/memory.ts";
import { type GenerateOptions, readSettings, type Settings } from "./options.ts";
import { drawTokens } from "./sampling.ts";
import type { TextModel } from "./text_model.ts";
import { lastPositions } from "./texts.ts";

/** Tokens of a prompt, enough that kernels for many rows are taken. */
const PROMPT = 32;

/** Prepares what reading a prompt and writing tokens take; see `LanguageModel.warmUp`. */
export async function warmUp(model: TextModel, options: GenerateOptions = {}): Promise<void> {
  const settings = readSettings(model, options);
  const prompt = Math.min(PROMPT, model.net.maxSeqLen - 1);
  await model.backend.warmUp(() => {
    if (model.net.canCache) stepTwice(model, settings, prompt);
    else readOnce(model, settings, prompt);
  });
}

/** A prompt, then a token. */
function stepTwice(model: TextModel, settings: Settings, prompt: number): void {
  const { backend, net } = model;
  const cache = model.createCache(1, prompt + 1, settings.cacheDtype);
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

/** A text of a model that keeps nothing from one token to the next. */
function readOnce(model: TextModel, settings: Settings, n: number): void {
  const { backend, net } = model;
  const hidden = net.hidden(backend, backend.tensor(new Int32Array(n), [1, n]), { context: contextOf(model) });
  draw(model, settings, lastPositions(backend, hidden, [n], 1));
}

/** Draws a token from hidden states (1, dim). */
function draw({ backend, net }: TextModel, settings: Settings, hidden: Tensor): void {
  drawTokens(backend, net.logits(backend, hidden), settings, [[0]], 0);
}

function contextOf({ backend, net: { contextDim: width } }: TextModel): Tensor | undefined {
  return width === undefined ? undefined : backend.tensor(new Float32Array(width), [1, 1, width]);
}
