/**
 * `linear` with weights in each format beside f32 on one thread, in turns: one row of matrices that no cache holds, few
 * rows, and many.
 *
 *     deno task bench quantized [--rounds 25] [--threads 1]
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { WasmBackend } from "../../assembly/backend.ts";
import type { Tensor, WeightFormat } from "../../backend/memory.ts";
import { WEIGHT_FORMATS } from "../../formats/formats.ts";
import { type Case, medianRatio, medianTime, timeInTurns, writeReport } from "../support/report.ts";

/** Rows, in, out. */
type Shape = readonly [rows: number, size: number, out: number];

const SHAPES: readonly Shape[] = [
  [1, 2560, 2560],
  [1, 2560, 10240],
  [1, 8192, 8192],
  [1, 2560, 50304],
  [2, 2560, 10240],
  [3, 2560, 10240],
  [4, 2560, 10240],
  [5, 2560, 10240],
  [8, 2560, 10240],
  [16, 2560, 10240],
  [128, 2560, 2560],
  [512, 1024, 4096],
];
/**
 * One row is timed over as many matrices as take this many bytes in f32, so that none is in a cache when its turn
 * comes.
 */
const FAR_BYTES = 400e6;

/** The figure of a format at one shape. */
interface Figure {
  readonly format: WeightFormat;
  readonly rows: number;
  readonly in: number;
  readonly out: number;
  readonly milliseconds: number;
  readonly gflops: number;
  /** Gigabytes of weights a second. */
  readonly gigabytes: number;
  /** How many times as fast as f32 on one thread in the same rounds. */
  readonly ofF32: number;
}

/** The engine that is measured, and one of a single thread. */
interface Engines {
  readonly measured: WasmBackend;
  readonly single: WasmBackend;
}

function makeWeight(backend: WasmBackend, out: number, size: number, format: WeightFormat): Tensor {
  const weight = backend.weight([out, size], format);
  const some = Float32Array.from({ length: 32 * size }, () => Math.random() - 0.5);
  for (let row = 0; row + 32 <= out; row += 32) backend.writeRows(weight, row, some);
  return weight;
}

/** A product with each of several weights of one shape. */
class Product implements Case {
  readonly name: string;
  readonly bytes: number;
  readonly #backend: WasmBackend;
  readonly #x: Tensor;
  readonly #weights: Tensor[];

  constructor(name: string, backend: WasmBackend, format: WeightFormat, [rows, size, out]: Shape, copies: number) {
    const before = backend.memory().bytesInUse;
    this.name = name;
    this.#backend = backend;
    this.#weights = Array.from({ length: copies }, () => makeWeight(backend, out, size, format));
    this.bytes = backend.memory().bytesInUse - before;
    this.#x = backend.tensor(Float32Array.from({ length: rows * size }, () => Math.random() - 0.5), [rows, size]);
  }

  readonly run = async (): Promise<void> => {
    const last = this.#backend.scope(() => this.#weights.map((weight) => this.#backend.linear(this.#x, weight)).at(-1));
    await last?.data();
    last?.dispose();
  };

  dispose(): void {
    for (const tensor of [this.#x, ...this.#weights]) tensor.dispose();
  }
}

async function measure({ measured, single }: Engines, shape: Shape, rounds: number): Promise<Figure[]> {
  const [rows, size, out] = shape;
  const copies = rows > 16 ? 1 : Math.ceil(FAR_BYTES / (4 * size * out));
  const baseline = new Product("baseline", single, "f32", shape, copies);
  const products = WEIGHT_FORMATS.map((format) => ({
    format,
    product: new Product(format, measured, format, shape, copies),
  }));
  const timings = await timeInTurns([baseline, ...products.map(({ product }) => product)], rounds);
  const figures = products.map(({ format, product }) => {
    const milliseconds = medianTime(timings, format);
    return {
      format,
      rows,
      in: size,
      out,
      milliseconds: milliseconds / copies,
      gflops: 2 * rows * size * out * copies / milliseconds / 1e6,
      gigabytes: product.bytes / milliseconds / 1e6,
      ofF32: medianRatio(timings, "baseline", format),
    };
  });
  baseline.dispose();
  for (const { product } of products) product.dispose();
  return figures;
}

function print({ format, rows, in: size, out, milliseconds, gflops, gigabytes, ofF32 }: Figure): void {
  const shape = `${rows} × ${size} × ${out}`.padEnd(18);
  const time = `${milliseconds.toFixed(3)} ms`.padStart(11);
  const speed = `${gflops.toFixed(1)} GFLOP/s`.padStart(15) + `${gigabytes.toFixed(1)} GB/s`.padStart(11);
  console.log(`${shape}${format.padEnd(5)}${time}${speed}${`${ofF32.toFixed(2)} × f32`.padStart(13)}`);
}

if (import.meta.main) {
  const args = parseArgs(Deno.args, { string: ["rounds", "threads"], default: { rounds: "25", threads: "1" } });
  const single = await WasmBackend.create({ threads: 1 });
  const measured = args.threads === "1" ? single : await WasmBackend.create({ threads: Number(args.threads) });
  const { threads, description } = measured.info;
  console.log(description);
  const figures: Figure[] = [];
  for (const shape of SHAPES) {
    const some = await measure({ measured, single }, shape, Number(args.rounds));
    some.forEach(print);
    figures.push(...some);
  }
  measured.dispose();
  if (measured !== single) single.dispose();
  await writeReport(threads === 1 ? "quantized" : `quantized_${threads}_threads`, { engine: description, figures });
}
