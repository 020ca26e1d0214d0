/**
 * What operations and models both speak of: activations, hidden values and the numbers that stand for nothing.
 *
 * @module
 */

/**
 * Every activation.
 *
 * @category Backends
 */
export const ACTIVATIONS = ["gelu", "geluTanh", "silu", "relu", "reluSquared", "sigmoid"] as const;

/**
 * Elementwise functions that fuse into `linear` and `glu`. GELU is the exact one (erf), `geluTanh` its approximation
 * x/2 (1 + tanh(√(2/π) (x + 0.044715 x³))), `reluSquared` is relu(x)².
 *
 * @category Backends
 */
export type Activation = typeof ACTIVATIONS[number];

/**
 * The lowest f32: what hides a logit or a score. Finite, so that differences of two hidden ones are defined.
 *
 * @category Backends
 */
export const LOWEST: number = -3.4028234663852886e38;

/**
 * What stands in place of a token where none can be drawn.
 *
 * @category Backends
 */
export const NOTHING_DRAWN: number = -1;

/**
 * Positions a block of xPos scales covers: scales are stored relative to the center of their block.
 *
 * @category Backends
 */
export const XPOS_BLOCK = 512;
