/**
 * What generation needs of a model. A network of any kind can be continued that gives hidden states of tokens, and
 * logits of these: it may keep keys and values, a recurrent state, or nothing.
 *
 * @module
 */

import type { Backend } from "../../backend/backend.ts";
import type { CacheFormat, Tensor } from "../../backend/memory.ts";
import { isRecord } from "../../common/record.ts";

/**
 * A model whose texts can be continued. Every `GenerativeModel` is one.
 *
 * @category Generation
 */
export interface TextModel {
  /** The engine that holds the parameters. */
  readonly backend: Backend;
  /** The network. */
  readonly net: SequenceNetwork;
}

/**
 * A network over tokens, as generation drives it. All tensors are made in the current scope of `backend`.
 *
 * @typeParam Cache What it keeps of the tokens that it has seen.
 *
 * @category Generation
 */
export interface SequenceNetwork<Cache extends SequenceCache = SequenceCache> {
  /** Size of the vocabulary. */
  readonly numTokens: number;
  /** The most tokens that it can see at once; Infinity where there is no limit. */
  readonly maxSeqLen: number;
  /** Width of the context that it attends to; undefined for a network that attends to none. */
  readonly contextDim: number | undefined;
  /** Positions in front of every sequence that are no tokens, such as memory tokens. They count in a cache. */
  readonly prefixLength: number;
  /** Whether hidden states depend on earlier tokens only: no other network predicts the next token. */
  readonly isCausal: boolean;
  /**
   * Whether what was computed of earlier tokens stays valid when the sequence grows. Where it does not, every token is
   * computed by `hidden`, and neither `createCache` nor `step` is called.
   */
  readonly canCache: boolean;
  /** Why the oldest tokens can't be dropped from a cache; undefined where they can. */
  readonly slidingObstacle: string | undefined;

  /**
   * A cache without tokens; the caller disposes of it.
   *
   * @param rows Sequences.
   * @param capacity Tokens that a row can hold.
   * @param format How keys and values are kept.
   */
  createCache(backend: Backend, rows: number, capacity: number, format?: CacheFormat): Cache;
  /**
   * Runs on the tokens that follow what a cache holds.
   *
   * @param tokens Int32 [rows, n].
   * @param counts Tokens of each row, where rows are padded on the right; a row may have none.
   */
  step(
    backend: Backend,
    tokens: Tensor,
    cache: Cache,
    inputs: SequenceInputs,
    counts?: readonly number[],
  ): SequenceStep;
  /** Runs on whole sequences: tokens int32 [rows, n] to hidden states (rows, n, dim). */
  hidden(backend: Backend, tokens: Tensor, inputs: SequenceInputs): Tensor;
  /** Hidden states (..., dim) to logits (..., numTokens). */
  logits(backend: Backend, hidden: Tensor): Tensor;
}

/**
 * What a network is given beside tokens.
 *
 * @category Generation
 */
export interface SequenceInputs {
  /** What cross attention looks at: [rows, m, contextDim]. */
  readonly context?: Tensor | undefined;
  /** Positions of the context to keep: int32 [rows, m]. */
  readonly contextMask?: Tensor | undefined;
  /** Told what each part of the network gives, in order; the tensor is alive until the next part is told. */
  readonly watch?: ((part: string, x: Tensor) => void) | undefined;
}

/**
 * Result of a step over a cache.
 *
 * @category Generation
 */
export interface SequenceStep {
  /** Hidden states of the step's tokens: (rows, n, dim). */
  readonly hidden: Tensor;
  /** To be committed to the cache. */
  readonly step: CacheUpdate;
}

/**
 * What a step adds to a cache.
 *
 * @category Generation
 */
export interface CacheUpdate {
  /** Tensors that must outlive the scope of the step. */
  readonly kept: readonly Tensor[];
}

/**
 * What a network keeps of the tokens that it has seen. Lengths are in positions: a row's prefix and its tokens.
 *
 * @category Generation
 */
export interface SequenceCache {
  /** Positions that a row can hold; further ones overwrite the oldest. */
  readonly capacity: number;
  /** Positions that each row has seen. */
  readonly lengths: readonly number[];
  /** Whether no token has been seen. */
  readonly isEmpty: boolean;
  /** Whether a step of one token, made now, can be taken back by `rewind` even after more of such steps. */
  readonly canUndoSteps: boolean;
  /** Ends a step of the network: what it saw counts from now on. */
  commit(step: CacheUpdate): void;
  /** Whether `rewind` can go back to these lengths; it always can where they are the present ones. */
  canRewind(lengths: readonly number[]): boolean;
  /** Forgets the last positions of each row. */
  rewind(lengths: readonly number[]): void;
  /** A cache of its own with the same contents. */
  fork(backend: Backend): SequenceCache;
  /** Frees the memory. */
  dispose(): void;
}

/**
 * A cache whose rows may belong to texts that know nothing of each other, so that some of them can take a step.
 *
 * @category Generation
 */
export interface SharedCache extends SequenceCache {
  /** Whether rows can be taken apart; where they can't, neither `select` nor `copyRow` is called. */
  readonly isDivisible: boolean;
  /** Some of the rows as a cache over the same memory, which is not disposed of by itself. */
  select(rows: readonly number[]): SequenceCache;
  /** Gives row `to` the first `length` positions of row `from`, in place of what it held. */
  copyRow(backend: Backend, from: number, to: number, length: number): void;
}

/** Whether the rows of a cache can be taken apart. */
export function isDivisible(cache: SequenceCache | undefined): cache is SharedCache {
  return cache !== undefined && "isDivisible" in cache && cache.isDivisible === true;
}

/** Whether a value is a model that generation can use. */
export function isTextModel(value: unknown): value is TextModel {
  if (!isRecord(value) || !isRecord(value["net"])) return false;
  const { net } = value;
  return ["hidden", "logits", "step", "createCache"].every((name) => typeof net[name] === "function");
}
