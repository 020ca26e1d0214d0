/**
 * Operations that the engine runs in one dispatch where they follow one another, beside the same operations in
 * dispatches of their own. Two chains that know nothing of each other are recorded one after the other, or in turns:
 * then nothing follows what it could join.
 *
 * @module
 */

import type { Tensor, WeightFormat } from "../../backend/memory.ts";
import type { WebGpuBackend } from "../../gpu/backend.ts";
import { median } from "../support/report.ts";
import { randomValues, settle } from "../support/timing.ts";

/** One group of operations. */
export interface FusionFigure {
  readonly what: string;
  readonly flavor: string;
  /** Dispatches of both chains. */
  readonly dispatches: { readonly together: number; readonly apart: number };
  /** Milliseconds of one chain; medians. */
  readonly milliseconds: { readonly together: number; readonly apart: number };
  /** How many times as fast it is together: the median over rounds, in each of which both are timed. */
  readonly ratio: number;
}

/** A chain: steps that are recorded in this order, each given what the one before gave. */
type Chain = readonly ((given: Tensor | undefined) => Tensor | undefined)[];

/** Milliseconds that a run of chains takes at least. */
const ENOUGH = 40;

const FORMATS = ["f32", "f16", "q8_0", "q4_0"] as const;
const HEADS = 8;
const HEAD_WIDTH = 64;
const DIM = HEADS * HEAD_WIDTH;
const CAPACITY = 512;

/** Times every fusion at the sizes of a model of dim 512. */
export async function timeFusions(backend: WebGpuBackend, rounds: number): Promise<FusionFigure[]> {
  const figures: FusionFigure[] = [];
  for (const format of FORMATS) {
    for (const rows of [1, 4]) {
      const products = () => productsOf(backend, format, rows);
      figures.push(await time(backend, `three products of ${rows} × ${DIM}, ${format}`, products, rounds));
    }
    for (const rows of [1, 4, 128]) {
      const sum = () => sumOf(backend, format, rows);
      figures.push(await time(backend, `product and sum of ${rows} × ${4 * DIM}, ${format}`, sum, rounds));
    }
  }
  for (const format of ["f32", "f16", "q8_0"] as const) {
    for (const rows of [1, 128]) {
      const append = () => appendOf(backend, format, rows, false);
      const rotated = () => appendOf(backend, format, rows, true);
      figures.push(await time(backend, `keys and values of ${rows} × ${DIM} appended, ${format}`, append, rounds));
      figures.push(await time(backend, `keys of ${rows} × ${DIM} rotated, both appended, ${format}`, rotated, rounds));
    }
  }
  return figures;
}

function productsOf(backend: WebGpuBackend, format: WeightFormat, rows: number): Chain {
  const x = backend.tensor(randomValues(rows * DIM), [1, rows, DIM]);
  const weights = [1, 2, 3].map(() => weightOf(backend, format, DIM, DIM));
  return weights.map((weight) => () => backend.linear(x, weight));
}

function sumOf(backend: WebGpuBackend, format: WeightFormat, rows: number): Chain {
  const x = backend.tensor(randomValues(rows * 4 * DIM), [1, rows, 4 * DIM]);
  const stream = backend.tensor(randomValues(rows * DIM), [1, rows, DIM]);
  const weight = weightOf(backend, format, DIM, 4 * DIM);
  return [() => backend.linear(x, weight), (product) => product && backend.add(product, stream)];
}

function appendOf(backend: WebGpuBackend, format: "f32" | "f16" | "q8_0", rows: number, isRotated: boolean): Chain {
  const [k, v] = [1, 2].map(() => backend.tensor(randomValues(rows * DIM), [1, rows, DIM]));
  const [keys, values] = [1, 2].map(() => backend.cache([1, HEADS, CAPACITY, HEAD_WIDTH], format));
  if (!k || !v || !keys || !values) throw new Error("Cannot time caches that were not made");
  const table = backend.tensor(randomValues(rows * HEAD_WIDTH), [1, rows, HEAD_WIDTH]);
  const positions = backend.tensor(Int32Array.of(130), [1]);
  const append = (cache: Tensor, x: Tensor) => {
    backend.appendCache(cache, x, positions);
    return undefined;
  };
  const appendValues = () => append(values, v);
  if (!isRotated) return [() => append(keys, k), appendValues];
  const rotate = () => backend.rotary(k, table, { heads: HEADS, pairs: "halves" });
  return [rotate, (rotated) => rotated && append(keys, rotated), appendValues];
}

function weightOf(backend: WebGpuBackend, format: WeightFormat, out: number, width: number): Tensor {
  const weight = backend.weight([out, width], format);
  backend.writeRows(weight, 0, randomValues(out * width));
  return weight;
}

/** Records each step of each chain: one chain after the other, or in turns. */
function record(chains: readonly Chain[], isTogether: boolean): void {
  const given = chains.map((): Tensor | undefined => undefined);
  const steps = chains.flatMap((chain, i) => chain.map((step, at) => ({ step, i, at })));
  if (!isTogether) steps.sort((a, b) => a.at - b.at);
  for (const { step, i } of steps) given[i] = step(given[i]);
}

async function time(
  backend: WebGpuBackend,
  what: string,
  make: () => Chain,
  rounds: number,
): Promise<FusionFigure> {
  const before = backend.stats().dispatches;
  const made: Chain[] = [make(), make()];
  const run = async (isTogether: boolean, repeats: number) => {
    const start = performance.now();
    for (let i = 0; i < repeats; i++) {
      backend.scope(() => record(made, isTogether));
      if (i % 32 === 31) backend.flush();
    }
    await settle(backend);
    return (performance.now() - start) / repeats / made.length;
  };
  const count = async (isTogether: boolean) => {
    const { dispatches } = backend.stats();
    await run(isTogether, 1);
    return backend.stats().dispatches - dispatches;
  };
  void before;
  const dispatches = { together: await count(true), apart: await count(false) };
  let repeats = 4;
  while (await run(true, repeats) * repeats * made.length < ENOUGH) repeats *= 2;
  const times: { together: number; apart: number }[] = [];
  for (let round = 0; round < rounds; round++) {
    const isFirst = round % 2 === 0;
    const first = await run(isFirst, repeats);
    const second = await run(!isFirst, repeats);
    times.push(isFirst ? { together: first, apart: second } : { together: second, apart: first });
  }
  return {
    what,
    flavor: backend.flavor,
    dispatches,
    milliseconds: {
      together: median(times.map(({ together }) => together)),
      apart: median(times.map(({ apart }) => apart)),
    },
    ratio: median(times.map(({ together, apart }) => apart / together)),
  };
}
