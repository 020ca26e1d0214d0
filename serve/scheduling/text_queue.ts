/**
 * The texts of all requests: those that are being continued, and those that wait for their turn.
 *
 * @module
 */

import { TextJob, type TextRequest } from "./text_job.ts";

/** What continues texts, some at a time. */
export interface Runner {
  /** Texts that it has. */
  readonly running: number;
  /** The most that it can have. */
  readonly capacity: number;
  /** Takes a text, of which it has fewer than its capacity. */
  admit(job: TextJob): void;
  /** Goes on with its texts by a step or two, and lets go of those that are over. */
  turn(): Promise<void>;
  /** Ends its texts with an error, and frees what it holds. */
  dispose(reason: unknown): void;
}

/** Limits of waiting. */
export interface QueueLimits {
  /** The most texts that wait. */
  readonly maxQueue: number;
  /** Milliseconds that one may wait. */
  readonly maxWait: number;
}

/** Refuses texts for which there is no place. */
export class QueueFullError extends Error {
  override readonly name = "QueueFullError";
}

/** Ends a text that has waited for too long. */
export class QueueTimeoutError extends Error {
  override readonly name = "QueueTimeoutError";
}

/** A text that waits, and the timer that ends its waiting. */
interface Waiting {
  readonly job: TextJob;
  readonly timer: ReturnType<typeof setTimeout>;
}

/** Brings texts to a runner, in their order. */
export class TextQueue {
  readonly #runner: Runner;
  readonly #limits: QueueLimits;
  readonly #waiting: Waiting[] = [];
  #isRunning = false;

  constructor(runner: Runner, limits: QueueLimits) {
    this.#runner = runner;
    this.#limits = limits;
  }

  /** Texts that wait. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Texts that are being continued. */
  get running(): number {
    return this.#runner.running;
  }

  /**
   * Takes the texts of one request.
   *
   * @throws {QueueFullError} If not all of them have a place.
   */
  submit(requests: readonly TextRequest[]): TextJob[] {
    const { maxQueue, maxWait } = this.#limits;
    const places = this.#runner.capacity - this.#runner.running + maxQueue - this.#waiting.length;
    if (requests.length > places) {
      throw new QueueFullError(
        `Cannot take ${requests.length} more texts: ${this.running} are being written and ${this.waiting} wait, ` +
          `of ${maxQueue} that may; try again later`,
      );
    }
    const jobs = requests.map((request) => new TextJob(request));
    for (const job of jobs) {
      const timer = setTimeout(() => {
        job.end(new QueueTimeoutError(`Cannot begin the text within ${maxWait} ms: others are being written`));
      }, maxWait);
      this.#waiting.push({ job, timer });
    }
    void this.#run();
    return jobs;
  }

  /** Ends every text. */
  dispose(reason: unknown): void {
    for (const { job } of this.#waiting) job.end(reason);
    this.#takeOver();
    this.#runner.dispose(reason);
  }

  /** Goes on until no text is left. */
  async #run(): Promise<void> {
    if (this.#isRunning) return;
    this.#isRunning = true;
    try {
      for (;;) {
        this.#takeOver();
        if (this.#runner.running === 0) return;
        await this.#runner.turn();
      }
    } finally {
      this.#isRunning = false;
    }
  }

  /** Hands waiting texts to the runner as far as it has space, and forgets those that are over. */
  #takeOver(): void {
    for (const waiting of this.#waiting.splice(0)) {
      const { job, timer } = waiting;
      const { signal } = job.request;
      if (signal.aborted) job.end(signal.reason);
      if (!job.isOver && this.#runner.running === this.#runner.capacity) {
        this.#waiting.push(waiting);
        continue;
      }
      clearTimeout(timer);
      if (!job.isOver) this.#runner.admit(job);
    }
  }
}
