/**
 * What one forward pass carries through the layers beside the hidden states.
 *
 * @module
 */

import type { Backend } from "../../backend/backend.ts";
import type { Tensor } from "../../backend/memory.ts";
import type { RotaryPlan } from "../network/architecture.ts";
import type { RotaryTables } from "./rotary.ts";

/** A step's view of the cache. */
export interface CacheStep {
  /** Position of each row's first token: int32 [b]. */
  readonly positions: Tensor;
  /** Tokens of each row, where rows differ: int32 [b]. */
  readonly lengths: Tensor | undefined;
  /** What it has made for the steps to come. */
  readonly kept: readonly Tensor[];
  /** Key and value caches of a self attention. */
  selfAttention(layer: number): { keys: Tensor; values: Tensor };
  /** Keys and values of a context, once they were made. */
  crossAttention(layer: number): { keys: Tensor; values: Tensor } | undefined;
  /** Keeps a context's keys and values for the steps to come. */
  keep(layer: number, made: { keys: Tensor; values: Tensor }): void;
  /**
   * Joins the last rows (b, shifts, dim) that a token shift saw with x (b, n, dim), and keeps them for the next step.
   */
  previousRows(layer: number, x: Tensor): Tensor;
}

/** Told what each part of a network gives, in order; the tensor is alive until the next part is told. */
export type Watch = (part: string, x: Tensor) => void;

/** What layers are given beside hidden states. */
export interface PassInputs {
  /** The engine that runs it, or the tape that watches. */
  readonly backend: Backend;
  /** Position of each row's first token; one serves all rows. Default 0. */
  readonly starts?: readonly number[] | undefined;
  /** Tokens to keep: int32 [b, n]. */
  readonly mask?: Tensor | undefined;
  /** Tokens that attention may look at, where they are fewer than `mask` keeps: int32 [b, n]. */
  readonly keyMask?: Tensor | undefined;
  /** What cross attention looks at: (b, m, contextDim). */
  readonly context?: Tensor | undefined;
  /** Positions of the context to keep: int32 [b, m]. */
  readonly contextMask?: Tensor | undefined;
  /** Where keys and values are kept, in cached steps. */
  readonly cache?: CacheStep | undefined;
  /** Told what each sublayer gives. */
  readonly watch?: Watch | undefined;
}

/** One forward pass: what it was given, and what layers with the same plan share. */
export interface Pass extends PassInputs {
  /** Rotary tables of its positions, by plan. */
  readonly rotary: ReadonlyMap<RotaryPlan, RotaryTables>;
  /** ALiBi slopes, by plan: [heads]. */
  readonly slopes: ReadonlyMap<readonly number[], Tensor>;
}
