/**
 * When the host's event loop has a turn, so that timers fire, requests are answered and pages are drawn while the
 * engine computes in the calling thread. One clock for all that an engine does.
 *
 * @module
 */

/** Milliseconds of work after which a turn is due. */
const TURN_MS = 40;

/** The turns of one engine. */
export class Turns {
  /** When the last turn ended, or the engine began to work again. */
  #began = 0;
  /** When the engine was last seen at work. */
  #seen = 0;

  /** Whether the engine has worked for so long that others are due. */
  get isDue(): boolean {
    const now = performance.now();
    // An engine that has rested kept nobody waiting.
    if (now - this.#seen > TURN_MS) this.#began = now;
    this.#seen = now;
    return now - this.#began >= TURN_MS;
  }

  /** Says that the engine was at work until now. */
  worked(): void {
    this.#seen = performance.now();
  }

  /** Lets the event loop go round; a timer does, where microtasks and immediates let nobody else read or write. */
  async take(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve));
    this.#seen = this.#began = performance.now();
  }
}
