/**
 * Tokens a second of whole models on a GPU, as a user of `generate` sees them.
 *
 * @module
 */

import { WebGpuBackend } from "../../gpu/backend.ts";
import { Andromeda, type LanguageModel, Transformer, type WeightFormat } from "../../mod.ts";
import { Parameter } from "../../models/network/parameters.ts";
import { CONFIG, SEED } from "../peers/gpt.ts";
import { median } from "../support/report.ts";

/** What one model reached. */
export interface ModelFigure {
  readonly model: string;
  readonly parameters: number;
  readonly format: WeightFormat;
  readonly prompt: number;
  /** Milliseconds that its kernels take to compile. */
  readonly warmUp: number;
  /** Tokens of the prompt a second, up to the first new token. */
  readonly prefill: number;
  /** New tokens a second after the first. */
  readonly decode: number;
  /** Gigabytes of weights that those read in a second. */
  readonly gigabytes: number;
}

/** A model to measure, by its name. */
export interface Subject {
  readonly name: string;
  readonly prompt: number;
  make(backend: WebGpuBackend, dtype: WeightFormat): Promise<LanguageModel>;
}

/** GPT-2's kind, with random weights. */
export const SMALL: Subject = {
  name: "dim 512, depth 8, vocabulary 32,000",
  prompt: 128,
  make: (backend, dtype) => Transformer.create(CONFIG, { backend, dtype, seed: SEED }),
};

/**
 * The default Andromeda. Its weights stay zeros: to draw billions takes minutes, and a GPU does the same work for them.
 */
export const LARGE: Subject = {
  name: "Andromeda of 2.5 billion, weights of zeros",
  prompt: 512,
  async make(backend, dtype) {
    const { draw } = Parameter.prototype;
    Parameter.prototype.draw = () => {};
    try {
      const embeddingProvider = { createTable: (rows: number, dim: number) => new Float32Array(rows * dim) };
      return await Andromeda.create({ embeddingProvider }, { backend, dtype });
    } finally {
      Parameter.prototype.draw = draw;
    }
  },
};

/** Tokens that are made after the first. */
const NEW = 64;

/** Measures a model in a format on an engine of its own. */
export async function measureModel(
  { name, prompt: length, make }: Subject,
  format: WeightFormat,
  rounds: number,
): Promise<ModelFigure> {
  const backend = await WebGpuBackend.create();
  const model = await make(backend, format);
  const prompt = Array.from({ length }, (_, i) => (i * 7919 + 13) % model.net.architecture.numTokens);
  const began = performance.now();
  await model.warmUp();
  const warmUp = performance.now() - began;
  const before = backend.stats().weightBytesRead;
  await Array.fromAsync(model.generate(prompt, { maxNewTokens: 1, temperature: 0 }));
  const bytes = backend.stats().weightBytesRead - before;
  const [firsts, eaches]: [number[], number[]] = [[], []];
  for (let round = 0; round < rounds; round++) {
    const start = performance.now();
    let [first, last] = [0, 0];
    for await (const _ of model.generate(prompt, { maxNewTokens: NEW + 1, temperature: 0 })) {
      last = performance.now();
      first ||= last;
    }
    firsts.push(first - start);
    eaches.push((last - first) / NEW);
  }
  const parameters = model.parameterCount;
  model.dispose();
  backend.dispose();
  const [first, each] = [median(firsts), median(eaches)];
  return {
    model: name,
    parameters,
    format,
    prompt: length,
    warmUp,
    prefill: 1000 * length / first,
    decode: 1000 / each,
    gigabytes: bytes / each / 1e6,
  };
}
