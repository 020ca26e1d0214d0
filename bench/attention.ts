/**
 * How fast attention is: prefill of 2,048 tokens in GFLOP/s (products only, visible keys only) and one token over a cache of 8,192 in
 * GB/s of keys and values read.
 *
 *     deno run -A bench/attention.ts
 *
 * @module
 */
import { WasmBackend } from "../assembly/backend.ts";
import type { Backend, Tensor } from "../backend.ts";

/** Milliseconds of the fastest of several runs. */
function fastest(backend: Backend, operation: () => Tensor, runs: number): number {
  let best = Infinity;
  for (let run = 0; run < runs; run++) {
    const start = performance.now();
    backend.scope(() => {
      operation();
      backend.flush();
    });
    best = Math.min(best, performance.now() - start);
  }
  return best;
}

function random(backend: Backend, shape: readonly number[]): Tensor {
  const size = shape.reduce((product, length) => product * length, 1);
  return backend.tensor(Float32Array.from({ length: size }, () => Math.random() - 0.5), shape);
}

function prefill(backend: Backend, n: number, heads: number, kvHeads: number, dim: number): void {
  const q = random(backend, [1, n, heads * dim]);
  const [k, v] = [random(backend, [1, n, kvHeads * dim]), random(backend, [1, n, kvHeads * dim])];
  const slopes = backend.tensor(Float32Array.from({ length: heads }, (_, h) => h < heads / 2 ? 2 ** -(h + 1) : 0), [
    heads,
  ]);
  const options = { heads, kvHeads, scale: 1 / Math.sqrt(dim), causal: true, slopes };
  const milliseconds = fastest(backend, () => backend.attention(q, k, v, options), 5);
  const operations = 4 * dim * heads * (n * (n + 1) / 2);
  report(
    `prefill of ${n}`,
    heads,
    kvHeads,
    dim,
    milliseconds,
    `${(operations / milliseconds / 1e6).toFixed(1)} GFLOP/s`,
  );
  for (const tensor of [q, k, v, slopes]) tensor.dispose();
}

function decode(backend: Backend, context: number, heads: number, kvHeads: number, dim: number): void {
  const [keys, values] = [backend.cache([1, kvHeads, context, dim]), backend.cache([1, kvHeads, context, dim])];
  backend.scope(() => {
    const start = backend.tensor(Int32Array.of(0), [1]);
    for (const cache of [keys, values]) backend.appendCache(cache, random(backend, [1, context, kvHeads * dim]), start);
  });
  const q = random(backend, [1, 1, heads * dim]);
  const positions = backend.tensor(Int32Array.of(context - 1), [1]);
  const options = { heads, kvHeads, scale: 1 / Math.sqrt(dim), causal: true, positions };
  const milliseconds = fastest(backend, () => backend.attention(q, keys, values, options), 20);
  const bytes = 2 * context * kvHeads * dim * 4;
  const operations = 4 * context * heads * dim;
  const rates = `${(bytes / milliseconds / 1e6).toFixed(1)} GB/s, ${
    (operations / milliseconds / 1e6).toFixed(1)
  } GFLOP/s`;
  report(`one token over ${context}`, heads, kvHeads, dim, milliseconds, rates);
  for (const tensor of [keys, values, q, positions]) tensor.dispose();
}

function report(what: string, heads: number, kvHeads: number, dim: number, milliseconds: number, rates: string): void {
  console.log(`${what}, ${heads} heads (${kvHeads} of keys) of ${dim}: ${milliseconds.toFixed(2)} ms, ${rates}`);
}

const backend = await WasmBackend.create();
console.log(backend.info.description);
for (const [heads, kvHeads, dim] of [[8, 8, 64], [8, 2, 64], [8, 8, 128], [24, 2, 128]] as const) {
  prefill(backend, 2048, heads, kvHeads, dim);
  decode(backend, 8192, heads, kvHeads, dim);
}
backend.dispose();
