/**
 * Products and attention on a GPU, in every flavor of the kernels that it can run.
 *
 * @module
 */

import type { CacheFormat, Tensor, WeightFormat } from "../../backend/memory.ts";
import type { WebGpuBackend } from "../../gpu/backend.ts";
import { randomValues, timeOperation } from "../support/timing.ts";

/** Rows, in, out. */
export type Shape = readonly [rows: number, size: number, out: number];

/** A product of one shape. */
export interface ProductFigure {
  readonly flavor: string;
  readonly format: WeightFormat;
  readonly shape: Shape;
  readonly milliseconds: number;
  readonly gflops: number;
  /** Gigabytes of the weight a second. */
  readonly gigabytes: number;
}

/** Attention of many queries to as many keys, or of one to a cache. */
export interface AttentionFigure {
  readonly flavor: string;
  readonly what: "prefill" | "decode";
  readonly tokens: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly dim: number;
  /** How keys and values are kept; those of a prompt come as f32. */
  readonly format: CacheFormat;
  readonly milliseconds: number;
  /** Counting visible keys only. */
  readonly gflops: number;
  /** Gigabytes of keys and values a second. */
  readonly gigabytes: number;
}

/** Query heads, key heads, width of a head. */
type Heads = readonly [heads: number, kvHeads: number, dim: number];

/** Values that are drawn; more are repetitions of them. */
const DRAWN = 2 ** 22;

/** Times a product with a weight in a format. */
export async function timeProduct(
  backend: WebGpuBackend,
  format: WeightFormat,
  shape: Shape,
  rounds: number,
): Promise<ProductFigure> {
  const [rows, size, out] = shape;
  const before = backend.memory().bytesInUse;
  const weight = backend.weight([out, size], format);
  const bytes = backend.memory().bytesInUse - before;
  const step = Math.min(out, Math.max(1, Math.floor(DRAWN / size)));
  const some = randomValues(step * size);
  for (let row = 0; row < out; row += step) {
    backend.writeRows(weight, row, some.subarray(0, Math.min(step, out - row) * size));
  }
  const x = backend.tensor(randomValues(rows * size), [rows, size]);
  const milliseconds = await timeOperation(backend, () => void backend.linear(x, weight), rounds);
  weight.dispose();
  x.dispose();
  const gflops = 2 * rows * size * out / milliseconds / 1e6;
  return { flavor: backend.flavor, format, shape, milliseconds, gflops, gigabytes: bytes / milliseconds / 1e6 };
}

/** Times causal attention within a prompt. */
export async function timePrompt(
  backend: WebGpuBackend,
  [heads, kvHeads, dim]: Heads,
  tokens: number,
  rounds: number,
): Promise<AttentionFigure> {
  const random = (width: number) => backend.tensor(randomValues(tokens * width), [1, tokens, width]);
  const [q, k, v] = [random(heads * dim), random(kvHeads * dim), random(kvHeads * dim)];
  const options = { heads, kvHeads, scale: 1 / Math.sqrt(dim), causal: true };
  const milliseconds = await timeOperation(backend, () => void backend.attention(q, k, v, options), rounds);
  for (const tensor of [q, k, v]) tensor.dispose();
  const common = { flavor: backend.flavor, tokens, heads, kvHeads, dim, milliseconds };
  return {
    ...common,
    what: "prefill",
    format: "f32",
    gflops: 4 * dim * heads * tokens * (tokens + 1) / 2 / milliseconds / 1e6,
    gigabytes: 2 * 4 * tokens * kvHeads * dim / milliseconds / 1e6,
  };
}

/** Times one token's attention to a cache that is full. */
export async function timeToken(
  backend: WebGpuBackend,
  [heads, kvHeads, dim]: Heads,
  format: CacheFormat,
  tokens: number,
  rounds: number,
): Promise<AttentionFigure> {
  const before = backend.memory().bytesInUse;
  const caches = [0, 1].map(() => backend.cache([1, kvHeads, tokens, dim], format));
  const bytes = backend.memory().bytesInUse - before;
  const [keys, values] = caches as [Tensor, Tensor];
  backend.scope(() => {
    const start = backend.tensor(Int32Array.of(0), [1]);
    for (const cache of caches) {
      backend.appendCache(
        cache,
        backend.tensor(randomValues(tokens * kvHeads * dim), [1, tokens, kvHeads * dim]),
        start,
      );
    }
  });
  const q = backend.tensor(randomValues(heads * dim), [1, 1, heads * dim]);
  const positions = backend.tensor(Int32Array.of(tokens - 1), [1]);
  const options = { heads, kvHeads, scale: 1 / Math.sqrt(dim), causal: true, positions };
  const milliseconds = await timeOperation(backend, () => void backend.attention(q, keys, values, options), rounds);
  for (const tensor of [...caches, q, positions]) tensor.dispose();
  const common = { flavor: backend.flavor, tokens, heads, kvHeads, dim, milliseconds };
  return {
    ...common,
    what: "decode",
    format,
    gflops: 4 * tokens * heads * dim / milliseconds / 1e6,
    gigabytes: bytes / milliseconds / 1e6,
  };
}
