/** Lists that run in portions: the engine pauses for the host's event loop, and order and values stay the same. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { WasmBackend } from "../../assembly/backend.ts";
import { Kernel } from "../../assembly/generated/kernel.ts";
import { EventLoopPauses } from "../../assembly/machine/event_loop_pauses.ts";
import { Teamwork } from "../../assembly/machine/teamwork.ts";
import { LIST_WORDS } from "../../assembly/memory/layout.ts";
import { CommandList } from "../../assembly/records/command_list.ts";
import type { Backend } from "../../backend/backend.ts";
import { ConfigError, DisposedError, Transformer } from "../../mod.ts";
import { RandomValues } from "../support/ops.ts";

/** Keeps the processor busy. */
function work(milliseconds: number): void {
  const end = performance.now() + milliseconds;
  while (performance.now() < end);
}

/** Appends a record with one argument, and a list. */
function append(list: CommandList, argument: number, work: number, data?: Int32Array): void {
  list.words[0] = argument;
  list.append(Kernel.add, 1, work, data);
}

/** The first argument of each record in these words. */
function argumentsIn(words: Int32Array): number[] {
  const found: number[] = [];
  for (let at = 0; at < words.length; at += words[at + 1]!) found.push(words[at + 2]!);
  return found;
}

/** A unit of work that a list takes for a portion of its own. */
const LONG = 2.5e7;

Deno.test("timers fire while many wait for one list, about as often as for one of them", async () => {
  const run: number[] = [];
  const list = new CommandList((words) => {
    run.push(...argumentsIn(words));
    work(10);
  }, new EventLoopPauses());
  const count = async (readers: number) => {
    let [most, last] = [0, performance.now()];
    const timer = setInterval(() => {
      most = Math.max(most, performance.now() - last);
      last = performance.now();
    });
    const read = async (reader: number) => {
      for (let step = 0; step < 60 / readers; step++) {
        append(list, reader, 0);
        await list.after(() => Promise.resolve());
      }
    };
    await Promise.all(Array.from({ length: readers }, (_, reader) => read(reader)));
    clearInterval(timer);
    return most;
  };
  const [alone, together] = [await count(1), await count(30)];
  assert(together < 2 * alone + 100, `${together} ms without a pause beside ${alone} ms`);
  assert(alone < 300, `${alone} ms without a pause`);
  assertEquals(run.length, 120);
  assertEquals(run.slice(60, 90), Array.from({ length: 30 }, (_, reader) => reader), "first come, first served");
});

Deno.test("timers fire beside a clock that stands still while a program computes", async () => {
  const { now } = performance;
  const list = new CommandList(() => {}, new EventLoopPauses());
  let ticks = 0;
  performance.now = () => 1000;
  const timer = setInterval(() => ticks++);
  try {
    // Each is expected to take more than 10 ms.
    for (let step = 0; step < 100; step++) {
      append(list, step, LONG);
      await list.after(() => Promise.resolve());
    }
  } finally {
    performance.now = now;
    clearInterval(timer);
  }
  assert(ticks >= 10 && ticks < 100, `${ticks} ticks`);
});

Deno.test("a read gives the values of its place in the list, whatever is recorded later", async () => {
  let value = 0;
  const list = new CommandList((words) => {
    for (const next of argumentsIn(words)) value = next;
    work(5);
  }, new EventLoopPauses());
  const reads: Promise<number>[] = [];
  for (let i = 1; i <= 40; i++) {
    append(list, i, LONG);
    reads.push(list.after(() => Promise.resolve(value)));
  }
  append(list, 41, LONG);
  list.flush();
  assertEquals(value, 41);
  assertEquals(await Promise.all(reads), Array.from({ length: 40 }, (_, i) => i + 1));
});

Deno.test("a list that outgrows what runs at once keeps its order", async () => {
  const run: number[] = [];
  let longest = 0;
  const list = new CommandList((words) => {
    longest = Math.max(longest, words.length);
    run.push(...argumentsIn(words));
    work(1);
  }, new EventLoopPauses());
  const data = new Int32Array(LIST_WORDS / 4);
  const reads: Promise<unknown>[] = [];
  for (let i = 0; i < 200; i++) {
    append(list, i, 0, data);
    if (i % 7 === 0) reads.push(list.after(() => Promise.resolve()));
  }
  await Promise.all(reads);
  list.flush();
  assertEquals(run, Array.from({ length: 200 }, (_, i) => i));
  assert(longest <= LIST_WORDS);
});

