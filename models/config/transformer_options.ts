/**
 * Every option of a transformer.
 *
 * @module
 */

/**
 * Which implementation's conventions a model follows where they differ.
 *
 * @category Models
 */
export type Reference = "zeta" | "x-transformers";

/**
 * The configuration of a stack of layers over embeddings. Files carry the same names in snake_case, with `attn_` where
 * the references have it.
 *
 * @category Models
 */
export interface AttentionStackConfig {
  /** Conventions for names, biases and rotary pairs: kyegomez/zeta or lucidrains/x-transformers. */
  readonly reference: Reference;
  /**
   * The version of x-transformers whose formulas hold where versions differ, such as "2.31.10"; absent for zeta. New
   * models have the newest; what a checkpoint needs is told by its tensors or by this.
   */
  readonly xTransformersVersion: string | undefined;
  /** Model width. */
  readonly dim: number;
  /** Number of blocks. */
  readonly depth: number;
  /** Query heads. */
  readonly heads: number;
  /** Width of one head. */
  readonly dimHead: number;
  /** Attend to a context between self attention and feed forward. */
  readonly crossAttend: boolean;
  /** Width of the context; `dim` where absent. */
  readonly contextDim: number | undefined;
  /** ALiBi (arXiv 2108.12409). */
  readonly alibiPosBias: boolean;
  /** Heads that carry ALiBi, the first ones; all where absent. */
  readonly alibiNumHeads: number | undefined;
  /** Rotary positions (arXiv 2104.09864). */
  readonly rotaryPosEmb: boolean;
  /** Rotary positions with xPos scaling (arXiv 2212.10554). */
  readonly rotaryXpos: boolean;
  /**
   * Features of a head that rotary positions turn; absent: half of them, and at least 32 before x-transformers 1.42.18.
   */
  readonly rotaryEmbDim: number | undefined;
  /** Rotate values too, as zeta does; no cache can be exact then. */
  readonly rotaryEmbedValues: boolean;
  /** Attention in O(n) memory; false keeps all scores, for debugging. The numbers are the same. */
  readonly attnFlash: boolean;
  /** Key/value heads; `heads` where absent. */
  readonly attnKvHeads: number | undefined;
  /** One key/value head (arXiv 1911.02150). */
  readonly attnOneKvHead: boolean;
  /** l2-normalized queries and keys; on when `attnQkNorm` is true as well (arXiv 2010.04245). */
  readonly qkNorm: boolean;
  /** See `qkNorm`. */
  readonly attnQkNorm: boolean;
  /** Learned scale per dimension after the QK norm. */
  readonly attnQkNormDimScale: boolean;
  /** Factor on the scores under QK norm. */
  readonly attnQkNormScale: number;
  /** Learned keys and values in front of the others (arXiv 1907.01470). */
  readonly attnNumMemKv: number;
  /** Learned factor for each head's output. */
  readonly attnHeadScale: boolean;
  /** Gate the output by a projection of the input. */
  readonly attnGateValues: boolean;
  /** Gate each head's output by a projection of the input. */
  readonly attnGateValueHeads: boolean;
  /** SiLU instead of sigmoid in `attnGateValues`. */
  readonly attnSwigluValues: boolean;
  /** Width of the feed forward, in `dim`s. */
  readonly ffMult: number;
  /** Gated linear unit in the feed forward. */
  readonly ffGlu: boolean;
  /** SiLU instead of GELU. */
  readonly ffSwish: boolean;
  /** relu(x)² instead of GELU (arXiv 2109.08668). */
  readonly ffReluSquared: boolean;
  /** Norm after the activation. */
  readonly ffPostActLn: boolean;
  /** No biases in the feed forward (a GLU's projection keeps its own, as in the references). */
  readonly ffNoBias: boolean;
  /** RMS norm (arXiv 1910.07467). */
  readonly useRmsnorm: boolean;
  /** RMS norm without parameters. */
  readonly useSimpleRmsnorm: boolean;
  /** Scale norm (arXiv 1910.05895). */
  readonly useScalenorm: boolean;
  /** Norms of blocks store gain - 1; absent: as the reference does. */
  readonly normAddUnitOffset: boolean | undefined;
  /** Norm before each branch, and a final one; false normalizes after the residual. */
  readonly preNorm: boolean;
  /** A second norm on each branch's output. */
  readonly sandwichNorm: boolean;
  /** Deepnorm (arXiv 2203.00555); zeta's. */
  readonly deepnorm: boolean;
  /** Learned scale of the residual stream. */
  readonly scaleResidual: boolean;
  /** Positions by which feature segments are shifted (token shift). */
  readonly shiftTokens: number;
  /** Dropout of attention probabilities while training. */
  readonly attnDropout: number;
  /** Dropout in the feed forward while training. */
  readonly ffDropout: number;
}

/**
 * The configuration of a transformer over tokens: that of its layers, and what has to do with tokens.
 *
 * @category Models
 */
export interface TransformerConfig extends AttentionStackConfig {
  /** Causal decoder or bidirectional encoder. */
  readonly attnLayers: "decoder" | "encoder";
  /** Vocabulary size. */
  readonly numTokens: number;
  /** Longest sequence. */
  readonly maxSeqLen: number;
  /** Width of the token embedding, projected to `dim`; `dim` where absent. */
  readonly embDim: number | undefined;
  /** Learned absolute positions; without effect when rotary positions are on, as in the references. */
  readonly useAbsPosEmb: boolean;
  /** l2-normalize token and position embeddings. */
  readonly l2normEmbed: boolean;
  /** Norm after the embedding. */
  readonly postEmbNorm: boolean;
  /** Use the token embedding for the logits too. */
  readonly tieEmbedding: boolean;
  /** Factor of tied logits; absent: dim^-0.5, and 1 before x-transformers 2.30.5. */
  readonly tieEmbeddingScale: number | undefined;
  /** Learned tokens in front of every sequence (arXiv 2006.11527). */
  readonly numMemoryTokens: number;
  /** Dropout of embeddings while training. */
  readonly embDropout: number;
}

/** Whether any rotary scheme is on. */
export function usesRotary(config: AttentionStackConfig): boolean {
  return config.rotaryPosEmb || config.rotaryXpos;
}

/** Whether learned absolute positions take part: rotary positions switch them off. */
export function usesAbsolutePositions(config: TransformerConfig): boolean {
  return config.useAbsPosEmb && !usesRotary(config);
}

/** Key/value heads. */
export function kvHeadsOf(config: AttentionStackConfig): number {
  return config.attnOneKvHead ? 1 : config.attnKvHeads ?? config.heads;
}

/** Heads that carry ALiBi. */
export function alibiHeadsOf(config: AttentionStackConfig): number {
  return config.alibiPosBias ? config.alibiNumHeads ?? config.heads : 0;
}
