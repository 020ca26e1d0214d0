/**
 * When the engine pauses for the host's event loop, so that timers fire, requests are answered and pages are drawn
 * while it computes in the calling thread. One clock for all that an engine does.
 *
 * @module
 */

import { eventLoopTurn } from "../../common/event_loop.ts";

/** Milliseconds that the engine may work from one pause to the next. */
const INTERVAL_MS = 30;

/** The pauses of one engine. */
export class EventLoopPauses {
  /** When the last pause ended, or the engine began to work again. */
  #began = 0;
  /** When the engine was last seen at work. */
  #seen = 0;
  /** Milliseconds of work that the host's clock did not count: Cloudflare's stands still while a program computes. */
  #uncounted = 0;

  /**
   * Whether the engine has worked for so long that a pause is due.
   *
   * @param expected Milliseconds of what it would do next.
   */
  isDue(expected: number): boolean {
    const now = this.#now();
    // An engine that has rested kept nobody waiting.
    if (now - this.#seen > INTERVAL_MS) this.#began = now;
    this.#seen = now;
    const worked = now - this.#began;
    // A long command has a pause before it, but not two.
    return worked >= INTERVAL_MS || (worked > INTERVAL_MS / 10 && worked + expected > INTERVAL_MS);
  }

  /**
   * Says that the engine was at work until now.
   *
   * @param uncounted Milliseconds of it that the host's clock did not count.
   */
  worked(uncounted = 0): void {
    this.#uncounted += uncounted;
    this.#seen = this.#now();
  }

  /** Leaves the event loop a turn. */
  async pause(): Promise<void> {
    await eventLoopTurn();
    this.#seen = this.#began = this.#now();
  }

  #now(): number {
    return performance.now() + this.#uncounted;
  }
}
