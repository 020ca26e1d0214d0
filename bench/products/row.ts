/**
 * One row by a matrix that no cache holds, as at decode: each format in each form that its kernel has, as a share of
 * the speed at which as many threads read memory in the same rounds.
 *
 *     deno task bench row [--rounds 60] [--threads 1] [--before folder]
 *
 * `--before` measures another checkout of this repository beside this one, and writes no result.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { resolve, toFileUrl } from "@std/path";
import { WasmBackend } from "../../assembly/backend.ts";
import type { Tensor, WeightFormat } from "../../backend/memory.ts";
import { WEIGHT_FORMATS } from "../../formats/formats.ts";
import { startLimits } from "../engine/limits_threads.ts";
import { type Case, timeInTurns, writeReport } from "../support/report.ts";

const [SIZE, OUT] = [8192, 8192];
const READ_BYTES = 4 * SIZE * OUT;

/** An engine to measure, by the name of its form. */
interface Contender {
  readonly form: string;
  readonly backend: WasmBackend;
}

/**
 * The figure of a format in a form. The fastest tenth of the rounds stands beside the median, because the threads of
 * one core halve each other's arithmetic, and what else the machine does falls on it in phases.
 */
interface Figure {
  readonly format: WeightFormat;
  readonly form: string;
  readonly median: Speed;
  readonly fastest: Speed;
}

interface Speed {
  readonly milliseconds: number;
  /** Gigabytes of weights a second. */
  readonly gigabytes: number;
  /** Share of the speed at which as many threads read as many bytes, each in one stream. */
  readonly ofReading: number;
  /** How many times as fast as the first form. */
  readonly ofFirst: number;
}

/** A product with a weight of normal values, as models have them. */
class Product implements Case {
  readonly name: string;
  readonly form: string;
  readonly bytes: number;
  readonly #backend: WasmBackend;
  readonly #x: Tensor;
  readonly #weight: Tensor;

  constructor({ form, backend }: Contender, readonly format: WeightFormat) {
    const before = backend.memory().bytesInUse;
    this.name = `${format} ${form}`;
    this.form = form;
    this.#backend = backend;
    this.#weight = backend.weight([OUT, SIZE], format);
    this.bytes = backend.memory().bytesInUse - before;
    this.#x = backend.tensor(normalValues(SIZE, 1), [1, SIZE]);
  }

  writeRows(row: number, rows: Float32Array<ArrayBuffer>): void {
    this.#backend.writeRows(this.#weight, row, rows);
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
    const { WasmBackend } = await import(toFileUrl(resolve(before, "assembly/backend.ts")).href);
    found.push({ form: "before", backend: await WasmBackend.create({ threads }) });
  }
  found.push({ form: "in order", backend: await WasmBackend.create({ threads, readsInTurns: false }) });
  found.push({ form: "in turns", backend: await WasmBackend.create({ threads, readsInTurns: true }) });
  return found;
}

async function measure(all: readonly Contender[], threads: number, rounds: number): Promise<Figure[]> {
  const limits = await startLimits(threads);
  const products = WEIGHT_FORMATS.flatMap((format) => all.map((contender) => new Product(contender, format)));
  // In turns, so that all lie in memory of the same kind.
  const some = normalValues(32 * SIZE, 0.02);
  for (let row = 0; row < OUT; row += 32) {
    for (const product of products) product.writeRows(row, some);
  }
  const reading: Case = { name: "read", run: async () => void await limits.run("read", READ_BYTES) };
  const timings = await timeInTurns([reading, ...products], rounds);
  limits.terminate();
  const [first] = all;
  return products.map(({ format, form, name, bytes }) => {
    const speed = (share: number): Speed => {
      const time = (name: string) => quantile(timings.get(name) ?? [], share);
      return {
        milliseconds: time(name),
        gigabytes: bytes / time(name) / 1e6,
        ofReading: time("read") / time(name) * bytes / READ_BYTES,
        ofFirst: time(`${format} ${first?.form}`) / time(name),
      };
    };
    return { format, form, median: speed(0.5), fastest: speed(0.1) };
  });
}

function quantile(values: readonly number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor(share * values.length)] ?? NaN;
}

function print({ format, form, median, fastest }: Figure): void {
  const text = ({ milliseconds, gigabytes, ofReading, ofFirst }: Speed) =>
    `${milliseconds.toFixed(3).padStart(8)} ms ${gigabytes.toFixed(1).padStart(5)} GB/s ` +
    `(${(100 * ofReading).toFixed(0).padStart(3)} % of reading) ${ofFirst.toFixed(2)}`;
  console.log(`${format.padEnd(5)}${form.padEnd(10)}${text(median)}, fastest tenth ${text(fastest)}`);
}

if (import.meta.main) {
  const args = parseArgs(Deno.args, {
    string: ["rounds", "threads", "before"],
    default: { rounds: "60", threads: "1" },
  });
  const threads = Number(args.threads);
  const all = await contenders(threads, typeof args.before === "string" ? args.before : undefined);
  const figures = await measure(all, threads, Number(args.rounds));
  figures.forEach(print);
  for (const { backend } of all) backend.dispose();
  if (args.before === undefined) await writeReport("row", figures);
}
