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
export const LONGEST_TURN = 120_000;
/** Milliseconds between looks at the turn. */
const WATCH = 10_000;

/** Limits of waiting. */
export interface QueueLimits {
  /** The most texts that wait. */
  readonly maxQueue: number;
  /** Milliseconds that one may wait. */
  readonly maxWait: number;
}

/** Says why a text is not written: none had a place, it has waited for too long, or its turn was lost. */
export class QueueError extends Error {
  override readonly name = "QueueError";
  readonly reason: "full" | "late" | "lost";

  constructor(message: string, reason: QueueError["reason"]) {
    super(message);
    this.reason = reason;
  }
}

/** Brings texts to a runner, in their order. */
export class TextQueue {
  readonly #runner: Runner;
  readonly #limits: QueueLimits;
  readonly #waiting: TextJob[] = [];
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
   * @throws {QueueError} If not all of them have a place.
   */
  submit(requests: readonly TextRequest[]): TextJob[] {
    const { maxQueue } = this.#limits;
    const places = this.#runner.capacity - this.#runner.running + maxQueue - this.#waiting.length;
    if (requests.length > places) {
      throw new QueueError(
        `Cannot take ${requests.length} more texts: ${this.running} are being written and ${this.waiting} wait, ` +
          `of ${maxQueue} that may; try again later`,
        "full",
      );
    }
    const jobs = requests.map((request) => new TextJob(request));
    this.#waiting.push(...jobs);
    if (this.#run) this.#revive();
    else this.#start();
    return jobs;
  }

  /** Resolves when no text is left. */
  async idle(): Promise<void> {
    while (this.#run) await this.#run;
  }

  /**
   * What happens to a text, as it happens. Whoever follows it stops waiting when a signal is aborted, or when the text
   * has waited too long for its turn, and sees to it that turns go on. All of that belongs to the one who follows:
   * edge workers let no request touch the timers and signals of another.
   *
   * @throws What the text ended with.
   */
  async *follow(job: TextJob, signal: AbortSignal): AsyncGenerator<TextEvent> {
    const { maxWait } = this.#limits;
    const abort = () => job.end(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort);
    const watch = setInterval(() => this.#revive(), WATCH);
    const limit = setTimeout(() => {
      if (!this.#waiting.includes(job)) return;
      job.end(new QueueError(`Cannot begin the text within ${maxWait} ms: others are being written`, "late"));
    }, maxWait);
    try {
      yield* job.events();
    } finally {
      job.end();
      signal.removeEventListener("abort", abort);
      clearInterval(watch);
      clearTimeout(limit);
    }
  }

  /** Ends every text. */
  dispose(reason: unknown): void {
    for (const job of this.#waiting) job.end(reason);
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
      new QueueError("Cannot finish the text: the host has ended what was writing it; send it again", "lost"),
    );
    this.#start();
  }

  #start(): void {
    this.#turnBegan = performance.now();
    this.#run = this.#runAll();
  }

  /** Hands waiting texts to the runner as far as it has space, and forgets those that are over. */
  #takeOver(): void {
    for (const job of this.#waiting.splice(0)) {
      if (job.isOver) continue;
      if (this.#runner.running < this.#runner.capacity) this.#runner.admit(job);
      else this.#waiting.push(job);
    }
  }
}
