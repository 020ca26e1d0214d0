/**
 * Where kyegomez/zeta and lucidrains/x-transformers do under the same options what differs from one to the other.
 *
 * @module
 */

/** What one of the two does. Formulas that depend on a version are in `config/x_transformers/versions.ts`. */
export interface Conventions {
  /** What a LayerNorm's gain is called, and whether it has a bias. */
  readonly layerNorm: { readonly gain: string; readonly hasBias: boolean };
  /** What scale norms divide by, and the least length. */
  readonly scaleNorm: { readonly kind: "rms" | "length"; readonly eps: number };
  /** Whether norms of blocks store gain - 1, unless `normAddUnitOffset` says otherwise. */
  readonly hasGainOffset: boolean;
  /** Which features rotary positions turn together. */
  readonly rotaryPairs: "adjacent" | "halves";
  /** Whether heads share the learned scales of the QK norm. */
  readonly sharesQkGain: boolean;
  /** What fresh biases of gates are. */
  readonly freshGateBias: number;
  /** Whether logits that are not tied have a bias. */
  readonly hasLogitsBias: boolean;
}
