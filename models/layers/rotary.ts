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
import type { RotaryPlan } from "../network/architecture.ts";
import type { Parameters } from "../network/parameters.ts";

/** Tables of one forward pass: [rows, n, R], cosines then sines, multiplied by the scale. */
export interface RotaryTables {
  readonly query: Tensor;
  readonly key: Tensor;
  /** See `AttentionOptions.decay`. */
  readonly decay: Tensor | undefined;
}

/** Declares what checkpoints may hold of rotary positions: `inv_freq` [R/2], and for xPos `scale` [R/2]. */
export function declareRotary(parameters: Parameters, { frequencies, xPos }: RotaryPlan): void {
  parameters.buffer("inv_freq", [frequencies.length], () => Float32Array.from(frequencies));
  if (xPos) parameters.buffer("scale", [xPos.bases.length], () => Float32Array.from(xPos.bases));
}

/**
 * Tables for rows of positions.
 *
 * @param dimHead Width of a head.
 * @param starts Position of each row's first token; one row serves all.
 * @param n Tokens of a row.
 */
export function rotaryTables(
  backend: Backend,
  plan: RotaryPlan,
  dimHead: number,
  starts: readonly number[],
  n: number,
): RotaryTables {
  const { frequencies, xPos } = plan;
  const shape = [starts.length, n, 2 * frequencies.length];
  if (!xPos) {
    const table = backend.tensor(rotations(plan, starts, n, () => 0), shape);
    return { query: table, key: table, decay: undefined };
  }
  const middle = Math.floor(n / 2);
  const isCentered = xPos.center === "sequence";
  const blocksFromCenter = isCentered
    ? (t: number) => (t - middle) / XPOS_BLOCK
    : (t: number) => (t % XPOS_BLOCK) / XPOS_BLOCK - 0.5;
  const query = backend.tensor(rotations(plan, starts, n, blocksFromCenter), shape);
  const key = backend.tensor(rotations(plan, starts, n, (t) => -blocksFromCenter(t)), shape);
  const decay = isCentered ? undefined : backend.tensor(decayOf(plan, dimHead), [dimHead]);
  return { query, key, decay };
}

/** Rows of R/2 cosines and R/2 sines times base^exponent(t). */
function rotations(
  { frequencies, xPos }: RotaryPlan,
  starts: readonly number[],
  n: number,
  exponent: (t: number) => number,
): Float32Array {
  const half = frequencies.length;
  const logBases = xPos?.bases.map(Math.log) ?? [];
  const table = new Float32Array(starts.length * n * 2 * half);
  let at = 0;
  for (const start of starts) {
    for (let t = start; t < start + n; t++) {
      const power = exponent(t);
      for (const [i, frequency] of frequencies.entries()) {
        const scale = power === 0 ? 1 : Math.exp(power * (logBases[i] ?? 0));
        table[at + i] = Math.cos(t * frequency) * scale;
        table[at + half + i] = Math.sin(t * frequency) * scale;
      }
      at += 2 * half;
    }
  }
  return table;
}

/** xPos's base of each feature of a head, 1 for those that pass through. */
function decayOf({ frequencies: { length: half }, pairs, xPos }: RotaryPlan, dimHead: number): Float32Array {
  return Float32Array.from({ length: dimHead }, (_, feature) => {
    if (feature >= 2 * half) return 1;
    return xPos?.bases[pairs === "halves" ? feature % half : feature >> 1] ?? 1;
  });
}
