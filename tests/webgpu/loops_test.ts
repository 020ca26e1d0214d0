/**
 * Loops of any length on devices that end them early: llvmpipe does after 65,535 rounds, others are made to by an
 * option.
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { WasmBackend } from "../../assembly/backend.ts";
import type { Backend } from "../../backend/backend.ts";
import type { Tensor } from "../../backend/memory.ts";
import type { AttentionOptions } from "../../backend/operations/attention.ts";
import { ShapeError } from "../../errors.ts";
import type { Flavor } from "../../gpu/backend.ts";
import { loop, type Span, spans } from "../../gpu/device/loops.ts";
import { assertClose, type HostValues, RandomValues } from "../support/ops.ts";
import { gpuTest } from "./support.ts";

Deno.test("a loop in parts covers all items once, within the rounds that are granted", () => {
  for (const limit of [40, 1000, 65_535, Infinity]) {
    for (const count of [0, 1, 7, 1000, 70_001]) {
      for (const step of [{}, { items: 4 }, { items: 8, inner: 11 }]) {
        const parts: Span[] = [...spans(limit, count, step, 20)];
        const ends = parts.map(({ end }) => end);
        assertEquals(parts.map(({ first }) => first), [0, ...ends.slice(0, -1)]);
        assertEquals(ends.at(-1), count);
        for (const { first, end, rounds } of parts) {
          assert(rounds <= limit, `${rounds} rounds of ${limit}`);
          assertEquals(rounds, loop(Math.ceil((end - first) / (step.items ?? 1)), step.inner ?? 0) + 20);
        }
      }
    }
  }
});

/** The same operation on the CPU engine, which is held to its oracle elsewhere. */
async function agree(
  backend: Backend,
  inputs: Readonly<Record<string, HostValues>>,
  operation: (on: Backend, tensors: Readonly<Record<string, Tensor>>) => Tensor,
  tolerance = 2e-5,
): Promise<void> {
  const cpu = await WasmBackend.create({ threads: 1 });
  const results: HostValues[] = [];
  try {
    for (const on of [backend, cpu]) {
      const result = on.scope(() => {
        const tensors = Object.entries(inputs).map(([name, { data, shape }]) => [name, on.tensor(data, shape)]);
        return operation(on, Object.fromEntries(tensors));
      });
      results.push({ shape: result.shape, data: await result.data() });
      result.dispose();
    }
  } finally {
    cpu.dispose();
  }
  const [actual, expected] = results;
  assertClose(actual!, expected!, tolerance);
}

interface Form {
  readonly queries: number;
  readonly keys: number;
  readonly dim: number;
  readonly heads?: number;
  readonly kvHeads?: number;
  readonly memory?: number;
  readonly decay?: boolean;
  readonly mask?: boolean;
  readonly slopes?: boolean;
  readonly cache?: "f32" | "f16" | "q8_0";
  readonly position?: number;
}

async function attentionAgrees(backend: Backend, form: Form): Promise<void> {
  const { queries, keys, dim, heads = 2, kvHeads = 1, memory = 0, cache, position = keys - queries } = form;
  const random = new RandomValues(keys + dim);
  const inputs = {
    q: random.normal([1, queries, heads * dim]),
    k: random.normal([1, keys, kvHeads * dim]),
    v: random.normal([1, keys, kvHeads * dim]),
    positions: { shape: [1], data: Int32Array.of(position) },
    zero: { shape: [1], data: Int32Array.of(0) },
    ...(memory &&
      { memoryKeys: random.normal([kvHeads, memory, dim]), memoryValues: random.normal([kvHeads, memory, dim]) }),
    ...(form.decay && { decay: { shape: [dim], data: new Float32Array(dim).map(() => 0.9 + random.next() / 20) } }),
    ...(form.mask && { mask: random.integers([1, keys], 0, 1) }),
    ...(form.slopes && { slopes: { shape: [heads], data: new Float32Array(heads).fill(0.01) } }),
  };
  const caches: Tensor[] = [];
  await agree(backend, inputs, (on, { q, k, v, zero, positions, ...rest }) => {
    const options: AttentionOptions = { heads, kvHeads, scale: dim ** -0.5, causal: true, positions, ...rest };
    const [keysOf, valuesOf] = [k, v].map((x) => {
      if (!cache) return x!;
      const made = on.cache([1, kvHeads, keys, dim], cache);
      caches.push(made);
      on.appendCache(made, x!, zero!);
      return made;
    });
    return on.attention(q!, keysOf!, valuesOf!, options);
  });
  for (const each of caches) each.dispose();
}

