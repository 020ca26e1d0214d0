/**
 * Norms over features.
 *
 * @module
 */

import type { Backend } from "../../backend/backend.ts";
import type { Tensor } from "../../backend/memory.ts";
import type { NormPlan } from "../network/architecture.ts";
import type { Parameter, Parameters } from "../network/parameters.ts";
import { constant } from "../network/random.ts";

/** A norm; parameters `gain` and `bias`, as its plan has them. */
export class Norm {
  readonly #plan: NormPlan;
  readonly #width: number;
  readonly #gain: Parameter | undefined;
  readonly #bias: Parameter | undefined;

  /** @param width Features that are normalized together. */
  constructor(parameters: Parameters, plan: NormPlan, width: number) {
    this.#plan = plan;
    this.#width = width;
    const hasGain = plan.kind === "layer" || plan.gain !== "none";
    const gains = plan.kind === "layer" || plan.gain === "features" ? width : 1;
    const fresh = plan.kind === "length" ? width ** -0.5 : 1 - plan.gainOffset;
    if (hasGain) this.#gain = parameters.values("gain", [gains], constant(fresh));
    if (plan.kind === "layer" && plan.hasBias) this.#bias = parameters.values("bias", [width], constant(0));
  }

  /** x [..., width] to the same shape. */
  forward(backend: Backend, x: Tensor): Tensor {
    const { kind, eps, gainOffset } = this.#plan;
    const gain = this.#gain?.value;
    if (kind === "layer") return backend.layerNorm(x, { gain, gainOffset, bias: this.#bias?.value, eps });
    const isRms = kind === "rms";
    const factor = isRms ? Math.sqrt(this.#width) : 1;
    if (this.#plan.epsPlace === "floor") return backend.l2Norm(x, { gain, gainOffset, factor, eps });
    return backend.l2Norm(x, { gain, gainOffset, factor, squareEps: isRms ? this.#width * eps : eps });
  }
}

/** The norm of a plan, if there is one. */
export function norm(parameters: Parameters, plan: NormPlan | undefined, width: number): Norm | undefined {
  return plan && new Norm(parameters, plan, width);
}
