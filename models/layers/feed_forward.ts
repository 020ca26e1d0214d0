/**
 * Feed forward: two linear layers around an activation, or a gated one.
 *
 * @module
 */

import type { Tensor } from "../../backend/memory.ts";
import type { FeedForwardPlan } from "../network/architecture.ts";
import type { Parameters } from "../network/parameters.ts";
import { constant, xavier } from "../network/random.ts";
import { Linear } from "./linear.ts";
import { type Norm, norm } from "./norm.ts";
import type { Pass } from "./pass.ts";

/** Feed forward; parameters `in`, of a gated one values before gates, `innerNorm` and `out`. */
export class FeedForward {
  readonly #plan: FeedForwardPlan;
  readonly #in: Linear;
  readonly #norm: Norm | undefined;
  readonly #out: Linear;

  constructor(parameters: Parameters, plan: FeedForwardPlan, dim: number) {
    this.#plan = plan;
    const { inner, xavierGain } = plan;
    const linear = (name: string, inSize: number, outSize: number, bias: boolean) =>
      new Linear(parameters.in(name), inSize, outSize, {
        bias,
        initialize: xavier(xavierGain, inSize, outSize),
        initializeBias: xavierGain === undefined ? undefined : constant(0),
      });
    this.#in = linear("in", dim, plan.isGated ? 2 * inner : inner, plan.hasInBias);
    this.#norm = norm(parameters.in("innerNorm"), plan.innerNorm, inner);
    this.#out = linear("out", inner, dim, plan.hasOutBias);
  }

  /** x (b, n, dim) to the same shape. */
  forward({ backend }: Pass, x: Tensor): Tensor {
    const { isGated, activation } = this.#plan;
    const hidden = isGated
      ? backend.glu(this.#in.forward(backend, x), activation)
      : this.#in.forward(backend, x, activation); // (b, n, inner)
    return this.#out.forward(backend, this.#norm?.forward(backend, hidden) ?? hidden);
  }
}
