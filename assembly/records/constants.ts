/**
 * Numbers that the engine and its kernels agree on. TypeScript and AssemblyScript read this same file, so it keeps to
 * what both understand.
 *
 * @module
 */

/** Output features in one panel of a weight; `kernels/weights/panels.ts` describes the layout. */
export const PANEL = 32;

/** The same of a quantized weight; `kernels/weights/quantized_panels.ts` describes the layout. */
export const QUANTIZED_PANEL = 16;

/** Values that share a scale in quantized weights, caches and inputs. */
export const BLOCK = 32;

/**
 * Up to this many rows, a quantized weight is used as it lies: unpacking it for all of them costs more than it brings.
 */
export const STREAMED_ROWS = 7;

/** Keys of a chunk, where attention cuts keys into chunks so that threads share them. */
export const CHUNK = 1024;

/** Scratch memory that each thread lends to the kernel that it runs. */
export const SCRATCH_BYTES = 1048576;

/** Bytes of a page, the unit in which memory grows. */
export const PAGE = 65536;
