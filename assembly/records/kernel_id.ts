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
  linear = 4,
  embedding = 5,
  /** Converts row-major rows into a weight's layout. */
  writeRows = 6,
  /** Converts rows of a weight back. */
  readRows = 7,
  glu = 10,
  multiply = 11,
  layerNorm = 12,
  l2Norm = 13,
  rotary = 14,
  maskRows = 15,
  shiftTokens = 16,
  gatherRows = 17,
  /** Copies equally long runs of bytes: `concat`, `clone` and `slice`. */
  copyRows = 18,
  meanPool = 19,
  patches = 20,
  softmax = 21,
  logSoftmax = 22,
  crossEntropy = 23,
  /** Adds up the losses of `crossEntropy`. */
  sumValues = 24,
  repetitionPenalty = 25,
  filterLogits = 26,
  sample = 27,
  acceptDraft = 28,
  attention = 29,
  /** Adds up what `attention` made of chunks of the keys. */
  mergeChunks = 30,
  attentionScores = 31,
  attentionValues = 32,
  appendCache = 33,
  /** `attention` of a few query rows for each key head. */
  attentionFewRows = 34,
  /** Converts rows of a key or value cache to f32. */
  readCache = 35,
  /** Quantizes what a `linear` with a quantized weight multiplies with it. */
  quantizeInputs = 36,
}

/** What a record calls a format of weights and caches. */
export enum FormatId {
  f32 = 0,
  f16 = 1,
  q8_0 = 2,
  q4_0 = 3,
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
