/**
 * Deepnorm (arXiv 2203.00555): post-norm with a residual constant and an initialization that go with the depth.
 *
 * @module
 */

import type { TransformerConfig } from "../config/transformer_config.ts";
import { type Initializer, normal } from "../network/random.ts";

/** Factor on the residual stream: (2 · depth)^¼ for a decoder. */
export function deepnormResidual(config: TransformerConfig): number {
  return config.deepnorm ? (2 * config.depth) ** 0.25 : 1;
}

/**
 * Xavier normal, with gain (8 · depth)^-¼ for values, outputs and feed forward, 1 for queries and keys.
 *
 * @param name the layer's
 * @returns undefined without deepnorm
 */
export function deepnormInitializer(
  config: TransformerConfig,
  name: string,
  inSize: number,
  outSize: number,
): Initializer | undefined {
  if (!config.deepnorm) return undefined;
  const gain = name === "to_q" || name === "to_k" ? 1 : (8 * config.depth) ** -0.25;
  return normal(gain * Math.sqrt(2 / (inSize + outSize)));
}
