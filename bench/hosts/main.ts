/**
 * Memory and time to the first token on each host: the packed npm package in Deno, Node, Bun, a page of Chromium and
 * Cloudflare's runtime; then the largest model that fits where memory has a limit. Linux only, because memory is read
 * from /proc; npm fetches the hosts.
 *
 *     deno task bench hosts [--rounds 5] [--write] [--only hosts]
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { HOST_TOOLS, Project } from "../../tests/hosts/package/project.ts";
import { median, writeReport } from "../support/report.ts";
import { type Checkpoint, SHAKESPEARE, writeMiddle } from "./checkpoints.ts";
import { type Host, HOSTS } from "./hosts.ts";
import { findLargest, type Largest } from "./largest.ts";
import { peakOf, type Run, type StageName, STAGES, timeOf } from "./watch.ts";

const HELP = `deno task bench hosts [flags]

  --rounds <n>     runs of each model on each host, after one that is not counted; default 5
  --only <part>    "hosts", or "largest" for the largest models that fit; writes nothing
  --write          write bench/results/hosts.json`;

/** A model on a host: medians over the rounds. */
export interface HostFigure {
  readonly host: string;
  readonly version: string;
  readonly model: string;
  readonly format: string;
  readonly threads: number;
  /** Milliseconds from the import to the first token; `stages` are its parts. */
  readonly firstToken: number;
  readonly fastestFirstToken: number;
  /** Bytes of the engine's tensors. */
  readonly engineBytes: number;
  /** The most bytes that were resident. */
  readonly peak: number;
  /** Milliseconds of each stage, and the bytes that are resident after it. */
  readonly stages: Readonly<Partial<Record<StageName, { readonly milliseconds: number; readonly resident: number }>>>;
}

async function measureHost(
  host: Host,
  version: string,
  checkpoint: Checkpoint,
  project: Project,
  rounds: number,
): Promise<HostFigure> {
  const runs: Run[] = [];
  for (let round = -1; round < rounds; round++) {
    const run = await host.measure(project, checkpoint);
    if (round >= 0) runs.push(run);
  }
  const { found } = runs[0] ?? {};
  const middle = (name: StageName, of: "milliseconds" | "resident") =>
    median(runs.map(({ stages }) => stages.get(name)?.[of] ?? NaN));
  return {
    ...{ host: host.name, version, model: checkpoint.model, format: checkpoint.format },
    threads: found?.threads ?? NaN,
    firstToken: median(runs.map(timeOf)),
    fastestFirstToken: Math.min(...runs.map(timeOf)),
    engineBytes: found?.bytesInUse ?? NaN,
    peak: median(runs.map(peakOf)),
    stages: Object.fromEntries(
      STAGES.map((name) => [name, { milliseconds: middle(name, "milliseconds"), resident: middle(name, "resident") }]),
    ),
  };
}

function print({ host, version, model, format, threads, firstToken, fastestFirstToken, peak, stages }: HostFigure) {
  const megabytes = (bytes = NaN) => `${(bytes / 1e6).toFixed(0)} MB`;
  const { imported, loaded } = stages;
  const memory = `${megabytes(imported?.resident)} after the import, ${megabytes(loaded?.resident)} after loading`;
  const time = `first token after ${firstToken.toFixed(0)} ms (fastest ${fastestFirstToken.toFixed(0)})`;
  console.log(
    `${host} ${version}, ${model}, ${format}, threads: ${threads}: ${time}; ${memory}, at most ${megabytes(peak)}`,
  );
}

async function measureHosts(project: Project, rounds: number): Promise<HostFigure[]> {
  const folder = await Deno.makeTempDir({ prefix: "andromeda_middle_" });
  try {
    const checkpoints = [SHAKESPEARE, await writeMiddle(folder)];
    const figures: HostFigure[] = [];
    for (const host of HOSTS) {
      const version = await host.prepare(project);
      for (const checkpoint of checkpoints) {
        const figure = await measureHost(host, version, checkpoint, project, rounds);
        print(figure);
        figures.push(figure);
      }
    }
    return figures;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

if (import.meta.main) {
  const { help, rounds, only, write } = parseArgs(Deno.args, {
    boolean: ["help", "write"],
    string: ["rounds", "only"],
    default: { rounds: "5" },
  });
  if (help) {
    console.log(HELP);
    Deno.exit();
  }
  await using project = await Project.create(HOST_TOOLS);
  const hosts = only === "largest" ? undefined : await measureHosts(project, Number(rounds));
  const largest: Largest[] | undefined = only === "hosts" ? undefined : await findLargest(project);
  if (write && hosts && largest) await writeReport("hosts", { hosts, largest });
}
