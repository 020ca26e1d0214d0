/**
 * Long work in pieces: between them others have a turn, and an abort is noticed.
 *
 * @module
 */

/** Milliseconds of work after which the host's event loop has a turn: timers fire, pages are drawn, requests are answered. */
const TURN_MS = 50;

/** Turns of one call. */
export class Turns {
  readonly #signal: AbortSignal | undefined;
  #began: number = performance.now();

  /** @param signal of the call */
  constructor(signal: AbortSignal | undefined) {
    this.#signal = signal;
  }

  /**
   * Gives others a turn if this call has worked for long.
   *
   * @throws the signal's reason once it is aborted
   */
  async take(): Promise<void> {
    this.#signal?.throwIfAborted();
    if (performance.now() - this.#began < TURN_MS) return;
    await new Promise((resolve) => setTimeout(resolve));
    this.#began = performance.now();
    this.#signal?.throwIfAborted();
  }
}
