/**
 * When the host's event loop has a turn, so that timers fire, requests are answered and pages are drawn while the
 * engine computes in the calling thread. One clock for all that an engine does.
 *
 * @module
 */

/** Milliseconds that the engine may work from one turn to the next. */
const TURN_MS = 50;

/** The turns of one engine. */
export class Turns {
  /** When the last turn ended, or the engine began to work again. */
  #began = 0;
  /** When the engine was last seen at work. */
  #seen = 0;

  /**
   * Whether the engine has worked for so long that others are due.
   *
   * @param expected milliseconds of what it would do next
   */
  isDue(expected: number): boolean {
    const now = performance.now();
    // An engine that has rested kept nobody waiting.
    if (now - this.#seen > TURN_MS) this.#began = now;
    this.#seen = now;
    const worked = now - this.#began;
    // What is long by itself has a turn before it, but not two.
    return worked >= TURN_MS || (worked > TURN_MS / 10 && worked + expected > TURN_MS);
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
