/**
 * Rotary positions (arXiv 2104.09864) with xPos scaling (arXiv 2212.10554), as tables made in float64.
 *
 * xPos multiplies queries by s(t) = zeta^((t - center) / 512) and keys by 1 / s(t). The center cancels in q·k, so it
 * may be chosen freely where values are not rotated: here each block of 512 positions has its own, its middle, which
 * keeps every factor between 3.5^-0.5 and 3.5^0.5 however long the sequence; attention makes up for the distance
 * between blocks (`decay`). Where values carry the scale too (zeta), it does not cancel, and the center is the middle
 * of the sequence, as in the reference.
 *
 * @module
 */

import type { Backend } from "../../backend/backend.ts";
import type { Tensor } from "../../backend/memory.ts";
import { XPOS_BLOCK } from "../../backend/operations.ts";
import { type TransformerConfig, usesRotary } from "../config/transformer_config.ts";
import { rotaryWidth, rotatedFeatures } from "../config/x_transformers/versions.ts";
import type { Parameters } from "../network/parameters.ts";

/** Tables of one forward pass: [rows, n, R], cosines then sines, multiplied by the scale. */
export interface RotaryTables {
  readonly query: Tensor;
  readonly key: Tensor;
  /** Values are rotated by the key's table. */
  readonly rotatesValues: boolean;
  /** Which features make a pair. */
  readonly pairs: "adjacent" | "halves";
  /** See `AttentionOptions.decay`. */
  readonly decay: Tensor | undefined;
}

/** Rotary positions of a model. */
export class Rotary {
  readonly #config: TransformerConfig;
  /** Rotated features of a head. */
  readonly #features: number;
  /** What frequencies are made for: the rotated features, or one less. */
  readonly #width: number;

  /** Declares the reference's buffers: `inv_freq` [R/2], and for xPos `scale` [R/2]. */
  constructor(parameters: Parameters, config: TransformerConfig) {
    this.#config = config;
    this.#features = rotatedFeatures(config);
    this.#width = rotaryWidth(config);
    const half = this.#features / 2;
    parameters.buffer("inv_freq", [half], () => Float32Array.from({ length: half }, (_, i) => this.#frequency(i)));
    if (config.rotaryXpos) {
      parameters.buffer("scale", [half], () => Float32Array.from({ length: half }, (_, i) => this.#zeta(i)));
    }
  }

  /** Whether a configuration has rotary positions. */
  static isUsedBy(config: TransformerConfig): boolean {
    return usesRotary(config);
  }

  /** Whether scales depend on the length of the whole sequence, so that nothing computed for a shorter one can be kept. */
  static dependsOnLength(config: TransformerConfig): boolean {
    return config.rotaryXpos && (config.rotaryEmbedValues || config.attnNumMemKv > 0);
  }

  /**
   * Tables for rows of positions.
   *
   * @param starts position of each row's first token; one row serves all
   * @param n tokens of a row
   */
  tables(backend: Backend, starts: readonly number[], n: number): RotaryTables {
    const { reference, rotaryXpos, rotaryEmbedValues, dimHead } = this.#config;
    const isCentered = Rotary.dependsOnLength(this.#config);
    const shape = [starts.length, n, this.#features];
    const common = {
      rotatesValues: rotaryEmbedValues,
      pairs: reference === "zeta" ? "halves" as const : "adjacent" as const,
    };
    if (!rotaryXpos) {
      const table = backend.tensor(this.#table(starts, n, () => 0), shape);
      return { ...common, query: table, key: table, decay: undefined };
    }
    const middle = Math.floor(n / 2);
    const blocksFromCenter = isCentered
      ? (t: number) => (t - middle) / XPOS_BLOCK
      : (t: number) => (t % XPOS_BLOCK) / XPOS_BLOCK - 0.5;
    const query = backend.tensor(this.#table(starts, n, blocksFromCenter), shape);
    const key = backend.tensor(this.#table(starts, n, (t) => -blocksFromCenter(t)), shape);
    const decay = isCentered ? undefined : backend.tensor(this.#decay(dimHead), [dimHead]);
    return { ...common, query, key, decay };
  }

  /** Rows of R/2 cosines and R/2 sines times zeta^exponent(t). */
  #table(starts: readonly number[], n: number, exponent: (t: number) => number): Float32Array {
    const half = this.#features / 2;
    const frequencies = Array.from({ length: half }, (_, i) => this.#frequency(i));
    const logZetas = Array.from({ length: half }, (_, i) => Math.log(this.#zeta(i)));
    const table = new Float32Array(starts.length * n * this.#features);
    let at = 0;
    for (const start of starts) {
      for (let t = start; t < start + n; t++) {
        const power = exponent(t);
        for (const [i, frequency] of frequencies.entries()) {
          const scale = power === 0 ? 1 : Math.exp(power * (logZetas[i] ?? 0));
          table[at + i] = Math.cos(t * frequency) * scale;
          table[at + half + i] = Math.sin(t * frequency) * scale;
        }
        at += this.#features;
      }
    }
    return table;
  }

  /** zeta of each feature of a head, 1 for those that pass through. */
  #decay(dimHead: number): Float32Array {
    const half = this.#features / 2;
    const isHalves = this.#config.reference === "zeta";
    return Float32Array.from({ length: dimHead }, (_, feature) => {
      if (feature >= this.#features) return 1;
      return this.#zeta(isHalves ? feature % half : feature >> 1);
    });
  }

  /** Angle per position of pair i: 10000^(-2i / R). */
  #frequency(i: number): number {
    return 10000 ** (-2 * i / this.#width);
  }

  /** xPos's base of pair i: (2i + 0.4 R) / (1.4 R). */
  #zeta(i: number): number {
    return (2 * i + 0.4 * this.#width) / (1.4 * this.#width);
  }
}
