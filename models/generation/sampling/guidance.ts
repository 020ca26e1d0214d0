/**
 * Classifier-free guidance (arXiv 2207.12598; for language models arXiv 2306.17806). The rows of a guided batch are
 * those of the prompts, conditional, and then as many unconditional ones in the same order.
 *
 * @module
 */

import type { Backend } from "../../../backend/backend.ts";
import type { Tensor } from "../../../backend/memory.ts";
import type { SequenceNetwork } from "../text_model.ts";

/** Whether a scale asks for guidance. */
export function isGuided({ guidanceScale }: { readonly guidanceScale: number }): boolean {
  return guidanceScale !== 1;
}

/**
 * The prompts, and their unconditional rows: the negative prompt if there is one; else, where a context is hidden from
 * them, the prompt itself, and without a context the prompt's last token.
 */
export function withUnconditional(
  { contextDim }: SequenceNetwork,
  prompts: readonly (readonly number[])[],
  negative: readonly number[] | undefined,
): (readonly number[])[] {
  const attends = contextDim !== undefined;
  return [...prompts, ...prompts.map((prompt) => negative ?? (attends ? prompt : prompt.slice(-1)))];
}

/** The conditional and the unconditional row of each prompt, in a batch of `rows` rows. */
export function guidedPairs(rows: number): (readonly [conditional: number, unconditional: number])[] {
  return Array.from({ length: rows / 2 }, (_, prompt) => [prompt, prompt + rows / 2]);
}

/** uncond + scale · (cond - uncond): logits [2b, V] of a guided batch to [b, V]. */
export function guide(backend: Backend, logits: Tensor, scale: number): Tensor {
  const [rows = 0, numTokens = 0] = logits.shape;
  const b = rows / 2;
  const both = backend.reshape(logits, [1, rows, numTokens]);
  const part = (from: number) => backend.reshape(backend.slice(both, from, from + b), [b, numTokens]);
  const [conditional, unconditional] = [part(0), part(b)];
  const difference = backend.add(conditional, unconditional, { factor: -1 });
  return backend.add(unconditional, difference, { factor: scale });
}
