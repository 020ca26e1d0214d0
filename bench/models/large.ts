/**
 * The default Andromeda, 2.5 billion parameters: how long it takes to make, to read a prompt of 512 tokens and to
 * write, beside the bound that reading the weights once a token sets; with `--context 8192` also one run over as many
 * tokens, in the first of the formats.
 *
 *     deno task bench large [--dtypes q8_0,q4_0] [--threads 2] [--new 24] [--context 8192]
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { Andromeda, createBackend, Random, type WeightFormat } from "../../mod.ts";
import { startLimits } from "../engine/limits_threads.ts";
import { median, writeReport } from "../support/report.ts";

/** Tokens of the prompt. */
const PROMPT = 512;
/** Bytes that are read to find out how fast the machine reads. */
const READ = 256 << 20;

/** The figure of one format. */
export interface LargeFigure {
  readonly dtype: string;
  readonly threads: number;
  readonly parameters: number;
  /** Bytes that the weights take. */
  readonly weightBytes: number;
  readonly secondsToCreate: number;
  /** Tokens of the prompt a second. */
  readonly prefill: number;
  /** New tokens a second. */
  readonly decode: number;
  /** New tokens a second if only the weights were read, at the speed of `limitThreads` threads in the same run. */
  readonly readingBound: number;
  readonly limitThreads: number;
  /** Seconds to read `context` tokens at once, where that was asked for. */
  readonly secondsForContext?: number;
  readonly context?: number;
}

const flags = parseArgs(Deno.args, {
  string: ["dtypes", "threads", "new", "context"],
  default: { dtypes: "q8_0,q4_0", threads: String(navigator.hardwareConcurrency), new: "24", context: "0" },
});
const [threads, newTokens, context] = [Number(flags.threads), Number(flags.new), Number(flags.context)];

const limits = await startLimits(threads);
const figures: LargeFigure[] = [];
for (const dtype of flags.dtypes.split(",")) {
  figures.push(await measure(dtype as WeightFormat));
  console.log(figures.at(-1));
}
limits.terminate();
await writeReport("large", figures);

async function measure(dtype: WeightFormat): Promise<LargeFigure> {
  const backend = await createBackend("wasm", { threads });
  const began = performance.now();
  const model = await Andromeda.create({}, { backend, dtype });
  const secondsToCreate = (performance.now() - began) / 1000;
  const weightBytes = backend.memory().bytesInUse;
  const random = new Random(7);
  const tokens = (count: number) => Array.from({ length: count }, () => Math.floor(random.uniform() * 50000));
  const [times, reads]: [number[], number[]] = [[], []];
  let last = performance.now();
  for await (const _ of model.generate(tokens(PROMPT), { maxNewTokens: newTokens + 1, temperature: 0 })) {
    times.push(performance.now() - last);
    last = performance.now();
    const read = await limits.run("read", READ);
    reads.push(read / (performance.now() - last));
    last = performance.now();
  }
  const [first = NaN, ...each] = times;
  const figure = {
    dtype,
    threads: backend.info.threads,
    parameters: model.parameterCount,
    weightBytes,
    secondsToCreate,
    prefill: PROMPT / first * 1000,
    decode: 1000 / median(each),
    readingBound: median(reads) * 1000 / weightBytes,
    limitThreads: limits.threads,
  };
  const long = context > 0 && figures.length === 0
    ? { context, secondsForContext: await readAll(model, tokens(context)) }
    : {};
  model.dispose();
  backend.dispose();
  return { ...figure, ...long };
}

/** Seconds to read tokens at once. */
async function readAll(model: Andromeda, tokens: readonly number[]): Promise<number> {
  const began = performance.now();
  const logits = model.forward(tokens, { positions: "last" });
  const values = await logits.data();
  if (!values.every(Number.isFinite)) throw new Error("The logits are not finite");
  logits.dispose();
  return (performance.now() - began) / 1000;
}
