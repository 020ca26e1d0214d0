/**
 * What a GPU reaches through WebGPU: what a dispatch and a value that comes back cost, products in each format and each
 * flavor of the kernels, attention over long contexts, and tokens a second of whole models, the default Andromeda of
 * 2.5 billion parameters among them.
 *
 *     deno task bench gpu [--rounds 5] [--only latency,products,attention,models]
 *
 * On an adapter that is a processor the sizes are small ones.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { type Flavor, WebGpuBackend } from "../../gpu/backend.ts";
import { hasHardwareAdapter } from "../../gpu/device/device.ts";
import { writeReport } from "../support/report.ts";
import { type Latency, measureLatency } from "./latency.ts";
import { LARGE, measureModel, type ModelFigure, SMALL } from "./models.ts";
import {
  type AttentionFigure,
  type ProductFigure,
  type Shape,
  timeProduct,
  timePrompt,
  timeToken,
} from "./operations.ts";

/** What this benchmark leaves; what was not asked for is absent. */
export interface GpuFigures {
  readonly adapter: string;
  readonly features: readonly string[];
  readonly latency?: Latency;
  readonly products: readonly ProductFigure[];
  readonly attention: readonly AttentionFigure[];
  readonly models: readonly ModelFigure[];
}

const FORMATS = ["f32", "f16", "q8_0", "q4_0"] as const;
const CACHES = ["f32", "f16", "q8_0"] as const;
const SHAPES: readonly Shape[] = [[1024, 1024, 1024], [4096, 4096, 4096], [1, 2560, 10240], [1, 8192, 8192]];
const HEADS = [[24, 2, 128], [8, 8, 64]] as const;

/** One engine for each flavor, first the one that is chosen where none is asked for. */
async function startFlavors(): Promise<[WebGpuBackend, ...WebGpuBackend[]]> {
  const chosen = await WebGpuBackend.create();
  const flavors: readonly Flavor[] = chosen.info.features.includes("subgroups")
    ? ["register", "workgroup", "subgroup"]
    : ["register", "workgroup"];
  const others = flavors.filter((flavor) => flavor !== chosen.flavor);
  return [chosen, ...await Promise.all(others.map((flavor) => WebGpuBackend.create({ flavor })))];
}

async function timeProducts(backends: readonly WebGpuBackend[], scale: number, rounds: number) {
  const figures: ProductFigure[] = [];
  for (const shape of SHAPES) {
    const scaled = shape.map((size) => Math.ceil(size / scale)) as unknown as Shape;
    for (const format of FORMATS) {
      for (const backend of backends) {
        const figure = await timeProduct(backend, format, scaled, rounds);
        const label = `linear ${scaled.join(" × ")} ${format} ${figure.flavor}`.padEnd(44);
        console.log(
          `${label}${show(figure.milliseconds, 4)} ms ${show(figure.gflops, 0)} GFLOP/s ${
            show(figure.gigabytes, 1)
          } GB/s`,
        );
        figures.push(figure);
      }
    }
  }
  return figures;
}

/** Of the engine's own flavor alone: others take ten times as long, seconds for a long prompt. */
async function timeAttention(backend: WebGpuBackend, scale: number, rounds: number) {
  const figures: AttentionFigure[] = [];
  const add = (figure: AttentionFigure) => {
    const { what, tokens, heads, kvHeads, dim, format, flavor } = figure;
    const label = `${what} ${tokens}, ${heads} heads (${kvHeads}) of ${dim}, ${format} ${flavor}`.padEnd(52);
    console.log(
      `${label}${show(figure.milliseconds, 4)} ms ${show(figure.gflops, 0)} GFLOP/s ${show(figure.gigabytes, 1)} GB/s`,
    );
    figures.push(figure);
  };
  for (const heads of HEADS) {
    for (const tokens of [2048, 8192]) add(await timePrompt(backend, heads, tokens / scale, rounds));
    for (const format of CACHES) {
      for (const tokens of [8192, 65536]) add(await timeToken(backend, heads, format, tokens / scale, rounds));
    }
  }
  return figures;
}

async function measureModels(isSoftware: boolean, rounds: number): Promise<ModelFigure[]> {
  const figures: ModelFigure[] = [];
  for (const subject of isSoftware ? [SMALL] : [SMALL, LARGE]) {
    for (const format of FORMATS) {
      const figure = await measureModel(subject, format, rounds);
      console.log(
        `${subject.name}, ${format}: prompt ${figure.prefill.toFixed(0)} tokens/s, text ${figure.decode.toFixed(1)} ` +
          `tokens/s (${figure.gigabytes.toFixed(0)} GB/s), compiled in ${figure.warmUp.toFixed(0)} ms`,
      );
      figures.push(figure);
    }
  }
  return figures;
}

function show(value: number, digits: number): string {
  return value.toFixed(digits).padStart(10);
}

if (import.meta.main) {
  const args = parseArgs(Deno.args, {
    string: ["rounds", "only"],
    default: { rounds: "5", only: "latency,products,attention,models" },
  });
  const [rounds, parts] = [Number(args.rounds), new Set(args.only.split(","))];
  const isSoftware = !await hasHardwareAdapter();
  const scale = isSoftware ? 16 : 1;
  const latency = parts.has("latency") ? await measureLatency(rounds) : undefined;
  if (latency) console.log(latency);
  const backends = await startFlavors();
  const { description: adapter, features } = backends[0].info;
  console.log(adapter, features);
  const products = parts.has("products") ? await timeProducts(backends, scale, rounds) : [];
  const attention = parts.has("attention") ? await timeAttention(backends[0], scale, rounds) : [];
  for (const backend of backends) backend.dispose();
  const models = parts.has("models") ? await measureModels(isSoftware, rounds) : [];
  const figures: GpuFigures = { adapter, features, ...(latency && { latency }), products, attention, models };
  await writeReport("gpu", figures);
}
