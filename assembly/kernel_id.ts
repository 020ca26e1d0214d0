/**
 * Numbers by which the command list names kernels and activations. TypeScript and AssemblyScript read this same file, so it
 * keeps to what both understand: plain enums.
 *
 * @module
 */

/** The kernels: `run` in `kernels/run.ts` dispatches on these. */
export enum Kernel {
  /** Copies bytes that follow in the record itself to an address. */
  inline = 0,
  /** Sets bytes to zero. */
  zero = 1,
  add = 2,
  activate = 3,
}

/** What an activation is called in a record. */
export enum ActivationId {
  none = 0,
  gelu = 1,
  silu = 2,
  relu = 3,
  reluSquared = 4,
  sigmoid = 5,
}
