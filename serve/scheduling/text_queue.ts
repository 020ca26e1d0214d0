/**
 * The texts of all requests: those that are being continued, and those that wait for their turn.
 *
 * @module
 */

import { type TextEvent, TextJob, type TextRequest } from "./text_job.ts";

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
  /** Ends its texts with an error, and lets go of them and of what was computed. */
  reset(reason: unknown): void;
  /** The same, for good; frees what it holds. */
  dispose(reason: unknown): void;
}

/**
 * Milliseconds after which a turn counts as lost. Edge workers end the request that happened to run it, some time after
 * its client has left, and never resume what it was waiting for.
 */
const LONGEST_TURN = 120_000;
/** Milliseconds between looks at the turn. */
const WATCH = 10_000;

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

/** Ends texts whose turn was lost. */
export class TurnLostError extends Error {
  override readonly name = "TurnLostError";
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
  /** What runs turns now, and resolves when no text is left. */
  #run: Promise<void> | undefined;
  #turnBegan = 0;

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
    if (this.#run) this.#revive();
    else this.#start();
    return jobs;
  }

  /** Resolves when no text is left. */
  async idle(): Promise<void> {
    while (this.#run) await this.#run;
  }

  /**
   * What happens to a text, as it happens; meanwhile it sees to it that turns go on.
   *
   * @throws What the text ended with.
   */
  async *follow(job: TextJob): AsyncGenerator<TextEvent> {
    const watch = setInterval(() => this.#revive(), WATCH);
    try {
      yield* job.events();
    } finally {
      clearInterval(watch);
    }
  }

  /** Ends every text. */
  dispose(reason: unknown): void {
    for (const { job } of this.#waiting) job.end(reason);
    this.#takeOver();
    this.#runner.dispose(reason);
  }

  /** Goes on until no text is left, or until another run has taken over. */
  async #runAll(): Promise<void> {
    await Promise.resolve(); // Until `#run` is set.
    const own = this.#run;
    while (own === this.#run) {
      this.#takeOver();
      if (this.#runner.running === 0) break;
      this.#turnBegan = performance.now();
      await this.#runner.turn();
    }
    if (own === this.#run) this.#run = undefined;
  }

  /** Begins anew where a turn was lost: its texts end with an error, those that wait go on. */
  #revive(): void {
    if (!this.#run || performance.now() - this.#turnBegan < LONGEST_TURN) return;
    this.#runner.reset(
      new TurnLostError("Cannot finish the text: the host has ended what was writing it; send it again"),
    );
    this.#start();
  }

  #start(): void {
    this.#turnBegan = performance.now();
    this.#run = this.#runAll();
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
