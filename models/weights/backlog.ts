/**
 * Keeps what gives values from running ahead of the engine that takes them.
 *
 * @module
 */

import type { Backend } from "../../backend/backend.ts";

/** Bytes that may wait for an engine. */
const MOST_WAITING = 1 << 24;

/**
 * Values on their way to an engine. One in a worker or on a GPU takes them later; a whole model would wait in memory
 * beside itself if it were read faster than they are converted.
 */
export class Backlog {
  readonly #backend: Backend;
  #bytes = 0;

  constructor(backend: Backend) {
    this.#backend = backend;
  }

  /** Counts bytes that were written, and waits until the engine has taken all where too many may be left. */
  async add(bytes: number): Promise<void> {
    this.#bytes += bytes;
    if (this.#bytes < MOST_WAITING) return;
    this.#bytes = 0;
    // What is read back comes after all that was written.
    const mark = this.#backend.tensor(Float32Array.of(0), [1]);
    try {
      await mark.data();
    } finally {
      mark.dispose();
    }
  }
}
