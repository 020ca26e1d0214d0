/**
 * The norms of both references.
 *
 * @module
 */

import type { Backend } from "../../backend/backend.ts";
import type { Tensor } from "../../backend/memory.ts";
import type { Reference, TransformerConfig } from "../config/transformer_config.ts";
import type { Parameters } from "../network/parameters.ts";
import { constant } from "../network/random.ts";

/** Normalizes the last dimension. */
export interface Norm {
  /** x [..., dim] to the same shape. */
  forward(backend: Backend, x: Tensor): Tensor;
}

/** The norm that a configuration asks for in its blocks. */
export function blockNorm(parameters: Parameters, config: TransformerConfig): Norm {
  const { reference, dim } = config;
  const offset = reference === "x-transformers" && (config.normAddUnitOffset ?? true) ? 1 : 0;
  if (config.useSimpleRmsnorm) return { forward: (backend, x) => backend.l2Norm(x, { factor: Math.sqrt(dim) }) };
  if (config.useRmsnorm) return rmsNorm(parameters, dim, offset);
  if (config.useScalenorm) return scaleNorm(parameters, reference, dim, offset);
  return layerNorm(parameters, reference, dim, offset);
}

/**
 * Layer norm (arXiv 1607.06450): zeta's has `weight` and `bias`, x-transformers' only `gamma`.
 *
 * @param offset 1 where `gamma` is stored as gain - 1
 */
export function layerNorm(parameters: Parameters, reference: Reference, dim: number, offset: 0 | 1 = 0): Norm {
  const gain = parameters.values(reference === "zeta" ? "weight" : "gamma", [dim], constant(1 - offset));
  const bias = reference === "zeta" ? parameters.values("bias", [dim], constant(0)) : undefined;
  return {
    forward: (backend, x) => backend.layerNorm(x, { gain: gain.value, gainOffset: offset, bias: bias?.value }),
  };
}

/** RMS norm: x / ‖x‖ · √dim · (g + offset) (arXiv 1910.07467). */
function rmsNorm(parameters: Parameters, dim: number, offset: 0 | 1): Norm {
  const gain = parameters.values("g", [dim], constant(1 - offset));
  const factor = Math.sqrt(dim);
  return { forward: (backend, x) => backend.l2Norm(x, { gain: gain.value, gainOffset: offset, factor }) };
}

/** Scale norm (arXiv 1910.05895): x / ‖x‖ · g in zeta, x / ‖x‖ · √dim · (g + offset) in x-transformers; g is one number. */
function scaleNorm(parameters: Parameters, reference: Reference, dim: number, offset: 0 | 1): Norm {
  if (reference === "zeta") {
    const gain = parameters.values("g", [1], constant(dim ** -0.5));
    return { forward: (backend, x) => backend.l2Norm(x, { gain: gain.value, eps: 1e-5 }) };
  }
  const gain = parameters.values("g", [1], constant(1 - offset));
  const factor = Math.sqrt(dim);
  return { forward: (backend, x) => backend.l2Norm(x, { gain: gain.value, gainOffset: offset, factor }) };
}
