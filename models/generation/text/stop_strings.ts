/**
 * Ends a text where one of several strings begins, although both come piece by piece.
 *
 * @module
 */

/**
 * Passes a text on up to the first stop string. What may be the beginning of one is held back until that is certain.
 */
export class StopStrings {
  readonly #stops: readonly string[];
  #held = "";
  #isFound = false;

  /** @param stops None empty. */
  constructor(stops: readonly string[]) {
    this.#stops = stops;
  }

  /** Whether one was found. Nothing is passed on after it. */
  get isFound(): boolean {
    return this.#isFound;
  }

  /** Takes the next piece, and gives what is certain to come before any stop string. */
  push(piece: string): string {
    if (this.#isFound) return "";
    const text = this.#held + piece;
    const places = this.#stops.map((stop) => text.indexOf(stop)).filter((place) => place >= 0);
    this.#isFound = places.length > 0;
    const end = this.#isFound ? Math.min(...places) : text.length - this.#openLength(text);
    this.#held = this.#isFound ? "" : text.slice(end);
    return text.slice(0, end);
  }

  /** Ends the text, and gives what was held back. */
  end(): string {
    const held = this.#held;
    this.#held = "";
    return held;
  }

  /** How much of the end of a text may be the beginning of a stop string. */
  #openLength(text: string): number {
    let longest = 0;
    for (const stop of this.#stops) {
      for (let length = Math.min(stop.length - 1, text.length); length > longest; length--) {
        if (text.endsWith(stop.slice(0, length))) longest = length;
      }
    }
    return longest;
  }
}
