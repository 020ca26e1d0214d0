/**
 * Feed forward: two linear layers around an activation, or a gated one.
 *
 * @module
 */

import type { Tensor } from "../../backend/memory.ts";
import type { Activation } from "../../backend/operations.ts";
import type { TransformerConfig } from "../config/transformer_config.ts";
import type { Parameters } from "../network/parameters.ts";
import { constant } from "../network/random.ts";
import { deepnormInitializer } from "./deepnorm.ts";
import { Linear } from "./linear.ts";
import { layerNorm, type Norm } from "./norm.ts";
import type { Pass } from "./pass.ts";

/** Feed forward; parameters `ff.0.0` (`ff.0.proj` of a GLU), `ff.2`, or with a norm in between `ff.1` and `ff.3`. */
export class FeedForward {
  readonly #activation: Activation;
  readonly #isGated: boolean;
  readonly #in: Linear;
  readonly #norm: Norm | undefined;
  readonly #out: Linear;

  constructor(parameters: Parameters, config: TransformerConfig) {
    const { dim, ffMult, ffGlu, ffNoBias, ffPostActLn, reference } = config;
    const inner = Math.floor(dim * ffMult);
    const linear = (name: string, inSize: number, outSize: number, bias: boolean) =>
      new Linear(parameters.in(name), inSize, outSize, {
        bias,
        initialize: deepnormInitializer(config, name, inSize, outSize),
        initializeBias: config.deepnorm ? constant(0) : undefined,
      });
    this.#activation = config.ffSwish ? "silu" : config.ffReluSquared ? "reluSquared" : "gelu";
    this.#isGated = ffGlu;
    this.#in = ffGlu ? linear("ff.0.proj", dim, 2 * inner, true) : linear("ff.0.0", dim, inner, !ffNoBias);
    if (ffPostActLn) this.#norm = layerNorm(parameters.in("ff.1"), reference, inner);
    this.#out = linear(ffPostActLn ? "ff.3" : "ff.2", inner, dim, !ffNoBias);
  }

  /** x (b, n, dim) to the same shape. */
  forward({ backend }: Pass, x: Tensor): Tensor {
    const hidden = this.#isGated
      ? backend.glu(this.#in.forward(backend, x), this.#activation)
      : this.#in.forward(backend, x, this.#activation); // (b, n, inner)
    return this.#out.forward(backend, this.#norm?.forward(backend, hidden) ?? hidden);
  }
}
