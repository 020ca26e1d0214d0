/**
 * What operations and models both speak of: activations, hidden values and the numbers that stand for nothing.
 *
 * @module
 */

/** Every activation. */
export const ACTIVATIONS = ["gelu", "geluTanh", "silu", "relu", "reluSquared", "sigmoid"] as const;

/** Elementwise functions that fuse into `linear` and `glu`. GELU is the exact one (erf), `geluTanh` its approximation by tanh,
 * `reluSquared` is relu(x)². */
export type Activation = typeof ACTIVATIONS[number];

/** The lowest f32: what hides a logit or a score. Finite, so that differences of two hidden ones are defined. */
export const LOWEST: number = -3.4028234663852886e38;

/** What stands in place of a token where none can be drawn. */
export const NOTHING_DRAWN: number = -1;

/** Positions a block of xPos scales covers: scales are stored relative to the center of their block. */
export const XPOS_BLOCK = 512;
