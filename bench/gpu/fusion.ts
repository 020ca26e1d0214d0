/**
 * Operations that the GPU engine runs in one dispatch where they follow one another, beside the same operations in
 * dispatches of their own. Two chains that know nothing of each other are recorded one after the other, or in turns:
 * then nothing follows what it could join.
 *
 *     deno task bench fusion [--rounds 15]
 *
 * Tried and lost, each as the time in one dispatch over the time apart (2 cores, medians of 15 rounds or more):
 *
 * - A norm inside the product behind it, of one row, on llvmpipe: every workgroup normalizes the row for itself in
 *   workgroup memory, and the first one writes it. 512 features to 512: 0.87 to 1.07; to 2048: 0.98 to 1.22; 1024 to
 *   1024: 1.04 to 1.14; 2048 to 2048: 1.05 to 1.10. More columns are more workgroups, which all do the same. Reductions
 *   with two barriers instead of ten, and workgroups of 32 or 64 instead of 8, moved that by 0.05. Three products in
 *   one dispatch save as many dispatches, and nothing is done twice.
 * - Three products in one dispatch on SwiftShader: 0.98 to 1.11, because it goes through the branches of all of them;
 *   there they stay apart. A loop of one round in place of each branch: 1.05 to 1.12.
 * - Sums of 16 to 128 rows in the kernel of the product: up to 1.17. Keys of 16 to 128 rows rotated on their way: up to
 *   1.4 on llvmpipe; of 4 rows, up to 1.2 on SwiftShader.
 * - Attention at 130 of 512 positions in one workgroup of 512 keys instead of 16 of 32 and their reduction: 1.06.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import type { CacheFormat, Tensor, WeightFormat } from "../../backend/memory.ts";
import { CACHE_FORMATS, WEIGHT_FORMATS } from "../../formats/formats.ts";
import { WebGpuBackend } from "../../gpu/backend.ts";
import { median, writeReport } from "../support/report.ts";
import { randomValues, settle } from "../support/timing.ts";

/** One chain of operations. */
interface FusionFigure {
  readonly what: string;
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

const HEADS = 8;
const HEAD_WIDTH = 64;
const DIM = HEADS * HEAD_WIDTH;
const CAPACITY = 512;

/** What makes a chain, by what the chain is. */
type Case = readonly [what: string, make: (backend: WebGpuBackend) => Chain];

/** Every fusion, at the sizes of a model of dim 512. */
const CASES: readonly Case[] = [
  ...WEIGHT_FORMATS.flatMap((format): Case[] => [
    [`three products of 1 × ${DIM}, ${format}`, (backend) => productsOf(backend, format)],
    ...[1, 8].map((rows): Case => [
      `product and sum of ${rows} × ${4 * DIM}, ${format}`,
      (backend) => sumOf(backend, format, rows),
    ]),
  ]),
  ...CACHE_FORMATS.flatMap((format): Case[] => [
    ...[1, 8].map((rows): Case => [
      `keys and values of ${rows} × ${DIM} appended, ${format}`,
      (backend) => appendOf(backend, format, rows, false),
    ]),
    ...[1, 2].map((rows): Case => [
      `keys of ${rows} × ${DIM} rotated, both appended, ${format}`,
      (backend) => appendOf(backend, format, rows, true),
    ]),
  ]),
];

function productsOf(backend: WebGpuBackend, format: WeightFormat): Chain {
  const x = backend.tensor(randomValues(DIM), [1, 1, DIM]);
  const weights = [1, 2, 3].map(() => weightOf(backend, format, DIM, DIM));
  return weights.map((weight) => () => backend.linear(x, weight));
}

function sumOf(backend: WebGpuBackend, format: WeightFormat, rows: number): Chain {
  const x = backend.tensor(randomValues(rows * 4 * DIM), [1, rows, 4 * DIM]);
  const stream = backend.tensor(randomValues(rows * DIM), [1, rows, DIM]);
  const weight = weightOf(backend, format, DIM, 4 * DIM);
  return [() => backend.linear(x, weight), (product) => product && backend.add(product, stream)];
}

function appendOf(backend: WebGpuBackend, format: CacheFormat, rows: number, isRotated: boolean): Chain {
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

async function time(backend: WebGpuBackend, [what, make]: Case, rounds: number): Promise<FusionFigure> {
  const made = [make(backend), make(backend)];
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
    dispatches,
    milliseconds: {
      together: median(times.map(({ together }) => together)),
      apart: median(times.map(({ apart }) => apart)),
    },
    ratio: median(times.map(({ together, apart }) => apart / together)),
  };
}

function print({ what, dispatches, milliseconds, ratio }: FusionFigure): void {
  const show = (time: number) => `${(1000 * time).toFixed(0)} µs`.padStart(9);
  console.log(
    `${what.padEnd(54)}${dispatches.apart} → ${dispatches.together} dispatches ${show(milliseconds.apart)} →` +
      `${show(milliseconds.together)}   ${ratio.toFixed(2)} × as fast`,
  );
}

if (import.meta.main) {
  const args = parseArgs(Deno.args, { string: ["rounds"], default: { rounds: "15" } });
  const backend = await WebGpuBackend.create();
  const { description: adapter } = backend.info;
  console.log(adapter);
  const figures: FusionFigure[] = [];
  for (const each of CASES) {
    const figure = await time(backend, each, Number(args.rounds));
    print(figure);
    figures.push(figure);
  }
  backend.dispose();
  await writeReport("fusion", { adapter, figures });
}
