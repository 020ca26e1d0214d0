/**
 * Tokens a second as a user sees them: `generate` on a model of GPT-2's kind with random weights, and on the demo's.
 *
 *     deno task bench generation [--rounds 5] [--backend wasm]
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { type Backend, createBackend, LanguageModel, loadModel, Random, Transformer } from "../mod.ts";
import { median, writeReport } from "./report.ts";

/** Tokens of the prompt, and tokens that are made after the first. */
const PROMPT = 128;
const NEW = 64;

/** What one model reached. */
export interface GenerationFigure {
  readonly model: string;
  readonly parameters: number;
  readonly backend: string;
  readonly prompt: number;
  /** Tokens of the prompt a second, up to the first new token. */
  readonly prefill: number;
  /** New tokens a second after the first. */
  readonly decode: number;
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

/** Milliseconds to the first token, and of each further one. */
async function time(model: LanguageModel, prompt: readonly number[]): Promise<{ first: number; each: number }> {
  const start = performance.now();
  let first = 0;
  let last = 0;
  for await (const _ of model.generate(prompt, { maxNewTokens: NEW + 1, temperature: 0 })) {
    last = performance.now();
    first ||= last;
  }
  return { first: first - start, each: (last - first) / NEW };
}

async function measure(name: string, model: LanguageModel, rounds: number): Promise<GenerationFigure> {
  const random = new Random(1, "prompt");
  const prompt = Array.from({ length: PROMPT }, () => Math.floor(random.uniform() * model.netConfig.numTokens));
  await time(model, prompt);
  const times: { first: number; each: number }[] = [];
  for (let round = 0; round < rounds; round++) times.push(await time(model, prompt));
  return {
    model: name,
    parameters: model.parameterCount,
    backend: model.backend.info.description,
    prompt: PROMPT,
    prefill: PROMPT * 1000 / median(times.map(({ first }) => first)),
    decode: 1000 / median(times.map(({ each }) => each)),
  };
}

if (import.meta.main) {
  const args = parseArgs(Deno.args, { string: ["rounds", "backend"], default: { rounds: "5", backend: "wasm" } });
  const backend = await createBackend(args.backend);
  const figures: GenerationFigure[] = [];
  for (const { name, make } of MODELS) {
    const model = await make(backend);
    const figure = await measure(name, model, Number(args.rounds));
    model.dispose();
    console.log(`${name}: prefill ${figure.prefill.toFixed(0)}, decode ${figure.decode.toFixed(0)} tokens/s`);
    figures.push(figure);
  }
  backend.dispose();
  await writeReport("generation", figures);
}
