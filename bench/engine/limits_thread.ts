/**
 * The limits of two threads at the same time, because one core's share of a busy machine says little about two.
 *
 * @module
 */

import { type Limits, measureLimits } from "./limits.ts";

/** The work of the other thread: operations, or bytes to read. */
export interface LimitsTask {
  readonly kind: "multiplyAdd" | "read";
  readonly amount: number;
}

/** The part of it that was done. */
export interface LimitsReply {
  readonly done: number;
}

/** The loops of `limits.ts` on this thread and another one at once; the other one ends with `terminate`. */
export interface TwoThreads {
  readonly alone: Limits;
  /** Does about `amount` operations or bytes, half of it on each thread, and gives how much. */
  run(kind: LimitsTask["kind"], amount: number): Promise<number>;
  terminate(): void;
}

/** Starts the other thread. */
export async function measureTwoThreads(): Promise<TwoThreads> {
  const alone = await measureLimits("relaxed-simd");
  const worker = new Worker(new URL("limits_worker.ts", import.meta.url), { type: "module" });
  const next = () =>
    new Promise<LimitsReply>((resolve, reject) => {
      worker.onmessage = ({ data }) => resolve(data);
      worker.onerror = (event) => {
        event.preventDefault();
        reject(new Error(event.message));
      };
    });
  await next();
  return {
    alone,
    async run(kind, amount) {
      const reply = next();
      const task: LimitsTask = { kind, amount: amount / 2 };
      worker.postMessage(task);
      let done = 0;
      if (kind === "multiplyAdd") { while (done < task.amount) done += alone.multiplyAdd(); }
      else done = alone.read(task.amount);
      return done + (await reply).done;
    },
    terminate: () => worker.terminate(),
  };
}
