/**
 * Numbers by which records name formats, activations and the like. TypeScript and AssemblyScript both read this file,
 * so it keeps to what both understand: plain enums.
 *
 * @module
 */

/** What a record calls a format of weights and caches. */
export enum FormatId {
  f32 = 0,
  f16 = 1,
  q8_0 = 2,
  q4_0 = 3,
}

/** What a record calls the features that rotary positions turn together. */
export enum PairsId {
  adjacent = 0,
  halves = 1,
}

/** What an activation is called in a record. */
export enum ActivationId {
  none = 0,
  gelu = 1,
  silu = 2,
  relu = 3,
  reluSquared = 4,
  sigmoid = 5,
  geluTanh = 6,
}
