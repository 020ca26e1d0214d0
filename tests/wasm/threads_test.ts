/**
 * Threads of the CPU engine: the same bits for every number of them, threads that fail or can't start, and none left
 * behind.
 */

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { WasmBackend } from "../../assembly/backend.ts";
import { Kernel } from "../../assembly/generated/kernel.ts";
import { candidateOf } from "../../assembly/machine/builds.ts";
import { startMachine } from "../../assembly/machine/start.ts";
import { recordWord } from "../../assembly/records/work.ts";
import type { Backend } from "../../backend/backend.ts";
import type { Tensor } from "../../backend/memory.ts";
import type { Activation } from "../../backend/operations.ts";
import { BackendUnavailableError, DeviceLostError, DisposedError } from "../../errors.ts";
import { Transformer } from "../../mod.ts";
import { deno, ROOT } from "../support/deno.ts";
import { RandomValues } from "../support/ops.ts";

const THREADS = [1, 2, 3, 4, 7];

/** Runs the same on backends of different numbers of threads and asserts equal bits. */
async function assertSameBits(run: (backend: Backend) => Promise<(Float32Array | Int32Array)[]>): Promise<void> {
  let alone: (Float32Array | Int32Array)[] | undefined;
  for (const threads of THREADS) {
    const backend = await WasmBackend.create({ threads });
    const results = await run(backend);
    alone ??= results;
    for (const [i, values] of results.entries()) assertEquals(values, alone[i], `result ${i} on ${threads} threads`);
    assertEquals([backend.info.threads, backend.memory().tensors], [threads, 0]);
    backend.dispose();
  }
}

/** Reads tensors and frees them. */
async function takeAll(tensors: readonly Tensor[]): Promise<(Float32Array | Int32Array)[]> {
  const values = await Promise.all(tensors.map((tensor) => tensor.data()));
  for (const tensor of tensors) tensor.dispose();
  return values;
}

for (const format of ["f32", "f16", "q8_0", "q4_0"] as const) {
  Deno.test(`linear gives the same bits on any number of threads (${format})`, async () => {
    await assertSameBits(async (backend) => {
      const random = new RandomValues(11);
      const results: Tensor[] = [];
      for (const [out, size] of [[40, 3000], [1000, 170], [321, 600]] as const) {
        const weight = backend.weight([out, size], format);
        backend.writeRows(weight, 0, random.normal([out, size]).data);
        for (const rows of [1, 2, 5, 17, 30, 270]) {
          const x = random.normal([rows, size]).data;
          const activation: Activation = rows % 2 ? "gelu" : "silu";
          results.push(backend.scope(() => backend.linear(backend.tensor(x, [rows, size]), weight, { activation })));
        }
        const tokens = random.integers([200], 0, out - 1).data;
        results.push(backend.scope(() => backend.embedding(backend.tensor(tokens, [200]), weight)));
        weight.dispose();
      }
      return await takeAll(results);
    });
  });
}

Deno.test("attention gives the same bits on any number of threads", async () => {
  const [heads, kvHeads, dim, capacity] = [6, 2, 40, 2500];
  await assertSameBits(async (backend) => {
    const random = new RandomValues(12);
    const make = (shape: readonly number[]) => backend.tensor(random.normal(shape).data, shape);
    const options = { heads, kvHeads, scale: 0.2, causal: true };
    const caches = [1, 2].map(() => backend.cache([2, kvHeads, capacity, dim]));
    const results = backend.scope(() => {
      const [keys, values] = caches as [Tensor, Tensor];
      const [k, v] = [make([2, 2400, kvHeads * dim]), make([2, 2400, kvHeads * dim])];
      const start = backend.tensor(Int32Array.of(0, 0), [2]);
      backend.appendCache(keys, k, start);
      backend.appendCache(values, v, start);
      return [200, 9, 1].flatMap((n) => {
        const q = make([2, n, heads * dim]);
        const positions = backend.tensor(Int32Array.of(2400 - n, 1800 - n), [2]);
        const scores = backend.attentionScores(q, k, options);
        return [
          backend.attention(q, k, v, options),
          backend.attention(q, keys, values, { ...options, positions }),
          backend.attentionValues(backend.softmax(scores), v, options),
        ];
      });
    });
    for (const cache of caches) cache.dispose();
    return await takeAll(results);
  });
});

