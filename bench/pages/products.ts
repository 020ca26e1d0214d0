/**
 * Matrix products on WebGPU, with readback as a caller sees them, for every engine that takes part, in Deno and in a
 * page.
 *
 * @module
 */

import { type Flavor, WebGpuBackend } from "../../gpu/backend.ts";
import { type Case, medianRatio, medianTime, timeInTurns } from "../support/report.ts";

/** Rows, in, out. */
export type Shape = readonly [rows: number, size: number, out: number];

/** The products: two that arithmetic bounds, and one row of a decoder's, which reading bounds. */
export const SHAPES: readonly Shape[] = [[512, 512, 512], [1024, 1024, 1024], [1, 2560, 2560]];

/** The figure of one contender on one shape. */
export interface Figure {
  readonly shape: Shape;
  readonly name: string;
  readonly milliseconds: number;
  readonly gflops: number;
  /** Our chosen flavor's speed as a multiple of this one's: the median over the rounds. */
  readonly ratio: number;
}

/** Another engine. */
export interface Peer {
  readonly name: string;
  /** A product of random values, ready to run. */
  prepare(shape: Shape): Case | Promise<Case>;
}

/** A peer that does not run, and what it says. */
export interface Failure {
  readonly name: string;
  readonly error: string;
}

/** All results of one host. */
export interface Comparison {
  readonly adapter: string;
  readonly figures: Figure[];
  readonly failures: Failure[];
}

/** Values between -0.5 and 0.5. */
export function randomValues(count: number): Float32Array<ArrayBuffer> {
  return Float32Array.from({ length: count }, () => Math.random() - 0.5);
}

/** Starts peers; those that don't start are failures. */
export async function startPeers(
  starts: Readonly<Record<string, () => Promise<Peer>>>,
): Promise<{ peers: Peer[]; failures: Failure[] }> {
  const [peers, failures]: [Peer[], Failure[]] = [[], []];
  for (const [name, start] of Object.entries(starts)) {
    try {
      peers.push(await start());
    } catch (error) {
      failures.push({ name, error: messageOf(error) });
    }
  }
  return { peers, failures };
}

/** Times the products of every flavor of our kernels that the adapter can run and of the peers, in turns. */
export async function compareAll(rounds: number, peers: readonly Peer[], failures: Failure[]): Promise<Comparison> {
  const backends = await startFlavors();
  const comparison: Comparison = { adapter: backends[0].info.description, figures: [], failures: [...failures] };
  for (const shape of SHAPES) {
    const cases = await Promise.all(backends.map((backend) => ours(backend, shape)));
    for (const peer of peers) {
      try {
        const theirs = await peer.prepare(shape);
        await theirs.run();
        cases.push(theirs);
      } catch (error) {
        comparison.failures.push({ name: `${peer.name}, ${shape.join(" × ")}`, error: messageOf(error) });
      }
    }
    comparison.figures.push(...await compare(shape, cases, backends[0].flavor, rounds));
  }
  for (const backend of backends) backend.dispose();
  return comparison;
}

async function compare(shape: Shape, cases: readonly Case[], chosen: Flavor, rounds: number): Promise<Figure[]> {
  const timings = await timeInTurns(cases, rounds, 2);
  const operations = 2 * shape.reduce((product, length) => product * length, 1);
  return cases.map(({ name }) => {
    const milliseconds = medianTime(timings, name);
    const ratio = medianRatio(timings, name, chosen);
    return { shape, name, milliseconds, gflops: operations / milliseconds / 1e6, ratio };
  });
}

async function ours(backend: WebGpuBackend, [rows, size, out]: Shape): Promise<Case> {
  const weight = backend.weight([out, size], "f32");
  backend.writeRows(weight, 0, randomValues(out * size));
  const x = backend.tensor(randomValues(rows * size), [rows, size]);
  await backend.warmUp(() => backend.linear(x, weight));
  return {
    name: backend.flavor,
    async run() {
      const product = backend.linear(x, weight);
      await product.data();
      product.dispose();
    },
  };
}

/** One engine for each flavor, first the one that is chosen where none is asked for. */
async function startFlavors(): Promise<[WebGpuBackend, ...WebGpuBackend[]]> {
  const chosen = await WebGpuBackend.create();
  const flavors: readonly Flavor[] = chosen.info.features.includes("subgroups")
    ? ["register", "workgroup", "subgroup"]
    : ["register", "workgroup"];
  const others = flavors.filter((flavor) => flavor !== chosen.flavor);
  return [chosen, ...await Promise.all(others.map((flavor) => WebGpuBackend.create({ flavor })))];
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
