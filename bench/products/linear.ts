/**
 * How close `linear` comes to what this machine can do from WebAssembly: many rows against the arithmetic peak, one row
 * against the speed of reading memory, both measured in turns with it.
 *
 *     deno task bench linear [--rounds 25]
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { WasmBackend } from "../../assembly/backend.ts";
import { type Limits, measureLimits } from "../engine/limits.ts";
import { medianRatio, medianTime, timeInTurns, writeReport } from "../support/report.ts";

/** Rows, in, out. */
type Shape = readonly [rows: number, size: number, out: number];

const FORMATS = ["f32", "f16"] as const;
const SHAPES: readonly Shape[] = [
  [128, 2560, 2560],
  [512, 1024, 4096],
  [512, 4096, 1024],
  [1, 512, 32000],
  [1, 2560, 2560],
  [1, 2560, 10240],
  [1, 8192, 8192],
  [2, 2560, 2560],
  [3, 2560, 2560],
  [4, 2560, 2560],
  [5, 2560, 2560],
  [8, 2560, 2560],
  [16, 2560, 2560],
  [32, 2560, 2560],
];

/** The figure of one shape. */
interface Figure {
  readonly format: string;
  readonly rows: number;
  readonly in: number;
  readonly out: number;
  readonly milliseconds: number;
  readonly gflops: number;
  /** Share of the arithmetic peak. */
  readonly ofPeak: number;
  /** Gigabytes of weights a second. */
  readonly gigabytes: number;
  /** Share of the speed of reading as many bytes. */
  readonly ofReading: number;
}

async function measure(
  backend: WasmBackend,
  limits: Limits,
  format: "f32" | "f16",
  shape: Shape,
  rounds: number,
): Promise<Figure> {
  const [rows, size, out] = shape;
  const weight = backend.weight([out, size], format);
  const some = Float32Array.from({ length: 32 * size }, () => Math.random() - 0.5);
  for (let row = 0; row + 32 <= out; row += 32) backend.writeRows(weight, row, some);
  const x = backend.tensor(Float32Array.from({ length: rows * size }, () => Math.random() - 0.5), [rows, size]);
  const operations = 2 * rows * size * out;
  const bytes = size * out * (format === "f16" ? 2 : 4);
  // Each run takes some milliseconds, and as long as what it is compared with.
  const repeats = Math.max(1, Math.round(1e8 / Math.max(operations / 2, bytes)));
  let [peakOperations, readBytes] = [0, 0];
  const timings = await timeInTurns([
    {
      name: "linear",
      run() {
        for (let i = 0; i < repeats; i++) {
          backend.scope(() => {
            backend.linear(x, weight);
            backend.flush();
          });
        }
      },
    },
    { name: "peak", run: () => void (peakOperations = limits.multiplyAdd()) },
    {
      name: "read",
      run() {
        readBytes = 0;
        for (let i = 0; i < repeats; i++) readBytes += limits.read(bytes);
      },
    },
  ], rounds);
  weight.dispose();
  x.dispose();
  const milliseconds = medianTime(timings, "linear") / repeats;
  return {
    format,
    rows,
    in: size,
    out,
    milliseconds,
    gflops: operations / milliseconds / 1e6,
    ofPeak: medianRatio(timings, "peak", "linear") * operations * repeats / peakOperations,
    gigabytes: bytes / milliseconds / 1e6,
    ofReading: medianRatio(timings, "read", "linear") * bytes * repeats / readBytes,
  };
}

function print(figure: Figure): void {
  const percent = (share: number) => `${(100 * share).toFixed(0)} %`.padStart(5);
  const shape = `${figure.format} ${figure.rows} × ${figure.in} × ${figure.out}`.padEnd(22);
  const time = `${figure.milliseconds.toFixed(3)} ms`.padStart(11);
  const speed = `${figure.gflops.toFixed(1)} GFLOP/s (${percent(figure.ofPeak)} of peak)`.padStart(34);
  console.log(`${shape}${time}${speed}  ${figure.gigabytes.toFixed(1)} GB/s (${percent(figure.ofReading)} of reading)`);
}

if (import.meta.main) {
  const args = parseArgs(Deno.args, { string: ["rounds"], default: { rounds: "25" } });
  const limits = await measureLimits("relaxed-simd");
  const backend = await WasmBackend.create({ threads: 1 });
  console.log(backend.info.description);
  const figures: Figure[] = [];
  for (const format of FORMATS) {
    for (const shape of SHAPES) {
      const figure = await measure(backend, limits, format, shape, Number(args.rounds));
      print(figure);
      figures.push(figure);
    }
  }
  backend.dispose();
  await writeReport("linear", figures);
}
