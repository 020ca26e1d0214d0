/**
 * Tokens a second as a user sees them: `generate` on a model of GPT-2's kind with random weights, and on the demo's. Beside them, in
 * turns, what one thread of this machine can do: reading a prompt is bound by arithmetic, writing by reading the weights once a token.
 *
 *     deno task bench generation [--rounds 9] [--threads 1]
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { type Backend, createBackend, LanguageModel, loadModel, Random, Transformer } from "../mod.ts";
import { type Limits, measureLimits } from "./limits.ts";
import { median, writeReport } from "./report.ts";

/** Tokens of the prompt, and tokens that are made after the first. */
const PROMPT = 128;
const NEW = 64;

/** What one model reached. */
export interface GenerationFigure {
  readonly model: string;
  readonly parameters: number;
  readonly backend: string;
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

const MODELS: readonly { readonly name: string; readonly make: (backend: Backend) => Promise<LanguageModel> }[] = [
  {
    name: "dim 512, depth 8, heads 8, ff 2048, vocabulary 32,000",
    make: (backend) =>
      Transformer.create({ numTokens: 32000, maxSeqLen: 1024, dim: 512, depth: 8, heads: 8, attnLayers: "decoder" }, {
        backend,
      }),
  },
  {
    name: "the demo's Shakespeare model",
    make: async (backend) => {
      const model = await loadModel(new URL("../examples/shakespeare/", import.meta.url), { backend });
      if (!(model instanceof LanguageModel)) throw new Error("The demo's model writes no text");
      return model;
    },
  },
];

/** Milliseconds of one round. */
interface Round {
  /** To the first token. */
  readonly first: number;
  /** Of each further one. */
  readonly each: number;
  /** Of as much arithmetic as the prompt takes. */
  readonly arithmetic: number;
  /** Of reading as many bytes as a token does. */
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

async function measure(name: string, model: LanguageModel, rounds: number, limits: Limits): Promise<GenerationFigure> {
  const { numTokens, dim } = model.netConfig;
  const random = new Random(1, "prompt");
  const prompt = Array.from({ length: PROMPT }, () => Math.floor(random.uniform() * numTokens));
  // Every weight meets every token but those of the table, which is looked up, and of the logits, made for the last token only.
  const operations = 2 * PROMPT * (model.parameterCount - 2 * numTokens * dim);
  const bytes = Float32Array.BYTES_PER_ELEMENT * (model.parameterCount - numTokens * dim);
  await time(model, prompt);
  const times: Round[] = [];
  for (let round = 0; round < rounds; round++) {
    times.push({
      ...await time(model, prompt),
      arithmetic: timeLimit(() => limits.multiplyAdd(), operations),
      reading: timeLimit(() => limits.read(bytes), bytes),
    });
  }
  return {
    model: name,
    parameters: model.parameterCount,
    backend: model.backend.info.description,
    threads: model.backend.info.threads,
    prompt: PROMPT,
    prefill: PROMPT * 1000 / median(times.map(({ first }) => first)),
    ofPeak: median(times.map(({ first, arithmetic }) => arithmetic / first)),
    decode: 1000 / median(times.map(({ each }) => each)),
    ofReading: median(times.map(({ each, reading }) => reading / each)),
  };
}

/** What one engine reaches. */
async function measureAll(backend: Backend, rounds: number, limits: Limits): Promise<GenerationFigure[]> {
  const figures: GenerationFigure[] = [];
  for (const { name, make } of MODELS) {
    const model = await make(backend);
    const figure = await measure(name, model, rounds, limits);
    model.dispose();
    console.log(`${name}, on ${figure.backend}`);
    console.log(
      `  prompt: ${figure.prefill.toFixed(0)} tokens/s, ${figure.ofPeak.toFixed(2)} of one thread's arithmetic`,
    );
    console.log(`  text: ${figure.decode.toFixed(0)} tokens/s, ${figure.ofReading.toFixed(2)} of one thread's reading`);
    figures.push(figure);
  }
  return figures;
}

if (import.meta.main) {
  const args = parseArgs(Deno.args, { string: ["rounds", "threads"], default: { rounds: "9" } });
  const threads = args.threads === undefined ? [1, navigator.hardwareConcurrency] : [Number(args.threads)];
  const limits = await measureLimits("relaxed-simd");
  const figures: GenerationFigure[] = [];
  for (const count of new Set(threads)) {
    const backend = await createBackend("wasm", { threads: count });
    figures.push(...await measureAll(backend, Number(args.rounds), limits));
    backend.dispose();
  }
  await writeReport("generation", figures);
}
