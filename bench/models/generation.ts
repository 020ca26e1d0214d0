/**
 * Tokens a second as a user sees them: `generate` on a model of GPT-2's kind with random weights and on the demo's,
 * with weights in each format, on one thread and on all. Beside them, in turns, what one thread of this machine can do:
 * reading a prompt is bound by arithmetic, writing by reading the weights once a token.
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
import { type Limits, measureLimits } from "../engine/limits.ts";
import { CONFIG, SEED } from "../peers/gpt.ts";
import { median, writeReport } from "../support/report.ts";

/** Tokens of the prompt, and tokens that are made after the first. */
const PROMPT = 128;
const NEW = 64;

/** The figure of one model. */
export interface GenerationFigure {
  readonly model: string;
  readonly parameters: number;
  readonly format: WeightFormat;
  readonly threads: number;
  readonly prompt: number;
  /** Tokens of the prompt a second, up to the first new token. */
  readonly prefill: number;
  /** Its arithmetic as a share of what one thread's multiply-adds reach. */
  readonly ofPeak: number;
  /** New tokens a second after the first. */
  readonly decode: number;
  /** The weights that are read for each, as a share of what one thread reads in the same time. */
  readonly ofReading: number;
}

/** A model in any format on any engine. */
type Make = (options: { readonly backend: Backend; readonly dtype: WeightFormat }) => Promise<LanguageModel>;

const MODELS: { readonly [name: string]: Make } = {
  "dim 512, depth 8, vocabulary 32,000": (options) => Transformer.create(CONFIG, { ...options, seed: SEED }),
  "the demo's Shakespeare model": (options) =>
    loadLanguageModel(new URL("../../examples/shakespeare/", import.meta.url), options),
};

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

/** Milliseconds that a loop takes for `wanted` units, of which each call does some; a few calls stand for all. */
function timeLimit(loop: () => number, wanted: number): number {
  const start = performance.now();
  let done = 0;
  while (performance.now() - start < 50) done += loop();
  return (performance.now() - start) * wanted / done;
}

/** A model in one format on engines with different numbers of threads, in turns. */
async function measure(
  name: string,
  models: readonly LanguageModel[],
  format: WeightFormat,
  rounds: number,
  limits: Limits,
): Promise<GenerationFigure[]> {
  const runs = models.map((model) => ({ model, times: [] as Round[], ...loadOf(model, format) }));
  for (let round = -1; round < rounds; round++) {
    for (const { model, times, prompt, operations, bytes } of runs) {
      const taken = await time(model, prompt);
      // The first round warms up.
      if (round < 0) continue;
      times.push({
        ...taken,
        arithmetic: timeLimit(() => limits.multiplyAdd(), operations),
        reading: timeLimit(() => limits.read(bytes), bytes),
      });
    }
  }
  return runs.map(({ model, times }) => ({
    model: name,
    parameters: model.parameterCount,
    format,
    threads: model.backend.info.threads,
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
  const prompt = `prompt ${prefill.toFixed(0)} tokens/s (${percent(ofPeak)} of one thread's arithmetic)`;
  const text = `text ${decode.toFixed(0)} tokens/s (${percent(ofReading)} of one thread's reading)`;
  console.log(`${model}, ${format}, threads: ${threads}: ${prompt}, ${text}`);
}

if (import.meta.main) {
  const { rounds } = parseArgs(Deno.args, { string: ["rounds"], default: { rounds: "7" } });
  const limits = await measureLimits("relaxed-simd");
  const figures: GenerationFigure[] = [];
  for (const [name, make] of Object.entries(MODELS)) {
    for (const format of WEIGHT_FORMATS) {
      const models: LanguageModel[] = [];
      for (const threads of new Set([1, navigator.hardwareConcurrency])) {
        models.push(await make({ backend: await createBackend("wasm", { threads }), dtype: format }));
      }
      const some = await measure(name, models, format, Number(rounds), limits);
      some.forEach(print);
      figures.push(...some);
      for (const { backend } of models) backend.dispose();
    }
  }
  await writeReport("generation", figures);
}
