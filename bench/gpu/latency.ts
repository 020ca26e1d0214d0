/**
 * What an engine on a GPU costs besides arithmetic: starting, compiling, a dispatch, a value that comes back.
 *
 * @module
 */

import { WebGpuBackend } from "../../gpu/backend.ts";
import { median } from "../support/report.ts";
import { randomValues, settle, timeOperation } from "../support/timing.ts";

/** All in milliseconds. */
export interface Latency {
  /** From nothing to an engine. */
  readonly start: number;
  /** A first product, whose kernel is compiled for it. */
  readonly firstProduct: number;
  /** A small operation among many, recorded, submitted and run. */
  readonly dispatch: number;
  /** Recording alone of such an operation, on the processor. */
  readonly recording: number;
  /** An operation and its four bytes on the host, the device idle before. */
  readonly roundTrip: number;
  /** Megabytes that come back in a second, and that go there. */
  readonly download: number;
  readonly upload: number;
}

/** Values of the small operation; of those that go and come. */
const SMALL = 256;
const LARGE = 2 ** 24;

/** Measures it on an engine of its own. */
export async function measureLatency(rounds: number): Promise<Latency> {
  const started = performance.now();
  const backend = await WebGpuBackend.create();
  const start = performance.now() - started;
  const x = backend.tensor(randomValues(SMALL), [1, SMALL]);
  const weight = backend.weight([SMALL, SMALL], "f32");
  const before = performance.now();
  await backend.scope(() => backend.linear(x, weight)).data();
  const firstProduct = performance.now() - before;
  const dispatch = await timeOperation(backend, () => void backend.add(x, x), rounds);
  const recordings: number[] = [];
  const trips: number[] = [];
  for (let round = 0; round < 8 * rounds; round++) {
    const begun = performance.now();
    for (let i = 0; i < 512; i++) backend.scope(() => void backend.add(x, x));
    recordings.push((performance.now() - begun) / 512);
    await settle(backend);
    const asked = performance.now();
    const sum = backend.add(x, x);
    await sum.data();
    trips.push(performance.now() - asked);
    sum.dispose();
  }
  const rates = await measureTransfers(backend, rounds);
  backend.dispose();
  return { start, firstProduct, dispatch, recording: median(recordings), roundTrip: median(trips), ...rates };
}

async function measureTransfers(backend: WebGpuBackend, rounds: number): Promise<Pick<Latency, "download" | "upload">> {
  const values = new Float32Array(LARGE);
  const [downs, ups]: [number[], number[]] = [[], []];
  for (let round = 0; round < rounds; round++) {
    const begun = performance.now();
    const tensor = backend.tensor(values, [LARGE]);
    await settle(backend);
    const there = performance.now();
    await tensor.data();
    downs.push(4 * LARGE / 1000 / (performance.now() - there));
    ups.push(4 * LARGE / 1000 / (there - begun));
    tensor.dispose();
  }
  return { download: median(downs), upload: median(ups) };
}
