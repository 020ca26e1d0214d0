/**
 * A figure of the benchmark of attention.
 *
 * @module
 */

import type { CacheFormat } from "../../backend/memory.ts";

/** The figure of one shape. */
export interface Figure {
  readonly what: "prefill" | "decode";
  /** Tokens of the prompt, or keys in the cache. */
  readonly tokens: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly dim: number;
  /** How keys and values are kept; those of a prompt come as f32. */
  readonly format: CacheFormat;
  readonly milliseconds: number;
  readonly gflops: number;
  /** Share of the arithmetic peak. */
  readonly ofPeak: number;
  /** Bytes of keys and values that must be read. */
  readonly bytes: number;
  /** Gigabytes of them a second. */
  readonly gigabytes: number;
  /** Share of the speed of reading as many bytes. */
  readonly ofReading: number;
}