Deno.test("every other operation gives the same bits on any number of threads", async () => {
  await assertSameBits(async (backend) => {
    const random = new RandomValues(13);
    const [b, n, dim, vocabulary] = [3, 97, 120, 20_000];
    const make = (...shape: number[]) => backend.tensor(random.normal(shape).data, shape);
    return await takeAll(backend.scope(() => {
      const [x, y] = [make(b, n, dim), make(b, n, dim)];
      const [gain, logits] = [make(dim), make(5, vocabulary)];
      const mask = backend.tensor(random.integers([b, n], 0, 1).data, [b, n]);
      const filtered = backend.filterLogits(logits, { topK: 300, topP: 0.9 });
      const targets = backend.tensor(random.integers([5], 0, vocabulary - 1).data, [5]);
      const drawn = { temperature: 0.8, seed: 5, counter: 2 };
      return [
        backend.layerNorm(x, { gain, bias: gain }),
        backend.l2Norm(x, { groups: 4, factor: 2 }),
        backend.rotary(x, make(1, n, 20), { heads: 3, pairs: "halves" }),
        backend.activate(x, "gelu"),
        backend.glu(x, "silu"),
        backend.add(x, y, { scale: gain, factor: 0.5 }),
        backend.multiply(x, y, { activation: "sigmoid" }),
        backend.maskRows(x, mask),
        backend.shiftTokens(x, [1, 0, -1]),
        backend.concat([x, y]),
        backend.slice(x, 3, 90),
        backend.clone(x),
        backend.meanPool(x),
        backend.patches(make(2, 3, 64, 64), 8),
        backend.softmax(logits),
        backend.logSoftmax(logits),
        backend.crossEntropy(logits, targets, -1),
        backend.repetitionPenalty(logits, backend.reshape(targets, [5, 1]), 1.3),
        filtered,
        backend.sample(filtered, drawn),
      ];
    }));
  });
});

Deno.test("a model gives the same logits and tokens on any number of threads", async () => {
  const config = { numTokens: 999, maxSeqLen: 256, dim: 96, depth: 2, heads: 6, attnLayers: "decoder" as const };
  await assertSameBits(async (backend) => {
    const model = await Transformer.create(config, { backend, seed: 3 });
    const prompt = Array.from({ length: 150 }, (_, i) => (i * 37) % 999);
    const [logits = new Float32Array()] = await takeAll([model.forward(prompt)]);
    const tokens: number[] = [];
    for await (const token of model.generate(prompt, { maxNewTokens: 12, temperature: 0.9, seed: 4 })) {
      tokens.push(token);
    }
    model.dispose();
    return [logits, Int32Array.from(tokens)];
  });
});

Deno.test("threads are as many as the host has, or as asked for", async () => {
  const usual = await WasmBackend.create();
  const most = Math.min(navigator.hardwareConcurrency, 16);
  assertEquals(usual.info.features.includes("threads"), most > 1);
  while (usual.info.threads < most) await new Promise((resolve) => setTimeout(resolve, 10));
  assertEquals(usual.info.threads, most);
  usual.dispose();
  const three = await WasmBackend.create({ threads: 3 });
  assert(three.info.description.endsWith("3 threads"), three.info.description);
  three.dispose();
  const one = await WasmBackend.create({ threads: 1 });
  assert(one.info.description.endsWith("1 thread") && !one.info.features.includes("threads"), one.info.description);
  one.dispose();
});

Deno.test("a thread that fails rejects the list that used it, and the machine goes on alone", async () => {
  const machine = await startMachine(candidateOf("simd-shared"), { count: 3, isRequired: true }, {});
  if (!machine) throw new Error("there is no machine");
  assertEquals(machine.threads, 3);
  const clear = (address: number, bytes: number) =>
    machine.run(Int32Array.of(recordWord(Kernel.zero, 1 << 20), 4, address, bytes), {
      shared: 1 << 20,
      values: 0,
      blocks: 0,
    });
  machine.write(machine.base, Float32Array.of(1, 2, 3, 4));
  // Far beyond the end of the memory.
  const error = assertThrows(() => clear(0xf000_0000, 1 << 20), DeviceLostError, "one of them failed");
  assert(error.message.includes("out of bounds"), error.message);
  assertEquals(machine.threads, 1);
  assertThrows(() => clear(0xf000_0000, 1 << 20), DeviceLostError, "out of bounds");
  clear(machine.base, 8);
  assertEquals(new Float32Array(await machine.read(machine.base, 16)), Float32Array.of(0, 0, 3, 4));
  machine.dispose();
});

