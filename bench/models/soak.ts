/**
 * Hours of use in random order: models are loaded, generate alone and together, hold sessions, answer requests, are
 * aborted and disposed of; engines come and go. After every step the engine must hold what it held before, greedy
 * tokens must stay what they were, and the process must not grow.
 *
 *     deno task soak [--minutes 10] [--backend wasm] [--seed 1] [--write]
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { AndromedaTokenizer, type Backend, createBackend, loadLanguageModel } from "../../mod.ts";
import type { LanguageModel } from "../../models/language/language_model.ts";
import { createHandler } from "../../serve/mod.ts";
import { Draw } from "../../engine/self_test/call.ts";
import { median, writeReport } from "../support/report.ts";

/** How often a run looks at the process. */
const SAMPLES = 10;

/** The state of the process between two steps. */
interface Sample {
  readonly minutes: number;
  readonly steps: number;
  /** Resident memory in megabytes, and the part of it that JavaScript's heap uses. */
  readonly resident: number;
  readonly heap: number;
  /** What the engine says that it holds, in bytes and tensors. */
  readonly engineBytes: number;
  readonly engineTensors: number;
}

const SOURCE = "examples/shakespeare";
const MEGABYTE = 2 ** 20;

/** The growth of resident memory from the first third to the last that counts as none, in megabytes. */
const MOST_GROWTH = 50;

/** Pauses of 10 ms after which what is left is left for good. */
const MOST_WAITS = 200;

/** What steps work with. */
interface Surroundings {
  readonly backend: Backend;
  readonly model: LanguageModel;
  readonly tokenizer: AndromedaTokenizer;
  readonly draw: Draw;
}

type Step = (surroundings: Surroundings) => Promise<void>;

function prompt({ draw, model }: Surroundings, longest = 200): number[] {
  const { numTokens } = model.net;
  return Array.from({ length: draw.integer(1, longest) }, () => draw.integer(0, numTokens - 1));
}

function options({ draw }: Surroundings) {
  return {
    ...{ maxNewTokens: draw.integer(1, 40), temperature: draw.pick([0, 0.8]), topK: 40 },
    seed: draw.integer(0, 1e6),
  };
}

const STEPS: Readonly<Record<string, Step>> = {
  async load({ backend, draw }) {
    const dtype = draw.pick(["f32", "f16", "q8_0", "q4_0"] as const);
    const model = await loadLanguageModel(SOURCE, { backend, dtype });
    await Array.fromAsync(model.generate([1, 2, 3], { maxNewTokens: 3 }));
    model.dispose();
  },
  async abandonedLoad({ backend, draw }) {
    const signal = AbortSignal.timeout(draw.integer(0, 60));
    await loadLanguageModel(SOURCE, { backend, signal }).then((model) => model.dispose(), () => {});
  },
  async tokenizer({ tokenizer }) {
    const other = await AndromedaTokenizer.load(SOURCE);
    const text = "Good morrow, cousin. Is the day so young?";
    if (other.decode(other.encode(text)) !== tokenizer.decode(tokenizer.encode(text))) throw new Error("other text");
  },
  async generate(around) {
    const cacheDtype = around.draw.pick(["f32", "f16", "q8_0"] as const);
    await Array.fromAsync(around.model.generate(prompt(around), { ...options(around), cacheDtype }));
  },
  async generateBatch(around) {
    const prompts = Array.from({ length: around.draw.integer(1, 5) }, () => prompt(around, 60));
    await around.model.generateBatch(prompts, options(around));
  },
  async together(around) {
    const runs = Array.from(
      { length: around.draw.integer(2, 4) },
      () => Array.fromAsync(around.model.generate(prompt(around, 60), options(around))),
    );
    await Promise.all([...runs, around.model.score([1, ...prompt(around)])]);
  },
  async session(around) {
    const session = around.model.session();
    for (let turn = around.draw.integer(1, 4); turn > 0; turn--) {
      await session.append(prompt(around, 40));
      await Array.fromAsync(session.generate(options(around)));
    }
    session.dispose();
  },
  async abort(around) {
    const signal = AbortSignal.timeout(around.draw.integer(0, 50));
    const settings = { ...options(around), maxNewTokens: 200, signal };
    await Array.fromAsync(around.model.generate(prompt(around), settings)).catch(() => {});
  },
  async leave(around) {
    let left = around.draw.integer(0, 5);
    for await (const _ of around.model.generate(prompt(around), options(around))) if (left-- === 0) break;
  },
  async dropped(around) {
    // Nobody ends these: the collector does, or the model that goes.
    const model = await loadLanguageModel(SOURCE, { backend: around.backend });
    await model.generate(prompt(around), options(around)).next();
    await model.session().append([1, 2, 3]);
    model.dispose();
  },
  async refused({ model }) {
    await model.score([1, 2 ** 40]).catch(() => {});
    await model.generate([1], { temperature: NaN }).next().catch(() => {});
  },
  async serve({ model, tokenizer, draw }) {
    const handler = createHandler(model, tokenizer, { maxConcurrent: draw.integer(1, 4), contextLength: 128 });
    const ask = async (stream: boolean) => {
      const body = JSON.stringify({ prompt: ["ROMEO:", "To be"], max_tokens: 20, seed: draw.integer(0, 1e6), stream });
      const headers = { "content-type": "application/json" };
      const url = "http://localhost/v1/completions";
      const response = await handler(new Request(url, { method: "POST", headers, body }));
      if (response.status !== 200) throw new Error(`Status ${response.status}: ${await response.text()}`);
      // Half of the clients of streams leave.
      if (stream && draw.once(2)) await response.body?.cancel();
      else await response.text();
    };
    await Promise.all(Array.from({ length: draw.integer(1, 6) }, () => ask(draw.once(2))));
    handler.dispose();
  },
  async engine({ backend, draw }) {
    const other = await createBackend(backend.name, { threads: draw.integer(1, 3) });
    const model = await loadLanguageModel(SOURCE, { backend: other });
    await Array.fromAsync(model.generate([1, 2, 3], { maxNewTokens: 3 }));
    other.dispose();
  },
};

