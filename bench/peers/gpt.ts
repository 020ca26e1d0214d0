/**
 * The model that all engines of the comparison run: GPT-2's kind of decoder, norms in front, learned absolute
 * positions, exact GELU.
 *
 * @module
 */

import type { Transformer } from "../../mod.ts";

/** Sizes of the model. */
export interface GptSizes {
  readonly vocabulary: number;
  readonly maxLength: number;
  readonly dim: number;
  readonly depth: number;
  readonly heads: number;
  /** Width of the feed forward. */
  readonly inner: number;
}

/** Row-major values; matrices are [out, in]. */
export interface GptWeights {
  readonly tokens: Float32Array;
  /** Learned positions, multiplied by dim^-0.5 as the model adds them. */
  readonly positions: Float32Array;
  readonly layers: readonly GptLayer[];
  readonly finalNorm: Float32Array;
  readonly logits: Float32Array;
}

/** One block. */
export interface GptLayer {
  readonly attentionNorm: Float32Array;
  /** Rows of the queries, then the keys', then the values'. */
  readonly qkv: Float32Array;
  readonly attentionOut: Float32Array;
  readonly feedForwardNorm: Float32Array;
  readonly up: Float32Array;
  readonly upBias: Float32Array;
  readonly down: Float32Array;
  readonly downBias: Float32Array;
}

/** 58 million parameters, of which 42 million are read for a token. */
export const SIZES: GptSizes = { vocabulary: 32000, maxLength: 512, dim: 512, depth: 8, heads: 8, inner: 2048 };

/** Seed of its weights. */
export const SEED = 1;

/** The same model as an Andromeda configuration. */
export const CONFIG = {
  attnLayers: "decoder",
  numTokens: SIZES.vocabulary,
  maxSeqLen: SIZES.maxLength,
  dim: SIZES.dim,
  depth: SIZES.depth,
  heads: SIZES.heads,
  dimHead: SIZES.dim / SIZES.heads,
  ffMult: SIZES.inner / SIZES.dim,
} as const;

/** Tokens of the prompt. */
export const PROMPT: readonly number[] = Array.from({ length: 128 }, (_, i) => (i * 7919 + 13) % SIZES.vocabulary);

/** The weights of a model made with `CONFIG`. */
export async function weightsOf(model: Transformer): Promise<GptWeights> {
  const parameters = model.stateDict();
  const read = async (name: string): Promise<Float32Array> => {
    const values = await parameters.get(name)?.data();
    if (!(values instanceof Float32Array)) throw new TypeError(`Cannot read ${name}: the model has no such parameter`);
    return values;
  };
  // Gains are stored as gain - 1.
  const gain = async (name: string) => (await read(name)).map((value) => value + 1);
  const layers: GptLayer[] = [];
  for (let i = 0; i < SIZES.depth; i++) {
    const [attention, feedForward] = [2 * i, 2 * i + 1].map((layer) => `attn_layers.layers.${layer}`);
    layers.push({
      attentionNorm: await gain(`${attention}.0.0.gamma`),
      qkv: join(await Promise.all(["q", "k", "v"].map((part) => read(`${attention}.1.to_${part}.weight`)))),
      attentionOut: await read(`${attention}.1.to_out.weight`),
      feedForwardNorm: await gain(`${feedForward}.0.0.gamma`),
      up: await read(`${feedForward}.1.ff.0.0.weight`),
      upBias: await read(`${feedForward}.1.ff.0.0.bias`),
      down: await read(`${feedForward}.1.ff.2.weight`),
      downBias: await read(`${feedForward}.1.ff.2.bias`),
    });
  }
  return {
    tokens: await read("token_emb.emb.weight"),
    positions: (await read("pos_emb.emb.weight")).map((value) => value * SIZES.dim ** -0.5),
    layers,
    finalNorm: await gain("attn_layers.final_norm.gamma"),
    logits: await read("to_logits.weight"),
  };
}

/** A matrix [rows, columns] as [columns, rows]. */
export function transpose(matrix: Float32Array, rows: number, columns: number): Float32Array {
  const transposed = new Float32Array(matrix.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      transposed[column * rows + row] = matrix[row * columns + column] ?? 0;
    }
  }
  return transposed;
}

function join(parts: readonly Float32Array[]): Float32Array {
  const joined = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}
