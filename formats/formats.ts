/**
 * The formats that there are, by name. An engine has kernels for some of those of weights and of caches, and says so.
 *
 * @module
 */

import { bf16 } from "./bf16.ts";
import { f16 } from "./f16.ts";
import { f32 } from "./f32.ts";
import { f8_e4m3, f8_e4m3fnuz, f8_e5m2, f8_e5m2fnuz, f8_e8m0 } from "./float8.ts";
import type { Format } from "./format.ts";
import { bool, f64, i16, i32, i64, i8, u16, u32, u64, u8 } from "./plain.ts";
import { q4_0 } from "./q4_0.ts";
import { q8_0 } from "./q8_0.ts";

/**
 * The names of the formats that a weight matrix may be held in.
 *
 * @category Weights
 */
export const WEIGHT_FORMATS = ["f32", "f16", "q8_0", "q4_0"] as const;

/**
 * The names of the formats that keys and values may be kept in.
 *
 * @category Weights
 */
export const CACHE_FORMATS = ["f32", "f16", "q8_0"] as const;

/**
 * The name of a format that values may be stored in, in files or in an engine.
 *
 * @category Weights
 */
export type FormatName =
  | typeof WEIGHT_FORMATS[number]
  | ("bf16" | "f64" | "i64" | "i32" | "i16" | "i8" | "u64" | "u32" | "u16" | "u8" | "bool")
  | ("f8_e4m3" | "f8_e5m2" | "f8_e8m0" | "f8_e4m3fnuz" | "f8_e5m2fnuz");

/** The formats by name. */
export const FORMATS: { readonly [name in FormatName]: Format<name> } = {
  ...{ f32, f16, q8_0, q4_0 },
  ...{ bf16, f64, i64, i32, i16, i8, u64, u32, u16, u8, bool },
  ...{ f8_e4m3, f8_e5m2, f8_e8m0, f8_e4m3fnuz, f8_e5m2fnuz },
};
