/**
 * What became of batches of commands. A device refuses a batch as a whole and says so later; what such a batch should
 * have written must not be taken for values, nor what later ones made of that.
 *
 * @module
 */

/** Batches on which the values of a buffer depend: some between the oldest and the one that wrote them. */
export interface Origin {
  readonly from: number;
  readonly to: number;
}

/** How batches ended, by their numbers. */
export class Batches {
  /** Every batch up to this one has ended. */
  #settled = -1;
  readonly #failures = new Map<number, Error>();

  /** Notes that a batch ended, and what made it fail; batches end in their order. */
  settle(batch: number, fault: Error | undefined): void {
    if (fault && !this.#failures.has(batch)) this.#failures.set(batch, fault);
    this.#settled = Math.max(this.#settled, batch);
  }

  /** The oldest batch of an origin that failed or may do so yet; Infinity if there is none. */
  oldestInDoubt(origin: Origin | undefined): number {
    if (!origin) return Infinity;
    const open = Math.max(origin.from, this.#settled + 1);
    return Math.min(open <= origin.to ? open : Infinity, ...this.#failuresOf(origin));
  }

  /** @throws {Error} The error of a batch of an origin that failed. */
  check(origin: Origin | undefined): void {
    for (const batch of origin ? this.#failuresOf(origin) : []) throw this.#failures.get(batch);
  }

  #failuresOf({ from, to }: Origin): number[] {
    return [...this.#failures.keys()].filter((batch) => batch >= from && batch <= to);
  }
}
