/**
 * How close attention comes to what this machine can do from WebAssembly: prefill against the arithmetic peak, counting
 * the products with visible keys only, and one token over caches of each format against the speed of reading their keys
 * and values.
 *
 *     deno task bench attention [--rounds 15]
 *
 * Draws `results/attention.svg`: time per token against context, beside what reading takes.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { WasmBackend } from "../../assembly/backend.ts";
import type { CacheFormat, Tensor } from "../../backend/memory.ts";
import { origin, timeInTurns, writeReport } from "../support/report.ts";
import { decodeChart } from "./attention_chart.ts";
import type { Figure } from "./attention_figure.ts";
import { type Limits, measureLimits } from "./limits.ts";

/** Query heads, key heads, width of a head. */
type Heads = readonly [heads: number, kvHeads: number, dim: number];

const HEADS: readonly Heads[] = [[8, 8, 64], [8, 2, 64], [8, 8, 128], [24, 2, 128]];
const PROMPT = 2048;
const CONTEXTS = [512, 1024, 2048, 4096, 8192];
const FORMATS: readonly CacheFormat[] = ["f32", "f16", "q8_0"];

function random(backend: WasmBackend, shape: readonly number[]): Tensor {
  const size = shape.reduce((product, length) => product * length, 1);
  return backend.tensor(Float32Array.from({ length: size }, () => Math.random() - 0.5), shape);
}

/** Half of the heads with slopes, as Andromeda has them. */
function slopesOf(backend: WasmBackend, heads: number): Tensor {
  return backend.tensor(Float32Array.from({ length: heads }, (_, h) => h < heads / 2 ? 2 ** -(h + 1) : 0), [heads]);
}

async function prefill(backend: WasmBackend, limits: Limits, shape: Heads, rounds: number): Promise<Figure> {
  const [heads, kvHeads, dim] = shape;
  const q = random(backend, [1, PROMPT, heads * dim]);
  const [k, v] = [random(backend, [1, PROMPT, kvHeads * dim]), random(backend, [1, PROMPT, kvHeads * dim])];
  const slopes = slopesOf(backend, heads);
  const options = { heads, kvHeads, scale: 1 / Math.sqrt(dim), causal: true, slopes };
  const run = () => void backend.attention(q, k, v, options);
  const operations = 4 * dim * heads * PROMPT * (PROMPT + 1) / 2;
  const figure = await measure(backend, limits, run, operations, 2 * PROMPT * kvHeads * dim * 4, rounds);
  for (const tensor of [q, k, v, slopes]) tensor.dispose();
  return { what: "prefill", tokens: PROMPT, heads, kvHeads, dim, format: "f32", ...figure };
}

async function decode(
  backend: WasmBackend,
  limits: Limits,
  shape: Heads,
  format: CacheFormat,
  context: number,
  rounds: number,
): Promise<Figure> {
  const [heads, kvHeads, dim] = shape;
  const before = backend.memory().bytesInUse;
  const cacheShape = [1, kvHeads, context, dim];
  const [keys, values] = [backend.cache(cacheShape, format), backend.cache(cacheShape, format)];
  const bytes = backend.memory().bytesInUse - before;
  backend.scope(() => {
    const start = backend.tensor(Int32Array.of(0), [1]);
    for (const cache of [keys, values]) backend.appendCache(cache, random(backend, [1, context, kvHeads * dim]), start);
  });
  const q = random(backend, [1, 1, heads * dim]);
  const [positions, slopes] = [backend.tensor(Int32Array.of(context - 1), [1]), slopesOf(backend, heads)];
  const options = { heads, kvHeads, scale: 1 / Math.sqrt(dim), causal: true, positions, slopes };
  const run = () => void backend.attention(q, keys, values, options);
  const figure = await measure(backend, limits, run, 4 * context * heads * dim, bytes, rounds);
  for (const tensor of [keys, values, q, positions, slopes]) tensor.dispose();
  return { what: "decode", tokens: context, heads, kvHeads, dim, format, ...figure };
}

async function measure(
  backend: WasmBackend,
  limits: Limits,
  attend: () => void,
  operations: number,
  bytes: number,
  rounds: number,
) {
  // Each run takes some milliseconds, and as long as what it is compared with.
  const repeats = Math.max(1, Math.round(1e8 / Math.max(operations / 2, bytes)));
  let [peakOperations, readBytes] = [0, 0];
  const timings = await timeInTurns(
    [
      {
        name: "attention",
        run() {
          for (let i = 0; i < repeats; i++) {
            backend.scope(attend);
            backend.flush();
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
    ],
    rounds,
    5,
  );
  // The fastest rounds count, because other work of the machine only ever adds to a time.
  const fastest = (name: string) => Math.min(...timings.get(name) ?? []);
  const milliseconds = fastest("attention") / repeats;
  return {
    milliseconds,
    bytes,
    gflops: operations / milliseconds / 1e6,
    ofPeak: fastest("peak") / fastest("attention") * operations * repeats / peakOperations,
    gigabytes: bytes / milliseconds / 1e6,
    ofReading: fastest("read") / fastest("attention") * bytes * repeats / readBytes,
  };
}

function print(figure: Figure): void {
  const percent = (share: number) => `${(100 * share).toFixed(0)} %`.padStart(5);
  const shape = `${figure.heads} heads (${figure.kvHeads} of keys) of ${figure.dim}`.padEnd(28);
  const time = `${figure.milliseconds.toFixed(3)} ms`.padStart(12);
  const speed = `${figure.gflops.toFixed(1)} GFLOP/s (${percent(figure.ofPeak)} of peak)`.padStart(34);
  const reading = figure.what === "decode"
    ? `  ${figure.gigabytes.toFixed(1)} GB/s (${percent(figure.ofReading)} of reading)`
    : "";
  const keys = `${figure.what} ${String(figure.tokens).padStart(5)} ${figure.format.padEnd(4)}`;
  console.log(`${keys}, ${shape}${time}${speed}${reading}`);
}

if (import.meta.main) {
  const args = parseArgs(Deno.args, { string: ["rounds"], default: { rounds: "15" } });
  const rounds = Number(args.rounds);
  const limits = await measureLimits("relaxed-simd");
  const backend = await WasmBackend.create({ threads: 1 });
  console.log(backend.info.description);
  const figures: Figure[] = [];
  const add = (figure: Figure) => {
    print(figure);
    figures.push(figure);
  };
  for (const shape of HEADS) {
    add(await prefill(backend, limits, shape, rounds));
    for (const format of FORMATS) {
      for (const context of CONTEXTS) add(await decode(backend, limits, shape, format, context, rounds));
    }
  }
  backend.dispose();
  await writeReport("attention", figures);
  const chart = decodeChart(figures, (await origin("attention")).machine);
  await Deno.writeTextFile(new URL("../results/attention.svg", import.meta.url), chart);
}
