/**
 * Threads beside the first one: workers that wait in shared memory for work.
 *
 * @module
 */

import { nextMessage, type WorkerHandle } from "../../host/workers.ts";
import { Team } from "../records/team_layout.ts";
import { reportFailure } from "./failure.ts";
import type { HelperThreads } from "./local_machine.ts";
import type { HelpTask } from "./worker_messages.ts";
import { startWorker } from "./worker_script.ts";

/** Pieces of a record for each thread, so that the others take most of the pieces of a thread that is delayed. */
const PIECES = 4;

/** The kernels that helpers run, and where they meet. */
export interface SharedKernels {
  readonly compiled: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  /** Address of the team's block. */
  readonly team: number;
}

/** The helpers of a machine. They join one after another; until then the other threads do their work. */
export class Helpers implements HelperThreads {
  /**
   * Resolves when all have joined.
   *
   * @throws {BackendUnavailableError} If one can't start.
   */
  readonly joined: Promise<void>;
  readonly #kernels: SharedKernels;
  readonly #workers = new Set<WorkerHandle>();
  #count = 0;
  #isDisposed = false;

  /** Starts `count` helpers. */
  constructor(kernels: SharedKernels, count: number, workerUrl: string | URL | undefined) {
    this.#kernels = kernels;
    const words = new Int32Array(kernels.memory.buffer);
    words[(kernels.team + Team.command) >> 2] = 1;
    words[(kernels.team + Team.pieces) >> 2] = (1 + count) * PIECES;
    const starts = Array.from({ length: count }, (_, i) => this.#start(i + 1, workerUrl));
    this.joined = Promise.all(starts).then(() => {});
    // A machine that doesn't wait for its helpers runs with fewer.
    this.joined.catch(() => {});
  }

  /** Those that have joined. */
  get count(): number {
    return this.#count;
  }

  dispose(): void {
    this.#isDisposed = true;
    this.#count = 0;
    const words = new Int32Array(this.#kernels.memory.buffer);
    const command = (this.#kernels.team + Team.command) >> 2;
    Atomics.store(words, command, 0);
    Atomics.notify(words, command);
    for (const worker of this.#workers) worker.terminate();
    this.#workers.clear();
  }

  async #start(thread: number, workerUrl: string | URL | undefined): Promise<void> {
    const worker = await startWorker(workerUrl);
    if (this.#isDisposed) return worker.terminate();
    this.#workers.add(worker);
    await this.#join(worker, thread);
    worker.unref();
  }

  /** Lets a worker join; resolves when it says so. */
  async #join(worker: WorkerHandle, thread: number): Promise<void> {
    const { compiled, memory, team } = this.#kernels;
    const task: HelpTask = { task: "help", thread, compiled, memory };
    worker.post(task);
    await nextMessage(worker);
    if (!this.#isDisposed) this.#count += 1;
    worker.listen(() => {}, (reason) => {
      this.#workers.delete(worker);
      reportFailure(memory, team, `a helper ended: ${reason}`);
    });
  }
}
