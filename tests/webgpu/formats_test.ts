/** Quantized weights and caches on the GPU beside the CPU: the same values to the bit, and near products of them. */

import { assertEquals } from "@std/assert";
import { WasmBackend } from "../../assembly/backend.ts";
import type { Backend } from "../../backend/backend.ts";
import type { CacheFormat, WeightFormat } from "../../backend/memory.ts";
import { FORMATS, WEIGHT_FORMATS } from "../../formats/formats.ts";
import type { Flavor } from "../../gpu/backend.ts";
import { Andromeda } from "../../mod.ts";
import { assertClose, compute, type HostValues, RandomValues } from "../support/ops.ts";
import { gpuTest } from "./support.ts";

const FLAVORS: readonly Flavor[] = ["register", "workgroup"];

const cpu = await WasmBackend.create({ threads: 1 });
Deno.test.afterAll(() => cpu.dispose());

/** Blocks in odd and even numbers, and rows that end inside one. */
const SHAPES = [[32, 5], [96, 67], [1120, 33], [64, 64], [20, 7], [330, 40]] as const;

/** A product of rows with a weight, and the weight as it was kept. */
async function product(backend: Backend, format: WeightFormat, values: HostValues, x: HostValues) {
  const [outSize = 0, inSize = 0] = values.shape;
  const weight = backend.weight([outSize, inSize], format);
  try {
    backend.writeRows(weight, 0, Float32Array.from(values.data));
    const kept = new Uint32Array((await backend.readRows(weight, 0, outSize)).buffer);
    return { kept, out: await compute(backend, { x }, ({ x }) => backend.linear(x, weight)) };
  } finally {
    weight.dispose();
  }
}

for (const format of WEIGHT_FORMATS.filter((name) => FORMATS[name].blockSize > 1)) {
  for (const flavor of FLAVORS) {
    gpuTest(`${flavor} kernels: ${format} products are those of the CPU`, async (gpu) => {
      const random = new RandomValues(11);
      for (const [inSize, outSize] of SHAPES) {
        // Down to where scales are f16's denormals.
        const values = random.normal([outSize, inSize], 1 / Math.sqrt(inSize));
        values.data.subarray(0, inSize).forEach((value, i, row) => row[i] = value * 1e-4);
        for (const rows of [1, 2, 3, 5, 17, 64]) {
          const x = random.normal([rows, inSize]);
          const [expected, actual] = [await product(cpu, format, values, x), await product(gpu, format, values, x)];
          assertEquals(actual.kept, expected.kept);
          assertClose(actual.out, expected.out, 1e-4);
        }
      }
    }, { flavor });
  }

  gpuTest(`${format}: a saved model is that of the CPU, byte by byte`, async (gpu) => {
    const config = { numTokens: 70, maxSeqLen: 16, dim: 96, depth: 1, heads: 2, dimHead: 32, alibiNumHeads: 1 };
    const files = [];
    for (const backend of [cpu, gpu]) {
      const model = await Andromeda.create(config, { backend, seed: 8, dtype: format });
      const chunks: BlobPart[] = [];
      await model.save(new WritableStream({ write: (chunk: Uint8Array<ArrayBuffer>) => void chunks.push(chunk) }));
      files.push(await new Blob(chunks).bytes());
      model.dispose();
    }
    assertEquals(files[1], files[0]);
  });
}

/** A cache after rows of all magnitudes were put in. */
async function keptOf(backend: Backend, format: CacheFormat, rows: HostValues): Promise<Uint32Array> {
  const [, n = 0, dim = 0] = rows.shape;
  const cache = backend.cache([1, 1, n, dim], format);
  backend.scope(() => {
    backend.appendCache(cache, backend.tensor(rows.data, rows.shape), backend.tensor(Int32Array.of(0), [1]));
  });
  const values = await cache.data();
  cache.dispose();
  return new Uint32Array(values.buffer);
}

gpuTest("q8_0 caches hold what those of the CPU hold, to the bit", async (gpu) => {
  const random = new RandomValues(12);
  const [n, dim] = [4000, 96];
  const rows = random.normal([1, n, dim]);
  for (let row = 0; row < n; row++) {
    const values = rows.data.subarray(row * dim, (row + 1) * dim);
    const factor = 2 ** random.integer(-45, 15);
    // Every other row holds halves of steps, which must be rounded away from zero; the largest value is a step's
    // 127-fold.
    for (const [i, value] of values.entries()) {
      values[i] = factor * (row % 2 === 0 ? value : i % 32 === 7 ? -127 : random.integer(-253, 253) / 2);
    }
  }
  rows.data.fill(0, 5 * dim, 6 * dim);
  assertEquals(await keptOf(gpu, "q8_0", rows), await keptOf(cpu, "q8_0", rows));
});

for (const flavor of FLAVORS) {
  gpuTest(`${flavor} kernels: attention over caches in every format is that of the CPU`, async (gpu) => {
    const random = new RandomValues(13);
    const [b, kvHeads, heads, capacity, start] = [2, 2, 6, 150, 130];
    const options = { heads, kvHeads, scale: 0.2, causal: true };
    for (const [format, dim] of [["f32", 20], ["f16", 20], ["q8_0", 32], ["q8_0", 64], ["q8_0", 96]] as const) {
      const before = [0, 1].map(() => random.normal([b, start, kvHeads * dim]));
      for (const n of [1, 4, 70]) {
        const latest = [0, 1].map(() => random.normal([b, n, kvHeads * dim]));
        const q = random.normal([b, n, heads * dim]);
        const [expected, actual] = await Promise.all([cpu, gpu].map((backend) => {
          const caches = before.map((rows, i) => {
            const cache = backend.cache([b, kvHeads, capacity, dim], format);
            backend.scope(() => {
              for (const [x, from] of [[rows, 0], [latest[i] ?? rows, start]] as const) {
                const positions = backend.tensor(new Int32Array(b).fill(from), [b]);
                backend.appendCache(cache, backend.tensor(x.data, x.shape), positions);
              }
            });
            return cache;
          });
          const [k, v] = caches;
          if (!k || !v) throw new Error("no caches");
          const positions = { shape: [b], data: new Int32Array(b).fill(start) };
          const attended = compute(
            backend,
            { q, positions },
            ({ q, positions }) => backend.attention(q, k, v, { ...options, positions }),
          );
          return attended.finally(() => caches.forEach((cache) => cache.dispose()));
        }));
        if (!expected || !actual) throw new Error("no results");
        assertClose(actual, expected, 1e-5);
      }
    }
  }, { flavor });
}