Deno.test("after disposal there is nothing to use", async () => {
  const backend = await WasmBackend.create({ threads: 2 });
  const x = backend.tensor(Float32Array.of(1), [1]);
  backend.dispose();
  backend.dispose();
  await assertRejects(() => x.data(), DisposedError);
  assertThrows(() => backend.tensor(Float32Array.of(1), [1]), DisposedError);
});

Deno.test("many backends come and go, also before their helpers have come", async () => {
  for (let i = 0; i < 8; i++) {
    const backend = await WasmBackend.create();
    const x = backend.tensor(new Float32Array(1 << 16).fill(i), [256, 256]);
    if (i % 2) assertEquals((await backend.scope(() => backend.add(x, x)).data())[777], 2 * i);
    backend.dispose();
  }
});

Deno.test("the worker's script may come from a URL", async () => {
  const workerUrl = new URL("../../assembly/generated/worker.js", import.meta.url);
  const backend = await WasmBackend.create({ threads: 2, workerUrl });
  assertEquals(backend.info.threads, 2);
  backend.dispose();
});

Deno.test("workers that don't start: an error where threads were asked for, else one thread", async () => {
  const workerUrl = new URL("./there_is_no_such_script.js", import.meta.url);
  await assertRejects(
    () => WasmBackend.create({ threads: 2, workerUrl }),
    BackendUnavailableError,
    "options.workerUrl",
  );
  const backend = await WasmBackend.create({ workerUrl });
  while (backend.info.threads > 1) await new Promise((resolve) => setTimeout(resolve, 10));
  const x = backend.tensor(new Float32Array(1 << 16).fill(3), [256, 256]);
  assertEquals((await backend.scope(() => backend.add(x, x)).data())[5], 6);
  backend.dispose();
});

Deno.test("a maximum that the host refuses is tried again smaller, and at last without threads", async () => {
  const Memory = WebAssembly.Memory;
  const tried: number[] = [];
  let most = 20_000;
  WebAssembly.Memory = class extends Memory {
    constructor(descriptor: WebAssembly.MemoryDescriptor) {
      if (descriptor.shared) {
        tried.push(descriptor.maximum ?? 0);
        if ((descriptor.maximum ?? 0) > most) throw new RangeError("could not allocate memory");
      }
      super(descriptor);
    }
  };
  try {
    const smaller = await WasmBackend.create({ threads: 2 });
    assertEquals([tried, smaller.info.threads], [[65536, 32768, 16384], 2]);
    smaller.dispose();
    most = 0;
    const alone = await WasmBackend.create();
    assertEquals([alone.info.threads, alone.info.features.includes("threads")], [1, false]);
    alone.dispose();
    await assertRejects(() => WasmBackend.create({ threads: 2 }), BackendUnavailableError, "no memory");
  } finally {
    WebAssembly.Memory = Memory;
  }
});

Deno.test("a host without shared memory computes on one thread, and says why it has no more", async () => {
  const { SharedArrayBuffer } = globalThis;
  Reflect.set(globalThis, "SharedArrayBuffer", undefined);
  try {
    const backend = await WasmBackend.create();
    assertEquals(backend.info.threads, 1);
    backend.dispose();
    await assertRejects(() => WasmBackend.create({ threads: 2 }), BackendUnavailableError, "cross-origin isolated");
  } finally {
    Reflect.set(globalThis, "SharedArrayBuffer", SharedArrayBuffer);
  }
});

Deno.test("a worker that says nothing is given up after 30 seconds", async () => {
  const { setTimeout } = globalThis;
  const waits: (number | undefined)[] = [];
  globalThis.setTimeout = Object.assign((handler: () => void, milliseconds?: number) => {
    waits.push(milliseconds);
    return setTimeout(handler, milliseconds === 30_000 ? 100 : milliseconds);
  }, setTimeout);
  try {
    const workerUrl = "data:text/javascript,setInterval(() => {}, 1000)";
    const starting = WasmBackend.create({ threads: 2, workerUrl });
    await assertRejects(() => starting, BackendUnavailableError, "it said nothing for 30 s");
    assert(waits.includes(30_000));
  } finally {
    globalThis.setTimeout = setTimeout;
  }
});

