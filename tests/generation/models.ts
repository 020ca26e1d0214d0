/**
 * Small models with fresh values, one for each way in which positions and caches differ.
 *
 * @module
 */

import type { Backend } from "../../backend/backend.ts";
import { Transformer, type TransformerConfig } from "../../mod.ts";
import type { GpuRuns } from "../support/engines.ts";

/** The options that all of them share: logits are far enough apart for greedy tokens to be certain. */
const base = { numTokens: 50, maxSeqLen: 40, dim: 32, depth: 2, heads: 4, dimHead: 32, useAbsPosEmb: false };

/** Configurations whose keys and values can be kept. */
export const cached: Record<string, Partial<TransformerConfig>> = {
  "no positions": {},
  "absolute positions": { useAbsPosEmb: true },
  "ALiBi": { alibiPosBias: true, alibiNumHeads: 2, attnOneKvHead: true },
  "rotary positions": { rotaryPosEmb: true },
  "xPos": { rotaryXpos: true, attnKvHeads: 2 },
  "ALiBi and xPos with QK norm": {
    alibiPosBias: true,
    alibiNumHeads: 2,
    rotaryXpos: true,
    attnKvHeads: 2,
    attnQkNorm: true,
    attnQkNormDimScale: true,
  },
  "zeta's rotated values without scale": { reference: "zeta", rotaryPosEmb: true, rotaryEmbedValues: true },
  "token shift": { rotaryPosEmb: true, shiftTokens: 1 },
  "a token shift of two, with absolute positions": { useAbsPosEmb: true, shiftTokens: 2, attnKvHeads: 1 },
  "memory tokens": { rotaryXpos: true, numMemoryTokens: 3 },
  "memory tokens and token shift": { alibiPosBias: true, numMemoryTokens: 2, shiftTokens: 1 },
  "memory keys": { alibiPosBias: true, attnNumMemKv: 3 },
  "scores in memory": { alibiPosBias: true, rotaryXpos: true, attnFlash: false },
  "deepnorm and token shift": { reference: "zeta", deepnorm: true, shiftTokens: 1, alibiPosBias: true },
};

/** Configurations whose keys and values change with the length of the text. */
export const uncached: Record<string, Partial<TransformerConfig>> = {
  "zeta's rotated values with xPos": {
    reference: "zeta",
    rotaryXpos: true,
    rotaryEmbedValues: true,
    alibiPosBias: true,
  },
  "xPos beside memory keys": { rotaryXpos: true, attnNumMemKv: 2 },
};

/**
 * The variants that a GPU is tested with; between them they use every operation of the others. The first one is never
 * left out.
 */
const typical = [
  "ALiBi and xPos with QK norm",
  "a token shift of two, with absolute positions",
  "zeta's rotated values with xPos",
];

/** The runs in which a GPU is tested with a variant. */
export function gpuFor(name: string): GpuRuns {
  const index = typical.indexOf(name);
  return index < 0 ? "alone" : index === 0 ? "always" : "slow";
}

/** Makes a model, runs a test with it and disposes of it. */
export async function withModel(
  backend: Backend,
  config: Partial<TransformerConfig>,
  run: (model: Transformer) => Promise<void>,
  seed = 1,
): Promise<void> {
  const model = await Transformer.create({ ...base, ...config }, { backend, seed });
  try {
    await run(model);
  } finally {
    model.dispose();
  }
}

/** Token ids without a pattern. */
export function text(length: number, numTokens = 50, seed = 1): number[] {
  return Array.from({ length }, (_, i) => ((i + seed) * 7919 + (i * i + seed) * 104729) % numTokens);
}

/** Rows of [rows, n, width] logits that a model's `forward` gives. */
export async function forwardRows(
  model: Transformer,
  tokens: number[],
  options: Parameters<Transformer["forward"]>[1] = {},
): Promise<Float32Array[]> {
  const logits = model.forward(tokens, options);
  const values = await logits.data() as Float32Array;
  const width = logits.shape[2]!;
  logits.dispose();
  return Array.from({ length: values.length / width }, (_, row) => values.slice(row * width, (row + 1) * width));
}

/** The largest difference. */
export function distance(a: Float32Array, b: Float32Array): number {
  return a.reduce((most, value, i) => Math.max(most, Math.abs(value - (b[i] ?? NaN))), 0);
}

/** The position of the largest number. */
export function argmax(values: ArrayLike<number>): number {
  return Array.from(values).reduce((best, value, i, all) => value > all[best]! ? i : best, 0);
}
