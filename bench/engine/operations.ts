/**
 * Where the time of a prompt and of a token goes: every operation that a model records is watched, then all
 * calls of each run again by themselves, many times in a row, on every engine of this machine.
 *
 *     deno task bench operations [--rounds 5] [--format q8_0] [--threads 1]
 *
 * Beside the sum stands the time of the whole step: what it has more went into recording and waiting.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import type { Tensor } from "../../backend/memory.ts";
import { type OperationName, OPERATIONS } from "../../backend/operations/table.ts";
import type { WatchedCommand } from "../../backend/training.ts";
import { type Backend, createBackend, Transformer, WEIGHT_FORMATS } from "../../mod.ts";
import type { KvCache } from "../../models/network/kv_cache.ts";
import { CONFIG, SEED } from "../peers/gpt.ts";
import { median, writeReport } from "../support/report.ts";
import { timeOperation } from "../support/timing.ts";

/** Tokens of the prompt, on a cache that the token after it then reads. */
const PROMPT = 128;

/** All calls of one operation in a step. */
interface OperationFigure {
  readonly op: string;
  readonly calls: number;
  readonly milliseconds: number;
  /** Of the sum of all operations. */
  readonly share: number;
}

/** One step of the model on one engine. */
interface StepFigure {
  readonly engine: string;
  readonly step: "prompt" | "token";
  /** The step as a whole, and the sum of its operations, each by itself. */
  readonly whole: number;
  readonly sum: number;
  readonly operations: readonly OperationFigure[];
}

/** A step of the model: logits of its last position, and a token drawn from them. */
type Step = (tokens: number) => { readonly drawn: Tensor; readonly kept: readonly Tensor[] };

function isOperation(op: string): op is OperationName {
  return op in OPERATIONS;
}

/** Records a command once more. */
function repeat(backend: Backend, command: WatchedCommand): void {
  if (!isOperation(command.op)) return;
  const { takes, options } = OPERATIONS[command.op];
  const args = Object.keys(takes).map((name) => command[name]);
  if (options) args.push(Object.fromEntries(Object.keys(options).map((name) => [name, command[name]])));
  Reflect.apply(backend[command.op], backend, args);
}

async function measure(
  backend: Backend,
  cache: KvCache,
  step: Step,
  name: StepFigure["step"],
  rounds: number,
): Promise<StepFigure> {
  const tokens = name === "prompt" ? PROMPT : 1;
  const before = name === "prompt" ? 0 : PROMPT;
  const whole = median(
    await Array.fromAsync({ length: rounds + 2 }, async () => {
      cache.rewind([before]);
      const start = performance.now();
      const { drawn, kept } = backend.scope(() => step(tokens));
      await drawn.data();
      const time = performance.now() - start;
      for (const tensor of [drawn, ...kept]) tensor.dispose();
      return time;
    }),
  );
  cache.rewind([before]);
  const commands: WatchedCommand[] = [];
  const { result, release } = backend.watch(() => step(tokens), (command) => commands.push(command));
  const found = new Map<string, { calls: number; milliseconds: number }>();
  for (const [op, same] of Map.groupBy(commands, ({ op }) => op)) {
    if (!isOperation(op)) continue;
    // All of its calls, because one alone would find its weight in the processor's cache.
    const milliseconds = await timeOperation(backend, () => same.forEach((each) => repeat(backend, each)), rounds);
    found.set(op, { calls: same.length, milliseconds });
  }
  release();
  for (const tensor of [result.drawn, ...result.kept]) tensor.dispose();
  const sum = [...found.values()].reduce((total, { milliseconds }) => total + milliseconds, 0);
  const operations = [...found].map(([op, figure]) => ({ op, ...figure, share: figure.milliseconds / sum }))
    .sort((a, b) => b.milliseconds - a.milliseconds);
  return { engine: backend.info.description, step: name, whole, sum, operations };
}

function print({ engine, step, whole, sum, operations }: StepFigure): void {
  console.log(`\n${engine}: a ${step} takes ${whole.toFixed(2)} ms, its operations by themselves ${sum.toFixed(2)} ms`);
  for (const { op, calls, milliseconds, share } of operations) {
    const time = `${milliseconds.toFixed(3).padStart(10)} ms ${(100 * share).toFixed(1).padStart(6)} %`;
    console.log(`${op.padEnd(18)}${String(calls).padStart(4)} calls ${time}`);
  }
}

if (import.meta.main) {
  const args = parseArgs(Deno.args, { string: ["rounds", "format", "threads"], default: { rounds: "5" } });
  const rounds = Number(args.rounds);
  const dtype = WEIGHT_FORMATS.find((format) => format === (args.format ?? "f32"));
  if (dtype === undefined) throw new Error(`There is no format ${args.format}: expected ${WEIGHT_FORMATS.join(", ")}`);
  const figures: StepFigure[] = [];
  for (const name of ["wasm", ...(await navigator.gpu?.requestAdapter() ? ["webgpu"] as const : [])] as const) {
    const backend = await createBackend(name, { threads: args.threads ? Number(args.threads) : undefined });
    const model = await Transformer.create(CONFIG, { backend, dtype, seed: SEED });
    const { net } = model;
    const cache = net.createCache(backend, 1, PROMPT + 1, "f32");
    const step: Step = (count) => {
      const ids = backend.tensor(Int32Array.from({ length: count }, (_, i) => (7 * i) % 1000), [1, count]);
      const { hidden, step } = net.step(backend, ids, cache, {});
      cache.commit(step);
      const last = backend.reshape(backend.slice(hidden, count - 1, count), [1, CONFIG.dim]);
      const drawn = backend.sample(net.logits(backend, last), { temperature: 1, seed: 1, counter: 0 });
      return { drawn, kept: step.kept };
    };
    for (const name of ["prompt", "token"] as const) {
      const figure = await measure(backend, cache, step, name, rounds);
      print(figure);
      figures.push(figure);
    }
    cache.dispose();
    model.dispose();
    backend.dispose();
  }
  await writeReport("operations", figures);
}
