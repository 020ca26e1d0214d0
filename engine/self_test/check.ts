/**
 * One check of the self-test: an operation on values of the host, and what it must give.
 *
 * @module
 */

import type { Backend } from "../../backend/backend.ts";
import type { CacheFormat, Tensor, WeightFormat } from "../../backend/memory.ts";
import type { HostValues } from "../reference/random_values.ts";
import type { Values } from "../reference/values.ts";

/** What must hold of an operation. */
export interface Check {
  /** The operation and what is special about it. */
  readonly name: string;
  /** The largest difference allowed, relative to the largest right value where that is above 1; 0: equal. */
  readonly tolerance: number;
  /** Records the operation over tensors that it makes on the bench. */
  run(bench: Bench): Tensor;
  /** The right values. */
  expected(): Values;
}

/** Makes what a check works with, and frees it afterwards. */
export class Bench {
  readonly #made: Tensor[] = [];

  constructor(readonly backend: Backend) {}

  /** A tensor of these values. */
  tensor({ data, shape }: HostValues): Tensor {
    return this.keep(this.backend.tensor(data, shape));
  }

  /** A tensor of these values, if there are any. */
  maybe(values: HostValues | undefined): Tensor | undefined {
    return values && this.tensor(values);
  }

  /** A weight [out, in] that holds these values. */
  weight({ data, shape: [rows = 0, width = 0] }: HostValues, format: WeightFormat): Tensor {
    const weight = this.keep(this.backend.weight([rows, width], format));
    this.backend.writeRows(weight, 0, Float32Array.from(data));
    return weight;
  }

  /** An empty cache. */
  cache(shape: readonly number[], format: CacheFormat): Tensor {
    return this.keep(this.backend.cache(shape, format));
  }

  /** Frees a tensor with all others. */
  keep(tensor: Tensor): Tensor {
    this.#made.push(tensor);
    return tensor;
  }

  /** Frees all that was made. */
  dispose(): void {
    for (const tensor of this.#made.splice(0)) tensor.dispose();
  }
}

/** Above this a number hides something and must be equal, not near. */
const HIDDEN = 1e38;

/** The largest difference from what is right, relative to the largest right value where that is above 1. */
export function deviationOf(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) return Infinity;
  let [magnitude, largest] = [1, 0];
  for (let i = 0; i < expected.length; i++) {
    const [value = NaN, right = NaN] = [actual[i], expected[i]];
    const isHidden = Math.abs(right) >= HIDDEN;
    if (!isHidden) magnitude = Math.max(magnitude, Math.abs(right));
    const difference = isHidden ? (value === Math.fround(right) ? 0 : Infinity) : Math.abs(value - right);
    if (!(difference <= largest)) largest = Number.isNaN(difference) ? Infinity : difference;
  }
  return largest / magnitude;
}
