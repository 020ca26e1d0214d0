/**
 * Seeded random numbers on the host.
 *
 * @module
 */

/**
 * A stream of random numbers: the same seed and name give the same numbers everywhere.
 *
 * @example
 * ```ts
 * import { Random } from "../mod.ts";
 *
 * const [random, same] = [new Random(7, "noise"), new Random(7, "noise")];
 * console.log(random.normal() === same.normal()); // true
 * ```
 *
 * @category Models
 */
export class Random {
  #a: number;
  #b: number;
  #c = 0x9e3779b9;
  #counter = 1;
  #spare: number | undefined;

  /**
   * A generator at its beginning.
   *
   * @param seed Any integer; its low 32 bits count.
   * @param stream A name that keeps streams of one seed apart.
   */
  constructor(seed: number, stream = "") {
    let hash = (0x811c9dc5 ^ seed) >>> 0; // FNV-1a
    for (let i = 0; i < stream.length; i++) hash = Math.imul(hash ^ stream.charCodeAt(i), 0x01000193) >>> 0;
    this.#a = hash;
    this.#b = seed | 0;
    for (let i = 0; i < 16; i++) this.#next();
  }

  /** Uniform in [0, 1), 24 bits. */
  uniform(): number {
    return (this.#next() >>> 8) * 2 ** -24;
  }

  /** Standard normal (Box and Muller 1958). */
  normal(): number {
    if (this.#spare !== undefined) {
      const spare = this.#spare;
      this.#spare = undefined;
      return spare;
    }
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
    const angle = 2 * Math.PI * this.uniform();
    this.#spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  }

  /** One step of sfc32 (Doty-Humphrey, PractRand). */
  #next(): number {
    const result = (this.#a + this.#b + this.#counter) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + result) | 0;
    this.#counter = (this.#counter + 1) | 0;
    return result >>> 0;
  }
}
