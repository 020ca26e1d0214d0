/**
 * Tokens a second as a user sees them: `generate` on a model of GPT-2's kind with random weights and on the demo's,
 * with weights in each format, on one thread and on all. Beside them, in turns, what as many threads of this machine
 * can do: reading a prompt is bound by arithmetic, writing by reading the weights once a token.
 *
 *     deno task bench generation [--rounds 7]
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { FORMATS } from "../../formats/formats.ts";
import { rowBytes } from "../../formats/rows.ts";
import {
  type Backend,
  createBackend,
  type LanguageModel,
  loadLanguageModel,
  Random,
  Transformer,
  WEIGHT_FORMATS,
  type WeightFormat,
} from "../../mod.ts";
import { startLimits, type ThreadLimits } from "../engine/limits_threads.ts";
import { CONFIG, SEED } from "../peers/gpt.ts";
import { median, writeReport } from "../support/report.ts";

/** Tokens of the prompt, and tokens that are made after the first. */
const PROMPT = 128;
const NEW = 64;
/** Bytes that are read in a round to find out how fast the machine reads. */
const READ = 512 << 20;

/** The figure of one model. */
export interface GenerationFigure {
  readonly model: string;
  readonly parameters: number;
  readonly format: WeightFormat;
  readonly threads: number;
  /** Threads whose limits the shares are of. */
  readonly limitThreads: number;
  readonly prompt: number;
  /** Tokens of the prompt a second, up to the first new token. */
  readonly prefill: number;
  /** Its arithmetic as a share of what the threads' multiply-adds reach. */
  readonly ofPeak: number;
  /** New tokens a second after the first. */
  readonly decode: number;
  /** The weights that are read for each, as a share of what the threads read in the same time. */
  readonly ofReading: number;
}

/** A model in any format on any engine. */
type Make = (options: { readonly backend: Backend; readonly dtype: WeightFormat }) => Promise<LanguageModel>;

const MODELS: { readonly [name: string]: Make } = {
  "dim 512, depth 8, vocabulary 32,000": (options) => Transformer.create(CONFIG, { ...options, seed: SEED }),
  "the demo's Shakespeare model": (options) =>
    loadLanguageModel(new URL("../../examples/shakespeare/", import.meta.url), options),
};

/** A model, and the limits of as many threads as its engine has. */
interface Contender {
  readonly model: LanguageModel;
  readonly limits: ThreadLimits;
}

/** Milliseconds of one round. */
interface Round {
  /** To the first token. */
  readonly first: number;
  /** For each further one. */
  readonly each: number;
  /** For as much arithmetic as the prompt takes. */
  readonly arithmetic: number;
  /** For reading as many bytes as a token does. */
  readonly reading: number;
}

/** Milliseconds to the first token, and of each further one. */
async function time(model: LanguageModel, prompt: readonly number[]): Promise<Pick<Round, "first" | "each">> {
  const start = performance.now();
  let first = 0;
  let last = 0;
  for await (const _ of model.generate(prompt, { maxNewTokens: NEW + 1, temperature: 0 })) {
    last = performance.now();
    first ||= last;
  }
  return { first: first - start, each: (last - first) / NEW };
}

/** Milliseconds that loops take for `wanted` operations or bytes, of which they do about as many, or more. */
async function timeLimit(run: () => Promise<number>, wanted: number): Promise<number> {
  const start = performance.now();
  const done = await run();
  return (performance.now() - start) * wanted / done;
}

/** A model in one format on engines with different numbers of threads, in turns with the limits of as many. */
async function measure(
  name: string,
  contenders: readonly Contender[],
  format: WeightFormat,
  rounds: number,
): Promise<GenerationFigure[]> {
  const runs = contenders.map((each) => ({ ...each, times: [] as Round[], ...loadOf(each.model, format) }));
  for (let round = -1; round < rounds; round++) {
    for (const { model, limits, times, prompt, operations, bytes } of runs) {
      const taken = await time(model, prompt);
      // The first round warms up.
      if (round < 0) continue;
      times.push({
        ...taken,
        arithmetic: await timeLimit(() => limits.run("multiplyAdd", operations), operations),
        reading: await timeLimit(() => limits.run("read", bytes, Math.ceil(READ / bytes)), bytes),
      });
    }
  }
  return runs.map(({ model, limits, times }) => ({
    model: name,
    parameters: model.parameterCount,
    format,
    threads: model.backend.info.threads,
    limitThreads: limits.threads,
    prompt: PROMPT,
    prefill: PROMPT * 1000 / median(times.map(({ first }) => first)),
    ofPeak: median(times.map(({ first, arithmetic }) => arithmetic / first)),
    decode: 1000 / median(times.map(({ each }) => each)),
    ofReading: median(times.map(({ each, reading }) => reading / each)),
  }));
}

/** A prompt, the operations that it takes, and the bytes of weights that a token reads. */
function loadOf(model: LanguageModel, format: WeightFormat) {
  const { numTokens, layers: { dim } } = model.net.architecture;
  const random = new Random(1, "prompt");
  const prompt = Array.from({ length: PROMPT }, () => Math.floor(random.uniform() * numTokens));
  // A token needs one row of each table of embeddings. Every other weight meets every token, except that those of the
  // logits meet only the last of a prompt.
  const weights = [...model.stateDict()].filter(([name]) => !name.includes("_emb."))
    .reduce((sum, [, { shape }]) => sum + shape.reduce((product, size) => product * size, 1), 0);
  return { prompt, operations: 2 * PROMPT * (weights - numTokens * dim), bytes: rowBytes(FORMATS[format], weights) };
}

function print({ model, format, threads, prefill, ofPeak, decode, ofReading }: GenerationFigure): void {
  const percent = (share: number) => `${(100 * share).toFixed(0)} %`;
  const prompt = `prompt ${prefill.toFixed(0)} tokens/s (${percent(ofPeak)} of their arithmetic)`;
  const text = `text ${decode.toFixed(0)} tokens/s (${percent(ofReading)} of their reading)`;
  console.log(`${model}, ${format}, threads: ${threads}: ${prompt}, ${text}`);
}

if (import.meta.main) {
  const { rounds } = parseArgs(Deno.args, { string: ["rounds"], default: { rounds: "7" } });
  const limits = await Promise.all([...new Set([1, navigator.hardwareConcurrency])].map(startLimits));
  const figures: GenerationFigure[] = [];
  for (const [name, make] of Object.entries(MODELS)) {
    for (const format of WEIGHT_FORMATS) {
      const contenders: Contender[] = [];
      for (const each of limits) {
        const backend = await createBackend("wasm", { threads: each.threads });
        contenders.push({ model: await make({ backend, dtype: format }), limits: each });
      }
      const some = await measure(name, contenders, format, Number(rounds));
      some.forEach(print);
      figures.push(...some);
      for (const { model } of contenders) model.backend.dispose();
    }
  }
  for (const each of limits) each.terminate();
  await writeReport("generation", figures);
}
