/**
 * The seam of training: what was computed, and of what.
 *
 * @module
 */

import type { Tensor } from "./memory.ts";
import type { Operations } from "./operations/table.ts";

/**
 * An operation as it was recorded, with its arguments and options under their names.
 *
 * @category Backends
 */
export interface WatchedCommand {
  /** Which operation; `reshape` too, which gives the same values another shape. */
  readonly op: keyof Operations | "reshape";
  /** The result; `appendCache` and `copyCache` have none. */
  readonly out?: Tensor;
  /** An argument, an option or the result, by its name. */
  readonly [argument: string]: unknown;
}

/**
 * What a watched function gave, and the memory that is kept for its observer.
 *
 * @category Backends
 */
export interface Watched<T> {
  /** What the function returned; the tensors in it are the caller's, as after `scope`. */
  readonly result: T;
  /** Frees what was kept. A second call does nothing. */
  release(): void;
}

/**
 * What gradients, and measurements of single operations, are built on.
 *
 * @category Backends
 */
export interface Training {
  /**
   * Runs `fn` as `scope` does, and hands each operation that it records to `observer`, in order. Whatever `fn` makes
   * and frees, in scopes or by `dispose()`, stays in memory until `release()`, so that every tensor in every command
   * can be read and computed with until then. If `fn` or `observer` throws, nothing is kept. Only one function is
   * watched at a time.
   */
  watch<T>(fn: () => T, observer: (command: WatchedCommand) => void): Watched<T>;
}
