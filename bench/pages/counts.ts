/**
 * Counts what a model asks of the GPU for a prompt and for each token, so that the figures hold on every adapter.
 * Beside them the least that the model's size allows: its matrices once, one submission, one token id back.
 *
 * @module
 */

import { WebGpuBackend, type WebGpuStats } from "../../gpu/backend.ts";
import { type Backend, type LanguageModel, loadLanguageModel, Transformer } from "../../mod.ts";
import { CONFIG, SEED } from "../peers/gpt.ts";

/** Tokens of the prompt, and tokens that are made after the first. */
const PROMPT = 128;
const NEW = 16;

/** The counts. */
export interface Counts {
  readonly dispatches: number;
  readonly submissions: number;
  /** Calls of `mapAsync`. */
  readonly maps: number;
  readonly bytesReadBack: number;
  /** Bytes of the weights that dispatches bind; a kernel that reads them again for each tile of rows counts once. */
  readonly weightBytesRead: number;
}

/** The counts of one model. */
export interface CountFigure {
  readonly model: string;
  readonly parameters: number;
  /** For a prompt of 128 tokens and the first new one. */
  readonly prompt: Counts;
  /** For each further token: the mean over 16. */
  readonly token: Counts;
  /** The least that either takes, dispatches apart. */
  readonly least: Omit<Counts, "dispatches">;
}

const MODELS: readonly { readonly name: string; readonly make: (backend: Backend) => Promise<LanguageModel> }[] = [
  {
    name: "dim 512, depth 8, f32",
    make: (backend) => Transformer.create(CONFIG, { backend, seed: SEED }),
  },
  {
    name: "the demo's Shakespeare model, f32",
    make: (backend) =>
      loadLanguageModel(new URL("../../examples/shakespeare/", import.meta.url), { backend, dtype: "f32" }),
  },
];

/** Counts for every model, on an engine of its own. */
export async function countAll(): Promise<CountFigure[]> {
  const backend = await WebGpuBackend.create();
  const figures: CountFigure[] = [];
  for (const { name, make } of MODELS) {
    const model = await make(backend);
    figures.push(await count(name, model, backend));
    model.dispose();
  }
  backend.dispose();
  return figures;
}

async function count(name: string, model: LanguageModel, backend: WebGpuBackend): Promise<CountFigure> {
  const prompt = Array.from({ length: PROMPT }, (_, i) => (i * 7919 + 13) % model.net.numTokens);
  const generate = async (maxNewTokens: number): Promise<Counts> => {
    const before = backend.stats();
    await Array.fromAsync(model.generate(prompt, { maxNewTokens, temperature: 0 }));
    return combine(backend.stats(), before, (after, before) => after - before);
  };
  // Generations of several lengths differ by their tokens alone.
  const [first, all] = [await generate(1), await generate(1 + NEW)];
  return {
    model: name,
    parameters: model.parameterCount,
    prompt: first,
    token: combine(all, first, (all, first) => (all - first) / NEW),
    least: {
      submissions: 1,
      maps: 1,
      bytesReadBack: Int32Array.BYTES_PER_ELEMENT,
      weightBytesRead: bytesOfToken(model),
    },
  };
}

type Counter = keyof Counts & keyof WebGpuStats;

function combine(a: Counts, b: Counts, by: (a: number, b: number) => number): Counts {
  const of = (counter: Counter) => by(a[counter], b[counter]);
  return {
    dispatches: of("dispatches"),
    submissions: of("submissions"),
    maps: of("maps"),
    bytesReadBack: of("bytesReadBack"),
    weightBytesRead: of("weightBytesRead"),
  };
}

/** Bytes of weights that one token needs: all of each matrix, of the tables of tokens and positions a row. */
function bytesOfToken(model: LanguageModel): number {
  const sizes = [...model.stateDict()].filter(([, { shape }]) => shape.length === 2).map(([name, { shape }]) => {
    const [rows = 0, width = 0] = shape;
    return /(token|pos)_emb\./.test(name) ? width : rows * width;
  });
  return Float32Array.BYTES_PER_ELEMENT * sizes.reduce((sum, size) => sum + size, 0);
}

/** One model's counts as a table. */
export function printCounts({ model, parameters, prompt, token, least }: CountFigure): void {
  console.log(`${model}, ${(parameters / 1e6).toFixed(1)} M parameters`);
  const rows: readonly (readonly [label: string, counter: Counter, isSize: boolean])[] = [
    ["dispatches", "dispatches", false],
    ["submissions", "submissions", false],
    ["mapAsync calls", "maps", false],
    ["bytes read back", "bytesReadBack", false],
    ["weights bound", "weightBytesRead", true],
  ];
  const cells = ["", `prompt of ${PROMPT}`, "token", "least"];
  console.log("  " + cells.map((cell, i) => i === 0 ? cell.padEnd(18) : cell.padStart(16)).join(""));
  for (const [label, counter, isSize] of rows) {
    const show = (value: number | undefined) =>
      (value === undefined ? "" : isSize ? `${(value / 1e6).toFixed(3)} MB` : String(value)).padStart(16);
    const smallest = counter === "dispatches" ? undefined : least[counter];
    console.log("  " + label.padEnd(18) + show(prompt[counter]) + show(token[counter]) + show(smallest));
  }
}
