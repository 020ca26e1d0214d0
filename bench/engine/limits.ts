/**
 * The limits of the machine from WebAssembly, measured in the same run as what is compared with it.
 *
 * @module
 */

import { compile } from "../../assembly/build.ts";

/** Loops that do nothing but arithmetic, or nothing but reading. */
export interface Limits {
  /** Multiplies and adds: gives the number of operations done. */
  multiplyAdd(): number;
  /** Reads about `bytes`, at most `most`: gives how many were read. */
  read(bytes: number): number;
}

/** Larger reads are cut to this: it is far beyond any cache. */
export const MOST_READ = 512 << 20;
const STEPS = 200_000;
const OPERATIONS_A_STEP = 96;

/**
 * Compiles the loops, with fused multiply-add or without.
 *
 * @param most Bytes that are read at most.
 */
export async function measureLimits(build: "simd" | "relaxed-simd", most = MOST_READ): Promise<Limits> {
  const memory = new WebAssembly.Memory({ initial: (most >> 16) + 1 });
  const wasm = new Uint8Array(await compile("bench/engine/kernels/limits.ts", build));
  const { instance } = await WebAssembly.instantiate(wasm, { env: { memory } });
  const { multiplyAdd, read } = instance.exports;
  if (typeof multiplyAdd !== "function" || typeof read !== "function") throw new Error("Cannot find the limits' loops");
  // Memory that was never written is one page of zeros to the host, which its cache holds.
  new Float64Array(memory.buffer).fill(1.5);
  return {
    multiplyAdd() {
      multiplyAdd(STEPS, 0.999999, 1e-6);
      return STEPS * OPERATIONS_A_STEP;
    },
    read(bytes) {
      const some = Math.min(bytes, most) & ~127;
      read(65536, some);
      return some;
    },
  };
}
