/**
 * Activations, gated units and the error function they need.
 *
 * @module
 */

import type { Activation } from "../../backend/operations.ts";
import { mapRows, type Result, size, type Values } from "./values.ts";

/** The error function: its Taylor series near zero, the continued fraction of erfc elsewhere. */
export function erf(x: number): number {
  if (x < 0) return -erf(-x);
  if (x > 6) return 1;
  if (x < 2.5) {
    let [term, total] = [x, x];
    for (let n = 1; Math.abs(term) > 1e-18; n++) {
      term *= -x * x / n;
      total += term / (2 * n + 1);
    }
    return 2 / Math.sqrt(Math.PI) * total;
  }
  let fraction = 0;
  for (let n = 60; n >= 1; n--) fraction = n / 2 / (x + fraction);
  return 1 - Math.exp(-x * x) / Math.sqrt(Math.PI) / (x + fraction);
}

/** One activation of one number. */
export function activation(name: Activation, x: number): number {
  switch (name) {
    case "gelu":
      return x / 2 * (1 + erf(x / Math.SQRT2));
    case "geluTanh":
      return x / 2 * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));
    case "silu":
      return x / (1 + Math.exp(-x));
    case "relu":
      return Math.max(0, x);
    case "reluSquared":
      return Math.max(0, x) ** 2;
    case "sigmoid":
      return 1 / (1 + Math.exp(-x));
  }
}

/** `Backend.activate`. */
export function activate(x: Values, name: Activation): Result {
  return mapRows(x, (row) => row.map((value) => activation(name, value)));
}

/** `Backend.glu`: first half · activation(second half). */
export function glu(x: Values, name: Activation): Result {
  const half = size(x, -1) / 2;
  return mapRows(x, (row) => row.slice(0, half).map((value, i) => value * activation(name, row[half + i] ?? 0)), half);
}
