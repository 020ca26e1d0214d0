/**
 * Linear layer and embedding.
 *
 * @module
 */

import type { Backend } from "../../backend/backend.ts";
import type { Tensor } from "../../backend/memory.ts";
import type { Activation } from "../../backend/operations.ts";
import type { Parameter, Parameters } from "../network/parameters.ts";
import { type Initializer, uniform } from "../network/random.ts";

/** How a linear layer differs from PyTorch's default. */
export interface LinearOptions {
  /** Whether it adds a bias. Default true. */
  readonly bias?: boolean;
  /** Draws the weight; default U(-1/√in, 1/√in). */
  readonly initialize?: Initializer | undefined;
  /** Draws the bias; default U(-1/√in, 1/√in). */
  readonly initializeBias?: Initializer | undefined;
}

/** y = x Wᵀ + b; parameters `weight` [out, in] and `bias` [out]. */
export class Linear {
  readonly weight: Parameter;
  readonly bias: Parameter | undefined;

  constructor(parameters: Parameters, inSize: number, outSize: number, options: LinearOptions = {}) {
    const fresh = uniform(1 / Math.sqrt(inSize));
    this.weight = parameters.matrix("weight", [outSize, inSize], options.initialize ?? fresh);
    if (options.bias ?? true) {
      this.bias = parameters.values("bias", [outSize], options.initializeBias ?? fresh);
    }
  }

  /** x [..., in] to [..., out], through an activation if one is given. */
  forward(backend: Backend, x: Tensor, activation?: Activation): Tensor {
    return backend.linear(x, this.weight.value, { bias: this.bias?.value, activation });
  }
}

/** A table looked up by id; parameter `weight` [count, dim]. */
export class Embedding {
  readonly weight: Parameter;

  /** @param isExact Whether the table stays in f32 whatever the model's format. */
  constructor(parameters: Parameters, count: number, dim: number, initialize: Initializer, isExact = false) {
    this.weight = parameters.matrix("weight", [count, dim], initialize, isExact);
  }

  /** ids int32 [...] to [..., dim]. */
  forward(backend: Backend, ids: Tensor): Tensor {
    return backend.embedding(ids, this.weight.value);
  }
}
