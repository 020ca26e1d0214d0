/** One row by a weight, read in order and in turns: the same bits, and each process takes what is faster. */

import { assert, assertEquals } from "@std/assert";
import { WasmBackend } from "../../assembly/backend.ts";
import type { ListWork } from "../../assembly/machine/machine.ts";
import { Reading } from "../../assembly/machine/reading.ts";
import type { WeightFormat } from "../../backend/memory.ts";
import { linear } from "../../engine/reference/linear.ts";
import { createBackend } from "../../create_backend.ts";
import { WEIGHT_FORMATS } from "../../formats/formats.ts";
import { assertClose, compute, type HostValues, RandomValues } from "../support/ops.ts";

/** Sizes in and out: of one panel and less, of runs of unequal length, long ones, and none. */
const SHAPES = [[1, 1], [33, 15], [64, 32], [515, 129], [5000, 37], [31, 1000], [1100, 515], [96, 4099], [
  0,
  40,
]] as const;

/** The exact values of a weight's rows in its format. */
async function storedRows(backend: WasmBackend, rows: HostValues & { data: Float32Array }, format: WeightFormat) {
  const [outSize = 0, inSize = 0] = rows.shape;
  const weight = backend.weight([outSize, inSize], format);
  backend.writeRows(weight, 0, rows.data);
  return { weight, values: { shape: rows.shape, data: await backend.readRows(weight, 0, outSize) } };
}

for (const build of ["simd", "relaxed-simd"] as const) {
  for (const format of WEIGHT_FORMATS) {
    Deno.test(`${build}, ${format}: one row in order and in turns agrees with its oracle, with the same bits`, async () => {
      const inOrder = await WasmBackend.create({ readsInTurns: false }, build);
      const inTurns = await WasmBackend.create({ readsInTurns: true }, build);
      for (const [inSize, outSize] of SHAPES) {
        const random = new RandomValues(inSize + outSize);
        const rows = random.normal([outSize, inSize], 1 / Math.sqrt(inSize || 1));
        // Some are denormal in f16, and some far from the others.
        for (let i = 0; i < rows.data.length; i += 7) rows.data[i]! *= i % 2 === 0 ? 1e-5 : 8;
        const [x, bias] = [random.normal([1, inSize]), random.normal([outSize])];
        const results = [];
        for (const backend of [inOrder, inTurns]) {
          const { weight, values } = await storedRows(backend, rows, format);
          const options = { activation: "gelu" } as const;
          const result = await compute(
            backend,
            { x, bias },
            ({ x, bias }) => backend.linear(x, weight, { bias, ...options }),
          );
          // Inputs of blocks are rounded to 16 bits.
          assertClose(result, linear(x, values, { bias, ...options }), /^q/.test(format) ? 1e-4 : 1e-5);
          results.push(result);
          weight.dispose();
        }
        assertEquals(results[1], results[0], `[${outSize}, ${inSize}]`);
      }
      inOrder.dispose();
      inTurns.dispose();
    });
  }
}

Deno.test("rows read in turns have the same bits on any number of threads", async () => {
  const random = new RandomValues(7);
  for (const format of WEIGHT_FORMATS) {
    const rows = random.normal([1031, 700], 0.03), x = random.normal([1, 700]);
    const results = [];
    for (const threads of [1, 2, 3, 5]) {
      const backend = await WasmBackend.create({ threads, readsInTurns: true });
      const { weight } = await storedRows(backend, rows, format);
      results.push(await compute(backend, { x }, ({ x }) => backend.linear(x, weight)));
      backend.dispose();
    }
    for (const result of results) assertEquals(result, results[0], format);
  }
});

/** Runs lists by a clock of the test's own, and gives how many of them read in turns. */
function countTurns(
  reading: Reading,
  lists: number,
  inTurns: number,
  inOrder: number,
  work: ListWork,
): number {
  const { now } = performance;
  let [count, time] = [0, 0];
  performance.now = () => time;
  try {
    for (let i = 0; i < lists; i++) {
      reading.run(work, (turns) => {
        if (turns > 0) count += 1;
        time += turns > 0 ? inTurns : inOrder;
      });
    }
  } finally {
    performance.now = now;
  }
  return count;
}

const WORK: ListWork = { shared: 1.1 * 2 ** 21, values: 0, blocks: 0 };

Deno.test("turns are taken where they are faster, after some tokens, for weights of each kind", () => {
  for (
    const [inTurns, inOrder, expected] of [[8, 10, true], [10, 10, false], [9.8, 10, false], [12, 10, false]] as const
  ) {
    const reading = new Reading();
    assertEquals(reading.inTurns, { values: undefined, blocks: undefined });
    const [values, blocks] = [{ ...WORK, values: 2 ** 21 }, { ...WORK, blocks: 2 ** 21 }];
    assertEquals(countTurns(reading, 40, inTurns, inOrder, values), 20);
    assertEquals(reading.inTurns, { values: expected, blocks: undefined }, `${inTurns} beside ${inOrder} ms`);
    assertEquals(countTurns(reading, 10, inTurns, inOrder, values), expected ? 10 : 0);
    countTurns(reading, 40, inOrder, inTurns, blocks);
    assertEquals(reading.inTurns, { values: expected, blocks: inOrder < 0.95 * inTurns });
  }
});

Deno.test("lists of little reading, or of much else, are not measured", () => {
  const reading = new Reading();
  for (const kind of ["values", "blocks"] as const) {
    assertEquals(countTurns(reading, 100, 1, 2, { ...WORK, shared: 2 ** 19, [kind]: 2 ** 19 }), 0);
    assertEquals(countTurns(reading, 100, 1, 2, { ...WORK, shared: 2 ** 23, [kind]: 2 ** 22 }), 0);
  }
  assertEquals(reading.inTurns, { values: undefined, blocks: undefined });
});

Deno.test("a choice that is given is not measured, and the backend tells it", async () => {
  for (const readsInTurns of [true, false]) {
    const work = { ...WORK, values: 2 ** 21 };
    assertEquals(countTurns(new Reading(readsInTurns), 100, 1, 2, work), readsInTurns ? 100 : 0);
    for (const inWorker of [true, false]) {
      const backend = await createBackend("wasm", { threads: 1, inWorker, readsInTurns });
      const x = backend.tensor(Float32Array.of(1), [1]);
      await x.data();
      assertEquals(backend.info.readsInTurns, { values: readsInTurns, blocks: readsInTurns });
      backend.dispose();
    }
  }
});

for (const inWorker of [false, true]) {
  Deno.test(`an engine ${inWorker ? "in a worker" : "in place"} measures its first tokens`, async () => {
    const backend = await WasmBackend.create({ threads: 1, inWorker });
    const weight = backend.weight([4096, 4096], "q4_0");
    backend.writeRows(weight, 0, new Float32Array(4096 * 4096).fill(0.5));
    const x = backend.tensor(new Float32Array(4096).fill(1), [1, 4096]);
    for (let token = 0; token < 60; token++) {
      const result = backend.linear(x, weight);
      assertEquals((await result.data())[4095], 2048);
      result.dispose();
    }
    const { values, blocks } = backend.info.readsInTurns ?? {};
    assert(typeof blocks === "boolean" && values === undefined, `${values}, ${blocks} after 60 products`);
    backend.dispose();
  });
}