const ENDINGS = [
  { ending: "is disposed", options: "{ threads: 2 }", last: "backend.dispose();", printed: ["6 2"] },
  { ending: "is left alone", options: "{ threads: 2 }", last: "", printed: ["6 2"] },
  { ending: "works in a worker", options: "{ threads: 2, inWorker: true }", last: "", printed: ["6 2"] },
  { ending: "works in a worker alone", options: "{ threads: 1, inWorker: true }", last: "", printed: ["6 1"] },
  {
    ending: "has a worker and is disposed",
    options: "{ threads: 2, inWorker: true }",
    last: "backend.dispose();",
    printed: ["6 2"],
  },
  { ending: "has just started", options: "{}", last: "", printed: ["6 1", "6 2"] },
];

for (const { ending, options, last, printed } of ENDINGS) {
  Deno.test(`a process without permissions ends by itself when its backend ${ending}`, async () => {
    const program = `
      import { WasmBackend } from "${new URL("../../assembly/backend.ts", import.meta.url)}";
      const backend = await WasmBackend.create(${options});
      const x = backend.tensor(new Float32Array(1 << 16).fill(3), [256, 256]);
      console.log((await backend.add(x, x).data())[5], backend.info.threads);
      ${last}
    `;
    const { code, stdout, stderr } = await deno([
      "run",
      "--no-check",
      `data:text/javascript,${encodeURIComponent(program)}`,
    ]);
    assertEquals(code, 0, stderr);
    assert(printed.includes(stdout.trim()), stdout);
  });
}

Deno.test("a process ends at once when its backend is disposed before a helper has joined", async () => {
  const worker = `
    import { parentPort } from "node:worker_threads";
    parentPort.postMessage("running");
    parentPort.on("message", () => {});
  `;
  const program = `
    import { WasmBackend } from "${new URL("../../assembly/backend.ts", import.meta.url)}";
    const workerUrl = ${JSON.stringify(`data:text/javascript,${encodeURIComponent(worker)}`)};
    const backend = await WasmBackend.create({ workerUrl });
    await new Promise((resolve) => setTimeout(resolve, 500));
    backend.dispose();
  `;
  const start = performance.now();
  const { code, stderr } = await deno(["run", "--no-check", `data:text/javascript,${encodeURIComponent(program)}`]);
  assertEquals(code, 0, stderr);
  assert(performance.now() - start < 15_000, `it took ${performance.now() - start} ms`);
});

Deno.test("an engine in a worker gives the same bits, and the event loop goes round meanwhile", async () => {
  const config = { numTokens: 50, maxSeqLen: 600, dim: 256, depth: 6, heads: 4, dimHead: 64 };
  const run = async (inWorker: boolean): Promise<{ values: unknown; ticks: number }> => {
    const backend = await WasmBackend.create({ threads: 2, inWorker });
    const model = await Transformer.create(config, { backend, seed: 1 });
    let ticks = 0;
    const timer = setInterval(() => ticks += 1, 1);
    const logits = model.forward(Array.from({ length: 600 }, (_, i) => i % 50));
    const values = await logits.data();
    clearInterval(timer);
    logits.dispose();
    model.dispose();
    backend.dispose();
    return { values, ticks };
  };
  const [inPlace, inWorker] = [await run(false), await run(true)];
  assertEquals(inWorker.values, inPlace.values);
  // In place the engine pauses every 30 ms.
  assert(inWorker.ticks > 2 * inPlace.ticks, `${inWorker.ticks} ticks in a worker, ${inPlace.ticks} in place`);
});

Deno.test("threads ask for no permission", async () => {
  const script = `
    import { WasmBackend } from ${JSON.stringify(new URL("assembly/backend.ts", ROOT).href)};
    const backend = await WasmBackend.create({ threads: 2 });
    console.log(backend.info.threads);
    backend.dispose();
  `;
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/main.ts`, script);
    const env = { DENO_AUDIT_PERMISSIONS: `${folder}/asked.jsonl` };
    const { stdout, stderr } = await deno(["run", "--no-prompt", `${folder}/main.ts`], { env });
    assertEquals(stdout.trim(), "2", stderr);
    const asked = await Deno.readTextFile(`${folder}/asked.jsonl`);
    assertEquals(asked.trim(), "");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
