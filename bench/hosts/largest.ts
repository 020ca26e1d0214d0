/**
 * The largest model that fits where memory has a limit: Llamas with more and more blocks, until one does not.
 *
 * @module
 */

import { FORMATS } from "../../formats/formats.ts";
import { rowBytes } from "../../formats/rows.ts";
import type { WeightFormat } from "../../mod.ts";
import type { Project } from "../../tests/hosts/package/project.ts";
import { median } from "../support/report.ts";
import { type LlamaSizes, writeLlama } from "./checkpoints.ts";
import { CLOUDFLARE, DENO_DEPLOY, type Host, measureEmptyHeap } from "./hosts.ts";
import { peakOf, type Run, timeOf } from "./watch.ts";

/** Runs of each model; the one that takes most counts. */
const RUNS = 3;

const WEIGHT_FORMATS = ["q8_0", "q4_0"] as const;

/** A host with a limit. */
interface Place {
  readonly host: Host;
  /** Bytes. */
  readonly limit: number;
  /** What of a run counts, in bytes. */
  readonly counts: string;
  readonly count: (run: Run) => number;
  readonly sizes: LlamaSizes;
}

/** The largest model of a host. */
export interface Largest {
  readonly host: string;
  readonly limit: number;
  readonly counts: string;
  readonly model: string;
  readonly format: string;
  readonly parameters: number;
  readonly promptTokens: number;
  /** Bytes of the engine's tensors, most of them weights. */
  readonly engineBytes: number;
  /** Bytes that counted, and those of the model with one block more. */
  readonly bytes: number;
  readonly bytesOfNext: number;
  /** Milliseconds from the import to the first token. */
  readonly firstToken: number;
}

/** A model of some depth. */
interface Measured extends Omit<Largest, "bytesOfNext"> {
  readonly depth: number;
}

/** Finds the largest model for each host with a limit, in each format. */
export async function findLargest(project: Project): Promise<Largest[]> {
  const found: Largest[] = [];
  for (const place of await placesOf(project)) {
    await place.host.prepare(project);
    for (const format of WEIGHT_FORMATS) {
      found.push(await findIn(place, format, project));
      console.log(JSON.stringify(found.at(-1)));
    }
  }
  return found;
}

async function placesOf(project: Project): Promise<Place[]> {
  const emptyHeap = await measureEmptyHeap(project);
  return [{
    host: CLOUDFLARE,
    limit: 128e6,
    // Programs that many workers share are not a worker's; its isolate was made before the run.
    counts: `growth of the process since before the import, and ${emptyHeap} bytes of an empty isolate's heap`,
    count: (run) => peakOf(run) - (run.stages.get("empty")?.resident ?? NaN) + emptyHeap,
    sizes: { dim: 512, inner: 1536, heads: 8, kvHeads: 4 },
  }, {
    host: DENO_DEPLOY,
    limit: 512e6,
    counts: "all of the process, Deno included",
    count: peakOf,
    sizes: { dim: 1024, inner: 3072, heads: 16, kvHeads: 8 },
  }];
}

/** Steps by as many blocks as the bytes that are left should hold, until one depth fits and the next does not. */
async function findIn(place: Place, format: WeightFormat, project: Project): Promise<Largest> {
  const blockBytes = rowBytes(FORMATS[format], blockWeights(place.sizes));
  let fits: Measured | undefined;
  let exceeds: Measured | undefined;
  let depth = Math.ceil(place.limit / blockBytes / 2);
  while (fits === undefined || exceeds === undefined || exceeds.depth - fits.depth > 1) {
    const measured = await measureDepth(place, depth, format, project);
    console.log(`${place.host.name}, ${measured.model}, ${format}: ${(measured.bytes / 1e6).toFixed(1)} MB`);
    if (measured.bytes <= place.limit) fits = measured;
    else exceeds = measured;
    const step = Math.trunc((place.limit - measured.bytes) / blockBytes) || Math.sign(place.limit - measured.bytes);
    depth = Math.max((fits?.depth ?? 0) + 1, Math.min((exceeds?.depth ?? Infinity) - 1, depth + step));
    if (exceeds?.depth === 1) throw new Error(`Cannot find a model for ${place.host.name}: one block takes too much`);
  }
  const { depth: _, ...largest } = fits;
  return { ...largest, bytesOfNext: exceeds.bytes };
}

/** Weights of a block. */
function blockWeights({ dim, inner, heads, kvHeads }: LlamaSizes): number {
  return dim * (2 * dim + 2 * dim * kvHeads / heads + 3 * inner);
}

async function measureDepth(
  { host, limit, counts, count, sizes }: Place,
  depth: number,
  format: WeightFormat,
  project: Project,
): Promise<Measured> {
  const folder = await Deno.makeTempDir({ prefix: "andromeda_llama_" });
  try {
    const checkpoint = await writeLlama(folder, sizes, depth, format);
    const runs: Run[] = [];
    for (let i = 0; i < RUNS; i++) runs.push(await host.measure(project, checkpoint));
    const { model, promptTokens } = checkpoint;
    const [run] = runs;
    return {
      depth,
      ...{ host: host.name, limit, counts, model, format, promptTokens },
      parameters: run?.found.parameters ?? NaN,
      engineBytes: run?.found.bytesInUse ?? NaN,
      bytes: Math.max(...runs.map(count)),
      firstToken: median(runs.map(timeOf)),
    };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
