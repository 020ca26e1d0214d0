/**
 * Ctrl-C, and the system's request to end.
 *
 * @module
 */

import process from "node:process";

/** The signals that end a command, and the exit codes that shells expect then: 128 and the signal's number. */
const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const;

type SignalName = keyof typeof EXIT_CODES;

const SIGNALS: readonly SignalName[] = ["SIGINT", "SIGTERM"];

/** Listens for the first signal; a second one ends the process as usual. */
export class Interruption {
  readonly #controller = new AbortController();
  #code = 0;
  readonly #onSignal = (name: NodeJS.Signals): void => {
    this.stop();
    this.#code = name === "SIGTERM" ? EXIT_CODES.SIGTERM : EXIT_CODES.SIGINT;
    this.#controller.abort();
  };

  /** Starts to listen. */
  constructor() {
    for (const name of SIGNALS) process.on(name, this.#onSignal);
  }

  /** Aborted by the signal. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** The exit code of what was interrupted. */
  get code(): number {
    return this.#code;
  }

  /** Listens no more. */
  stop(): void {
    for (const name of SIGNALS) process.off(name, this.#onSignal);
  }
}
