/**
 * The limits of several threads at the same time, because one core's share of a busy machine says little about two.
 *
 * @module
 */

import { type Limits, measureLimits, MOST_READ } from "./limits.ts";

/** The work of one thread. */
export interface LimitsTask {
  readonly kind: "multiplyAdd" | "read";
  /** Operations, or bytes to read. */
  readonly amount: number;
  /** How many times. */
  readonly repeats: number;
}

/** The part of it that was done. */
export interface LimitsReply {
  readonly done: number;
}

/** The loops of `limits.ts` on as many threads. */
export interface ThreadLimits {
  readonly threads: number;
  /**
   * Does about `amount` operations or bytes `repeats` times, the same part of them on each thread, and gives how many
   * in all. A message starts each thread: beside some milliseconds of work it counts for nothing.
   */
  run(kind: LimitsTask["kind"], amount: number, repeats?: number): Promise<number>;
  /** Ends the other threads. */
  terminate(): void;
}

/** Starts the other threads. */
export async function startLimits(threads: number): Promise<ThreadLimits> {
  const most = Math.floor(MOST_READ / threads);
  const own = await measureLimits("relaxed-simd", most);
  const workers = Array.from(
    { length: threads - 1 },
    () => new Worker(new URL("limits_worker.ts", import.meta.url), { type: "module", name: String(most) }),
  );
  await Promise.all(workers.map(replyOf));
  return {
    threads,
    async run(kind, amount, repeats = 1) {
      const task: LimitsTask = { kind, amount: amount / threads, repeats };
      const replies = workers.map(replyOf);
      for (const worker of workers) worker.postMessage(task);
      const done = work(own, task);
      return (await Promise.all(replies)).reduce((sum, reply) => sum + reply.done, done);
    },
    terminate() {
      for (const worker of workers) worker.terminate();
    },
  };
}

/** Does a thread's work, and gives how much was done. */
export function work(limits: Limits, { kind, amount, repeats }: LimitsTask): number {
  let done = 0;
  if (kind === "multiplyAdd") { while (done < amount * repeats) done += limits.multiplyAdd(); }
  else for (let i = 0; i < repeats; i++) done += limits.read(amount);
  return done;
}

function replyOf(worker: Worker): Promise<LimitsReply> {
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = (event) => {
      event.preventDefault();
      reject(new Error(event.message));
    };
  });
}