function sample({ backend }: Surroundings, minutes: number, steps: number): Sample {
  const { rss, heapUsed } = Deno.memoryUsage();
  const { bytesInUse, tensors } = backend.memory();
  return {
    ...{ minutes: Math.round(minutes * 10) / 10, steps },
    ...{ resident: Math.round(rss / MEGABYTE), heap: Math.round(heapUsed / MEGABYTE) },
    ...{ engineBytes: bytesInUse, engineTensors: tensors },
  };
}

/** The growth of resident memory in megabytes: the median of the last third over that of the first. */
function growthOf(samples: readonly Sample[]): number {
  const third = Math.max(1, Math.floor(samples.length / 3));
  const resident = samples.map((each) => each.resident);
  return median(resident.slice(-third)) - median(resident.slice(0, third));
}

/** Takes steps until the time is over. */
async function soak(
  around: Surroundings,
  minutes: number,
): Promise<{ samples: Sample[]; counts: Map<string, number> }> {
  const { backend, model } = around;
  const greedy = () => Array.fromAsync(model.generate([5, 6, 7], { maxNewTokens: 20, temperature: 0 }));
  const expected = String(await greedy());
  const { bytesInUse, tensors } = backend.memory();
  const counts = new Map<string, number>();
  const samples: Sample[] = [];
  const start = performance.now();
  for (let steps = 1;; steps++) {
    const name = around.draw.pick(Object.keys(STEPS));
    await STEPS[name]?.(around);
    counts.set(name, (counts.get(name) ?? 0) + 1);
    const isLeft = () => backend.memory().bytesInUse !== bytesInUse || backend.memory().tensors !== tensors;
    // What was abandoned while the engine computed is freed when that is done.
    for (let waits = 0; isLeft() && waits < MOST_WAITS; waits++) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    if (isLeft()) {
      const left = backend.memory().bytesInUse - bytesInUse;
      throw new Error(`Step ${steps}, ${name}, leaves ${left} bytes on the engine`);
    }
    if (steps % 20 === 0 && String(await greedy()) !== expected) throw new Error(`Other tokens after step ${steps}`);
    const passed = (performance.now() - start) / 60_000;
    // What compiles and fills its pools does so in the beginning, which is left out.
    if (passed < (samples.length + 1) * minutes / SAMPLES) continue;
    samples.push(sample(around, passed, steps));
    console.log(JSON.stringify(samples.at(-1)));
    if (samples.length === SAMPLES) return { samples, counts };
  }
}

const flags = parseArgs(Deno.args, { string: ["minutes", "backend", "seed"], boolean: ["write"] });
const [minutes, seed] = [Number(flags.minutes ?? 10), Number(flags.seed ?? 1)];
const backend = await createBackend(flags.backend === "webgpu" ? "webgpu" : "wasm");
const model = await loadLanguageModel(SOURCE, { backend });
const tokenizer = await AndromedaTokenizer.load(SOURCE);
const { samples, counts } = await soak({ backend, model, tokenizer, draw: new Draw(seed) }, minutes);
const growth = growthOf(samples);
const steps = Object.fromEntries([...counts].toSorted());
console.log(`${samples.at(-1)?.steps} steps; resident memory grew by ${growth} MB`);
if (flags.write) {
  await writeReport("soak", { minutes, engine: backend.name, seed, steps, residentGrowth: growth, samples });
}
backend.dispose();
if (growth > MOST_GROWTH) throw new Error(`Resident memory grew by ${growth} MB in ${minutes} minutes`);