const LONG: readonly Form[] = [
  { queries: 40, keys: 20_000, dim: 64 },
  { queries: 12, keys: 20_000, dim: 32, heads: 8, kvHeads: 2, cache: "f32", slopes: true },
  { queries: 9, keys: 20_000, dim: 128, cache: "f16" },
  { queries: 9, keys: 20_000, dim: 64, cache: "q8_0", mask: true },
  { queries: 9, keys: 20_000, dim: 30 },
  { queries: 7, keys: 20_000, dim: 16, decay: true },
  { queries: 5, keys: 6_000, dim: 1024 },
  { queries: 5, keys: 100, dim: 64, memory: 20_000 },
  { queries: 1, keys: 20_000, dim: 64, slopes: true },
  { queries: 4, keys: 20_000, dim: 1023, heads: 1 },
];

for (const form of LONG) {
  gpuTest(`attention over many keys: ${JSON.stringify(form)}`, (backend) => attentionAgrees(backend, form));
}

gpuTest("attention of a prompt of 5,000 tokens", (backend) => {
  return attentionAgrees(backend, { queries: 5000, keys: 5000, dim: 64, heads: 1 });
});

/** Few enough for everything to be divided, enough for one round of every kernel. */
const FEW_ROUNDS = 3000;

for (const flavor of ["register", "workgroup"] as const satisfies readonly Flavor[]) {
  gpuTest(`${flavor} kernels on a device that ends loops after ${FEW_ROUNDS} rounds: attention`, async (backend) => {
    for (const cache of [undefined, "f32", "f16", "q8_0"] as const) {
      const rest = cache && { cache, position: 450 };
      await attentionAgrees(backend, { queries: 21, keys: 400, dim: 32, slopes: true, memory: 70, ...rest });
    }
    await attentionAgrees(backend, { queries: 9, keys: 700, dim: 6, decay: true, mask: true });
    await attentionAgrees(backend, { queries: 3, keys: 700, dim: 8, decay: true });
  }, { flavor, loopRounds: FEW_ROUNDS });

  gpuTest(`${flavor} kernels on a device that ends loops after ${FEW_ROUNDS} rounds: the others`, async (backend) => {
    const random = new RandomValues(1);
    for (const format of ["f32", "f16", "q8_0", "q4_0"] as const) {
      const [values, bias] = [random.normal([9, 25_030], 1 / 158), random.normal([9])];
      for (const rows of [1, 3, 40]) {
        const made: Tensor[] = [];
        await agree(backend, { x: random.normal([rows, 25_030]), bias }, (on, { x, bias }) => {
          const weight = on.weight([9, 25_030], format);
          made.push(weight);
          on.writeRows(weight, 0, values.data);
          return on.linear(x!, weight, { bias, activation: "silu" });
        }, 1e-4);
        for (const each of made) each.dispose();
      }
    }
    await agree(backend, { x: random.normal([2, 7001, 3]) }, (on, { x }) => on.meanPool(x!));
    const options = { heads: 2, kvHeads: 1, scale: 1, causal: false };
    const probabilities = random.normal([1, 2, 3, 5000 + 4000], 0.01);
    const [v, memoryValues] = [random.normal([1, 5000, 8]), random.normal([1, 4000, 8])];
    await agree(backend, { probabilities, v, memoryValues }, (on, { probabilities, v, memoryValues }) => {
      return on.attentionValues(probabilities!, v!, { ...options, memoryKeys: memoryValues, memoryValues });
    });
    const x = random.normal([2, 60_000]);
    await agree(backend, { x }, (on, { x }) => on.layerNorm(x!));
    await agree(backend, { x }, (on, { x }) => on.softmax(x!));
  }, { flavor, loopRounds: FEW_ROUNDS });
}

gpuTest("rows that are too long for a device are refused by name, and the engine goes on", async (backend) => {
  const long = backend.zeros([1, 4_000_000], "f32");
  const { tensors } = backend.memory();
  assertThrows(() => backend.layerNorm(long), ShapeError, "this device ends loops after");
  assertEquals(backend.memory().tensors, tensors);
  const x = backend.tensor(Float32Array.of(1, 3), [1, 2]);
  const [low = NaN, high = NaN] = await backend.layerNorm(x).data();
  assert(Math.abs(low + 1) < 1e-4 && Math.abs(high - 1) < 1e-4);
  long.dispose();
}, { loopRounds: FEW_ROUNDS });
