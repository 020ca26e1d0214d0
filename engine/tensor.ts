/**
 * Tensors as the engines hold them: a shape over storage that several tensors may share.
 *
 * @module
 */

import type { Backend } from "../backend/backend.ts";
import { MOST_SIZE, type Operand } from "../backend/description/rules.ts";
import type { DType, Tensor } from "../backend/memory.ts";
import { formatShape, sizeOf } from "../common/shape.ts";
import { DisposedError, ShapeError } from "../errors.ts";

/** How values lie in memory: row by row, in the engine's own layout for weights, or as a key/value cache. */
export type Layout = Operand["layout"];

/** Memory behind tensors; what else it holds is the engine's own. */
export interface Storage {
  /** Bytes that the engine took for it. */
  readonly bytes: number;
}

/** What a tensor needs of the engine that made it. */
export interface Owner<S extends Storage> extends Backend {
  /** Reads a tensor's values, row-major. */
  read(tensor: EngineTensor<S>): Promise<Float32Array | Int32Array>;
  /** Whether a tensor that is to be disposed is kept for whom watches. */
  defer(tensor: EngineTensor<S>): boolean;
  /** Takes back a tensor that was disposed. */
  forget(tensor: EngineTensor<S>): void;
}

/** A tensor of an engine whose memory is described by `S`. */
export class EngineTensor<S extends Storage> implements Tensor, Operand {
  readonly shape: readonly number[];
  /** Those that are freed with it. */
  #group: Set<EngineTensor<S>>;
  #storage: S | undefined;

  /** A view of `storage`; made by engines only. */
  constructor(
    readonly backend: Owner<S>,
    shape: readonly number[],
    readonly dtype: DType,
    readonly layout: Layout,
    storage: S,
    group: Set<EngineTensor<S>> = new Set(),
  ) {
    // A copy: kernels reach as far as it says, whatever becomes of the caller's.
    this.shape = [...shape];
    this.#storage = storage;
    this.#group = group;
    group.add(this);
  }

  /**
   * The memory.
   *
   * @throws {DisposedError} After `dispose()`.
   */
  get storage(): S {
    return this.#storage ?? this.#refuse();
  }

  /** Whether its memory may be another's by now. */
  get isDisposed(): boolean {
    return this.#storage === undefined;
  }

  /** @throws {DisposedError} After `dispose()`. */
  checkAlive(): void {
    if (this.#storage === undefined) this.#refuse();
  }

  data(): Promise<Float32Array | Int32Array> {
    return this.backend.read(this);
  }

  dispose(): void {
    if (this.#storage === undefined || this.backend.defer(this)) return;
    this.#group.delete(this);
    this.backend.forget(this);
    this.#storage = undefined;
  }

  /** Puts it among others that are freed together. */
  move(group: Set<EngineTensor<S>>): void {
    this.#group.delete(this);
    this.#group = group;
    group.add(this);
  }

  /** Number of values. */
  get size(): number {
    return sizeOf(this.shape);
  }

  /** Rows of the last dimension. */
  get rows(): number {
    const { shape } = this;
    let rows = 1;
    for (let i = 0; i < shape.length - 1; i++) rows *= shape[i] ?? 1;
    return rows;
  }

  /** Size of the last dimension; 1 for a scalar. */
  get width(): number {
    return this.shape.at(-1) ?? 1;
  }

  #refuse(): never {
    throw new DisposedError(
      `Cannot use a tensor of shape ${
        formatShape(this.shape)
      } after it was disposed: keep it alive by returning it from ` +
        `its scope, or dispose of it later`,
    );
  }
}

/** Values of a tensor at most, far beyond any memory: an engine that can't tell how much it has must not try. */
const MOST_VALUES = 2 ** 40;

/**
 * @throws {ShapeError} Unless these are whole numbers from 0 to `MOST_SIZE` whose product, zeros left out, is not
 * absurd.
 */
export function checkSizes(what: string, shape: readonly number[]): void {
  if (!Array.isArray(shape)) throw new ShapeError(`Cannot make ${what} of a shape that is no array of numbers`);
  let product = 1;
  for (const size of shape) {
    if (!Number.isInteger(size) || size < 0 || size > MOST_SIZE) {
      throw new ShapeError(
        `Cannot make ${what} of shape ${formatShape(shape)}: sizes must be whole numbers from 0 to ${MOST_SIZE}`,
      );
    }
    if (size > 0) product *= size;
  }
  if (product > MOST_VALUES) {
    throw new ShapeError(
      `Cannot make ${what} of shape ${formatShape(shape)}: it has more than 2^40 values; use smaller sizes`,
    );
  }
}
