/**
 * The four builds of the kernels and how this host gets the best one that it can run.
 *
 * @module
 */

/** What a build needs of its host. */
interface BuildTraits {
  /** Fused multiply-add and other relaxed SIMD instructions. */
  readonly relaxed: boolean;
  /** Memory shared between threads. */
  readonly shared: boolean;
}

/** The builds of the kernels. */
export type WasmBuild = "simd" | "relaxed-simd" | "simd-shared" | "relaxed-simd-shared";

/** What each build needs. */
export const BUILDS: { readonly [build in WasmBuild]: BuildTraits } = {
  "simd": { relaxed: false, shared: false },
  "relaxed-simd": { relaxed: true, shared: false },
  "simd-shared": { relaxed: false, shared: true },
  "relaxed-simd-shared": { relaxed: true, shared: true },
};
