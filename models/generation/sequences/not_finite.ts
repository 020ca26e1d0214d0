/**
 * Finds the part of a network whose values are not finite. Generation asks only after a token could not be drawn,
 * because the text is run once more then, and a mean of every part's values is read back.
 *
 * @module
 */

import type { CacheFormat, Tensor } from "../../../backend/memory.ts";
import { ConfigError, WeightsError } from "../../../errors.ts";
import type { SequenceInputs, TextModel } from "../text_model.ts";

/** The most tokens in one step. */
const CHUNK = 256;

/** A text whose next token could not be drawn. */
export interface BrokenText {
  readonly tokens: readonly number[];
  /** What the network was given beside tokens. */
  readonly inputs: SequenceInputs;
  /** How keys and values were kept. */
  readonly cacheDtype: CacheFormat;
}

/**
 * The error for texts of which one has no token that can be drawn.
 *
 * @param texts One text, or those whose logits were combined.
 * @param who The message's name for the model.
 */
export async function nothingDrawn(model: TextModel, texts: readonly BrokenText[], who: string): Promise<Error> {
  for (const text of texts) {
    const part = await firstNotFinite(model, text);
    if (part === undefined) continue;
    return new WeightsError(
      `Cannot draw the next token of ${text.tokens.length}: ${who}'s logits are not finite, and the first values ` +
        `that are not come out of ${part}; check what it is given and its weights, or hold them in a wider format`,
    );
  }
  return new ConfigError(
    `Cannot draw the next token: no logit is left that is a number, although those of ${who} are; bring ` +
      "guidanceScale, repetitionPenalty and the filters nearer to their defaults",
  );
}

/** The first part whose values are not finite, in the first step where there is one. */
async function firstNotFinite(
  model: TextModel,
  { tokens, inputs, cacheDtype }: BrokenText,
): Promise<string | undefined> {
  const { net, backend } = model;
  const window = tokens.slice(-net.maxSeqLen);
  if (!net.canCache) {
    const run = (ids: Tensor, given: SequenceInputs) => ({ hidden: net.hidden(backend, ids, given) });
    return await firstBroken(backend.scope(() => watched(model, window, inputs, run).parts));
  }
  const cache = net.createCache(backend, 1, window.length, cacheDtype);
  try {
    for (let from = 0; from < window.length; from += CHUNK) {
      const run = (ids: Tensor, given: SequenceInputs) => net.step(backend, ids, cache, given);
      const { parts, step } = backend.scope(() => {
        const { parts, result } = watched(model, window.slice(from, from + CHUNK), inputs, run);
        return { parts, step: result.step, kept: result.step.kept };
      });
      cache.commit(step);
      const part = await firstBroken(parts);
      if (part !== undefined) return part;
    }
    return undefined;
  } finally {
    cache.dispose();
  }
}

/** A part of the network, and the mean of its values over positions, [1, dim], which is finite only if they all are. */
interface Part {
  readonly name: string;
  readonly mean: Tensor;
}

/** Runs tokens up to the logits of the last one, in the current scope. */
function watched<T extends { readonly hidden: Tensor }>(
  { backend, net }: TextModel,
  tokens: readonly number[],
  inputs: SequenceInputs,
  run: (ids: Tensor, inputs: SequenceInputs) => T,
): { readonly parts: Part[]; readonly result: T } {
  const n = tokens.length;
  const parts: Part[] = [];
  const watch = (name: string, x: Tensor) => void parts.push({ name, mean: backend.meanPool(x) });
  if (inputs.context) watch("the context", inputs.context);
  const result = run(backend.tensor(Int32Array.from(tokens), [1, n]), { ...inputs, watch }); // hidden (1, n, dim)
  watch("to_logits", net.logits(backend, backend.slice(result.hidden, n - 1, n)));
  return { parts, result };
}

/** Reads and frees what was watched. */
async function firstBroken(parts: readonly Part[]): Promise<string | undefined> {
  try {
    for (const { name, mean } of parts) {
      if (!(await mean.data()).every(Number.isFinite)) return name;
    }
    return undefined;
  } finally {
    for (const { mean } of parts) mean.dispose();
  }
}
