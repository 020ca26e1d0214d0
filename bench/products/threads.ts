/**
 * The gain from a second thread: `linear` against the peak that two threads reach in the same run, and the cost of
 * sharing a record. The second core of a shared machine is not always there, so only shares of what both cores gave
 * count.
 *
 *     deno task bench threads [--rounds 25]
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { WasmBackend } from "../../assembly/backend.ts";
import { Kernel } from "../../assembly/generated/kernel.ts";
import { candidateOf } from "../../assembly/machine/builds.ts";
import { startMachine } from "../../assembly/machine/start.ts";
import { recordWord } from "../../assembly/records/work.ts";
import type { Backend } from "../../backend/backend.ts";
import { startLimits, type ThreadLimits } from "../engine/limits_threads.ts";
import { type Case, median, medianRatio, medianTime, timeInTurns, writeReport } from "../support/report.ts";

const SIZE = 2560;

/** `linear` of some rows by [2560, 2560], f32. */
interface LinearFigure {
  readonly rows: number;
  /** Median milliseconds. */
  readonly oneThread: number;
  readonly twoThreads: number;
  /** One thread's time by two threads' time in the same round. */
  readonly speedup: number;
  /** The same ratio of the loops that do nothing else: what the machine had to give. */
  readonly possibleSpeedup: number;
  /** Share of what two threads could do in the same round: arithmetic for many rows, reading for one. */
  readonly ofTwoThreads: number;
}

async function linear(
  backends: readonly Backend[],
  limits: readonly ThreadLimits[],
  rows: number,
  rounds: number,
): Promise<LinearFigure> {
  const kind = rows > 1 ? "multiplyAdd" : "read";
  // One row takes a fraction of a millisecond, which a message to the other thread would count in.
  const repeats = rows > 1 ? 1 : 20;
  const amount = (rows > 1 ? 2 * rows : 4) * SIZE * SIZE;
  const values = Float32Array.from({ length: rows * SIZE }, () => Math.random() - 0.5);
  const stripe = Float32Array.from({ length: 32 * SIZE }, () => Math.random() - 0.5);
  const cases: Case[] = backends.map((backend) => {
    const x = backend.tensor(values, [rows, SIZE]);
    const weight = backend.weight([SIZE, SIZE], "f32");
    for (let row = 0; row < SIZE; row += 32) backend.writeRows(weight, row, stripe);
    return {
      name: `linear ${backend.info.threads}`,
      run() {
        for (let i = 0; i < repeats; i++) {
          backend.scope(() => {
            backend.linear(x, weight);
            backend.flush();
          });
        }
      },
    };
  });
  const done = new Map<number, number>();
  const limitCases = limits.map((each): Case => ({
    name: `limit ${each.threads}`,
    run: async () => void done.set(each.threads, await each.run(kind, amount, repeats)),
  }));
  const timings = await timeInTurns([...cases, ...limitCases], rounds);
  const [doneAlone = NaN, doneTogether = NaN] = [done.get(1), done.get(2)];
  return {
    rows,
    oneThread: medianTime(timings, "linear 1") / repeats,
    twoThreads: medianTime(timings, "linear 2") / repeats,
    speedup: medianRatio(timings, "linear 1", "linear 2"),
    possibleSpeedup: medianRatio(timings, "limit 1", "limit 2") * doneTogether / doneAlone,
    ofTwoThreads: medianRatio(timings, "limit 2", "linear 2") * amount * repeats / doneTogether,
  };
}

/** Microseconds that a record costs by being shared, though there is nothing to do in it. */
async function sharing(threads: number): Promise<{ best: number; median: number }> {
  const machine = await startMachine(
    candidateOf("relaxed-simd-shared"),
    { count: threads, isRequired: true },
    {},
  );
  if (!machine) throw new Error("Cannot share memory");
  const records = 1000;
  const record = [recordWord(Kernel.zero, 1 << 20), 4, machine.base, 0];
  const list = Int32Array.from({ length: records * record.length }, (_, i) => record[i % record.length] ?? 0);
  const times: number[] = [];
  for (let run = 0; run < 300; run++) {
    const start = performance.now();
    machine.run(list, { shared: records * 2 ** 21, values: 0, blocks: 0 });
    times.push((performance.now() - start) * 1000 / records);
  }
  machine.dispose();
  return { best: Math.min(...times), median: median(times) };
}

function percent(share: number): string {
  return `${(100 * share).toFixed(0)} %`;
}

if (import.meta.main) {
  const args = parseArgs(Deno.args, { string: ["rounds"], default: { rounds: "25" } });
  const rounds = Number(args.rounds);
  const limits = [await startLimits(1), await startLimits(2)];
  const backends = [await WasmBackend.create({ threads: 1 }), await WasmBackend.create({ threads: 2 })];
  const linears: LinearFigure[] = [];
  for (const rows of [128, 1]) {
    const figure = await linear(backends, limits, rows, rounds);
    linears.push(figure);
    console.log(
      `linear ${rows} × ${SIZE} × ${SIZE}: ${figure.oneThread.toFixed(3)} ms on one thread, ${
        figure.twoThreads.toFixed(3)
      } ms on ` +
        `two, ${figure.speedup.toFixed(2)} times as fast (bare loops: ${figure.possibleSpeedup.toFixed(2)}), ` +
        `${percent(figure.ofTwoThreads)} of what two threads could do`,
    );
  }
  for (const each of limits) each.terminate();
  const cost = await sharing(2);
  console.log(`sharing a record: ${cost.best.toFixed(2)} µs at best, ${cost.median.toFixed(2)} µs in the median`);
  for (const backend of backends) backend.dispose();
  await writeReport("threads", { linear: linears, sharing: cost });
}
