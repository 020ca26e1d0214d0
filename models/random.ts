/**
 * Seeded random numbers on the host, for the values of fresh models.
 *
 * @module
 */

/** A stream of random numbers: the same seed and name give the same numbers everywhere. */
export class Random {
  readonly #state: Uint32Array;
  #spare: number | undefined;

  /**
   * @param seed any integer; its low 32 bits count
   * @param stream a name that keeps streams of one seed apart
   */
  constructor(seed: number, stream = "") {
    let hash = (0x811c9dc5 ^ seed) >>> 0; // FNV-1a
    for (let i = 0; i < stream.length; i++) hash = Math.imul(hash ^ stream.charCodeAt(i), 0x01000193) >>> 0;
    this.#state = Uint32Array.from([hash, seed, 0x9e3779b9, 1]);
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
    const state = this.#state;
    const [a = 0, b = 0, c = 0, counter = 0] = state;
    const result = (a + b + counter) >>> 0;
    state[0] = b ^ (b >>> 9);
    state[1] = c + (c << 3);
    state[2] = ((c << 21) | (c >>> 11)) + result;
    state[3] = counter + 1;
    return result;
  }
}

/** Draws the values of a fresh parameter into `values`; called again and again for one parameter until it is full. */
export type Initializer = (values: Float32Array, random: Random) => void;

/** All values the same. */
export function constant(value: number): Initializer {
  return (values) => void values.fill(value);
}

/** N(0, deviation²). */
export function normal(deviation: number): Initializer {
  return (values, random) => {
    for (let i = 0; i < values.length; i++) values[i] = deviation * random.normal();
  };
}

/** U(-bound, bound). */
export function uniform(bound: number): Initializer {
  return (values, random) => {
    for (let i = 0; i < values.length; i++) values[i] = bound * (2 * random.uniform() - 1);
  };
}
