/**
 * Numbers that the engine and its kernels agree on. TypeScript and AssemblyScript read this same file, so it keeps to what both
 * understand.
 *
 * @module
 */

/** Output features in one panel of a weight; `kernels/panels.ts` describes the layout. */
export const PANEL = 32;

/** Scratch memory that each thread lends to the kernel that it runs. */
export const SCRATCH_BYTES = 1048576;
