/**
 * Classifier-free guidance (arXiv 2207.12598; for language models arXiv 2306.17806).
 *
 * @module
 */

import type { Backend } from "../../backend/backend.ts";
import type { Tensor } from "../../backend/memory.ts";

/** uncond + scale · (cond - uncond): logits [2b, V], conditional rows first, to [b, V]. */
export function guide(backend: Backend, logits: Tensor, scale: number): Tensor {
  const [rows = 0, numTokens = 0] = logits.shape;
  const b = rows / 2;
  const both = backend.reshape(logits, [1, rows, numTokens]);
  const part = (from: number) => backend.reshape(backend.slice(both, from, from + b), [b, numTokens]);
  const [conditional, unconditional] = [part(0), part(b)];
  const difference = backend.add(conditional, unconditional, { factor: -1 });
  return backend.add(unconditional, difference, { factor: scale });
}

/**
 * The texts of the unconditional rows: the negative prompt if there is one; else, where a context is hidden from them,
 * the prompt itself, and without a context the prompt's last token.
 */
export function unconditionalPrompts(
  hasContext: boolean,
  prompts: readonly (readonly number[])[],
  negative: readonly number[] | undefined,
): number[][] {
  return prompts.map((prompt) => [...(negative ?? (hasContext ? prompt : prompt.slice(-1)))]);
}
