/**
 * Values to compute with: the same ones for the same seed.
 *
 * @module
 */

import { sizeOf } from "../../common/shape.ts";
import type { Values } from "./values.ts";

/** Values that an engine can take. */
export interface HostValues extends Values {
  readonly data: Float32Array | Int32Array;
}

/** A generator of random values (mulberry32). */
export class RandomValues {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0;
  }

  /** A number from 0 to 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number from `from` to `to`, both included. */
  integer(from: number, to: number): number {
    return from + Math.floor(this.next() * (to - from + 1));
  }

  /** Normally distributed values. */
  normal(shape: readonly number[], deviation = 1): HostValues & { data: Float32Array } {
    const next = () => deviation * Math.sqrt(-2 * Math.log(1 - this.next())) * Math.cos(2 * Math.PI * this.next());
    return { shape, data: Float32Array.from({ length: sizeOf(shape) }, next) };
  }

  /** Whole numbers from `from` to `to`, both included. */
  integers(shape: readonly number[], from: number, to: number): HostValues & { data: Int32Array } {
    return { shape, data: Int32Array.from({ length: sizeOf(shape) }, () => this.integer(from, to)) };
  }
}
