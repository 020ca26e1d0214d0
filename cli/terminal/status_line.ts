/**
 * A line that says how far something is whose end is not known.
 *
 * @module
 */

import process from "node:process";

/** A line on stderr that is written over; nothing is shown where stderr is no terminal. */
export class StatusLine {
  #isShown = false;

  /** Shows a text in place of the one before. */
  show(text: string): void {
    if (!process.stderr.isTTY) return;
    process.stderr.write(`\r\x1b[K${text}`);
    this.#isShown = true;
  }

  /** Takes the line away. */
  clear(): void {
    if (this.#isShown) process.stderr.write("\r\x1b[K");
    this.#isShown = false;
  }
}
