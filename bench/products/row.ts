/**
 * One row by a matrix that no cache holds, as at decode: each format in each form that its kernel has, as a share of
 * the speed of reading memory in the same rounds.
 *
 *     deno task bench row [--rounds 25] [--threads 1] [--before kernels.wasm]
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { WasmBackend } from "../../assembly/backend.ts";
import type { Tensor, WeightFormat } from "../../backend/memory.ts";
import { WEIGHT_FORMATS } from "../../formats/formats.ts";
import { measureLimits } from "../engine/limits.ts";
import { type Case, medianRatio, medianTime, timeInTurns, writeReport } from "../support/report.ts";

const [SIZE, OUT] = [8192, 8192];
const READ_BYTES = 4 * SIZE * OUT;

/** An engine to measure, by the name of its form. */
interface Contender {
  readonly form: string;
  readonly backend: WasmBackend;
}

/** The figure of a format in a form. */
interface Figure {
  readonly format: WeightFormat;
  readonly form: string;
  readonly milliseconds: number;
  /** Gigabytes of weights a second. */
  readonly gigabytes: number;
  /** Share of the speed of reading as many bytes in one stream. */
  readonly ofReading: number;
  /** How many times as fast as the first form. */
  readonly ofFirst: number;
}

/** A product with a weight of normal values, as models have them. */
class Product implements Case {
  readonly name: string;
  readonly bytes: number;
  readonly #backend: WasmBackend;
  readonly #x: Tensor;
  readonly #weight: Tensor;

  constructor({ form, backend }: Contender, readonly format: WeightFormat) {
    const before = backend.memory().bytesInUse;
    this.name = `${format} ${form}`;
    this.#backend = backend;
    this.#weight = backend.weight([OUT, SIZE], format);
    const some = normalValues(32 * SIZE, 0.02);
    for (let row = 0; row < OUT; row += 32) backend.writeRows(this.#weight, row, some);
    this.bytes = backend.memory().bytesInUse - before;
    this.#x = backend.tensor(normalValues(SIZE, 1), [1, SIZE]);
  }

  readonly run = async (): Promise<void> => {
    const product = this.#backend.linear(this.#x, this.#weight);
    await product.data();
    product.dispose();
  };
}

function normalValues(count: number, deviation: number): Float32Array<ArrayBuffer> {
  const normal = () => Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
  return Float32Array.from({ length: count }, () => deviation * normal());
}

async function contenders(threads: number, before: string | undefined): Promise<Contender[]> {
  const found: Contender[] = [];
  if (before !== undefined) {
    const wasm = await WebAssembly.compile(await Deno.readFile(before));
    found.push({ form: "before", backend: await WasmBackend.create({ threads, wasm }) });
  }
  found.push({ form: "in order", backend: await WasmBackend.create({ threads, readsInTurns: false }) });
  found.push({ form: "in turns", backend: await WasmBackend.create({ threads, readsInTurns: true }) });
  return found;
}

async function measure(all: readonly Contender[], rounds: number): Promise<Figure[]> {
  const limits = await measureLimits("relaxed-simd");
  const products = WEIGHT_FORMATS.flatMap((format) =>
    all.map((contender) => ({ format, form: contender.form, product: new Product(contender, format) }))
  );
  const reading: Case = { name: "read", run: () => void limits.read(READ_BYTES) };
  const timings = await timeInTurns([reading, ...products.map(({ product }) => product)], rounds);
  console.log(`reading: ${(READ_BYTES / medianTime(timings, "read") / 1e6).toFixed(1)} GB/s`);
  const [first] = all;
  return products.map(({ format, form, product: { name, bytes } }) => ({
    format,
    form,
    milliseconds: medianTime(timings, name),
    gigabytes: bytes / medianTime(timings, name) / 1e6,
    ofReading: medianRatio(timings, "read", name) * bytes / READ_BYTES,
    ofFirst: medianRatio(timings, `${format} ${first?.form}`, name),
  }));
}

function print({ format, form, milliseconds, gigabytes, ofReading, ofFirst }: Figure): void {
  const speed = `${gigabytes.toFixed(1)} GB/s (${(100 * ofReading).toFixed(0).padStart(3)} % of reading)`;
  console.log(
    `${format.padEnd(5)}${form.padEnd(12)}${milliseconds.toFixed(3).padStart(8)} ms  ${speed}  ${ofFirst.toFixed(2)}`,
  );
}

if (import.meta.main) {
  const args = parseArgs(Deno.args, {
    string: ["rounds", "threads", "before"],
    default: { rounds: "25", threads: "1" },
  });
  const all = await contenders(Number(args.threads), typeof args.before === "string" ? args.before : undefined);
  const figures = await measure(all, Number(args.rounds));
  figures.forEach(print);
  for (const { backend } of all) backend.dispose();
  if (args.before === undefined) await writeReport("row", figures);
}