Deno.test("a portion that fails tells all who wait, and the list goes on empty", async () => {
  let fails = true;
  const run: number[] = [];
  const list = new CommandList((words) => {
    work(30);
    if (fails && argumentsIn(words).includes(3)) throw new ConfigError("broken");
    run.push(...argumentsIn(words));
  }, new EventLoopPauses());
  const reads = [1, 2, 3, 4, 5].map((i) => {
    append(list, i, LONG);
    return list.after(() => Promise.resolve(i)).catch((error) => error.message);
  });
  assertEquals(await Promise.all(reads), [1, 2, "broken", "broken", "broken"]);
  fails = false;
  append(list, 6, LONG);
  assertEquals(await list.after(() => Promise.resolve(6)), 6);
  assertEquals(run, [1, 2, 6]);
  fails = true;
  append(list, 3, LONG);
  assertThrows(() => list.flush(), ConfigError, "broken");
});

Deno.test("a backend that is disposed while it computes says so to those who wait", async () => {
  const backend = await WasmBackend.create({ threads: 1 });
  const config = { numTokens: 50, maxSeqLen: 600, dim: 128, depth: 4, heads: 4, dimHead: 32 };
  const model = await Transformer.create(config, { backend });
  const logits = Array.from({ length: 20 }, () => model.forward(Array(600).fill(1)));
  const errors = logits.map((tensor) => tensor.data().then(() => undefined, (error) => error));
  backend.dispose();
  assert(await errors.at(-1) instanceof DisposedError);
  await Promise.all(errors);
});

/** The results of long records: those of a product and of attention, whose kernels share work in different ways. */
async function runLong(backend: Backend): Promise<(Float32Array | Int32Array)[]> {
  const random = new RandomValues(3);
  const [rows, inSize, outSize] = [256, 768, 8192];
  const weight = backend.weight([outSize, inSize], "f32");
  backend.writeRows(weight, 0, random.normal([outSize, inSize]).data);
  const make = (shape: readonly number[]) => backend.tensor(random.normal(shape).data, shape);
  const [product, attended] = backend.scope(() => {
    const [q, k, v] = [make([1, 700, 512]), make([1, 4000, 128]), make([1, 4000, 128])];
    return [
      backend.linear(make([rows, inSize]), weight),
      backend.attention(q, k, v, { heads: 8, kvHeads: 2, scale: 0.1, causal: true }),
    ] as const;
  });
  const values = await Promise.all([product.data(), attended.data()]);
  for (const tensor of [product, attended, weight]) tensor.dispose();
  return values;
}

Deno.test("long records give the same bits in parts, whichever of them are shared", async () => {
  const alone = await WasmBackend.create({ threads: 1 });
  const expected = await runLong(alone);
  alone.dispose();
  const { run } = Teamwork.prototype;
  const modes = { always: () => true, never: () => false, "now and then": (list: number) => list % 2 === 0 };
  try {
    for (const [mode, isShared] of Object.entries(modes)) {
      let lists = 0;
      // One record each, because one that is left out would find the right values where others have left them.
      const backend = await WasmBackend.create({ threads: 3 });
      Teamwork.prototype.run = (work, run) => run(work > 0 && isShared(lists++));
      const actual = await runLong(backend);
      assert(lists > 6, `${lists} lists: nothing was run in parts`);
      for (const [i, values] of actual.entries()) assertEquals(values, expected[i], `result ${i}, shared ${mode}`);
      backend.dispose();
    }
  } finally {
    Teamwork.prototype.run = run;
  }
});

Deno.test("some rows of a long product are those of a short one", async () => {
  const backend = await WasmBackend.create({ threads: 1 });
  const random = new RandomValues(3);
  const [rows, inSize, outSize] = [256, 768, 8192];
  const weight = backend.weight([outSize, inSize], "f32");
  backend.writeRows(weight, 0, random.normal([outSize, inSize]).data);
  const x = random.normal([1, rows, inSize]);
  const whole = backend.scope(() => backend.linear(backend.tensor(x.data, x.shape), weight));
  const some = backend.scope(() => backend.linear(backend.slice(backend.tensor(x.data, x.shape), 100, 116), weight));
  const values = await whole.data();
  assertEquals(await some.data(), values.slice(100 * outSize, 116 * outSize));
  backend.dispose();
});
