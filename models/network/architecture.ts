/**
 * What a network computes, as data: each family's configuration is read into this, and layers know nothing else. It
 * holds numbers and choices that stand for formulas, never whose they are.
 *
 * A plan that several layers share is one object: what follows from it, such as rotary tables, is made once then.
 *
 * @module
 */

import type { Activation } from "../../backend/operations.ts";

/** A network over tokens: embeddings, layers, logits. */
export interface Architecture {
  /** Vocabulary size. */
  readonly numTokens: number;
  /** Longest sequence. */
  readonly maxSeqLen: number;
  readonly embedding: EmbeddingPlan;
  readonly layers: LayersPlan;
  readonly logits: LogitsPlan;
}

/** From token ids to what the first layer sees. */
export interface EmbeddingPlan {
  /** Width of the tables; projected to the layers' where that differs. */
  readonly width: number;
  /** Whether token and position embeddings are divided by their length. */
  readonly isNormalized?: boolean | undefined;
  /** Learned absolute positions. */
  readonly positions?: PositionsPlan | undefined;
  /** After the sum of tokens and positions. */
  readonly norm?: NormPlan | undefined;
  /** How many learned tokens stand in front of every sequence (arXiv 2006.11527). */
  readonly memoryTokens?: number | undefined;
}

/** Learned absolute positions, as many as the longest sequence has. */
export interface PositionsPlan {
  /** On the position embedding, before it is added. */
  readonly factor: number;
  /** Whether positions count tokens that the mask keeps, so that padding in front moves nothing. */
  readonly skipsPadding: boolean;
}

/** From hidden states to logits. */
export interface LogitsPlan {
  /** Whether the token embedding's table gives them. */
  readonly isTied: boolean;
  /** On the hidden states of tied logits; absent: 1. */
  readonly scale?: number | undefined;
  /** Of logits that are not tied. */
  readonly hasBias?: boolean | undefined;
}

/** Layers over hidden states. */
export interface LayersPlan {
  /** Width of the hidden states. */
  readonly dim: number;
  readonly blocks: readonly BlockPlan[];
  /** After the last block. */
  readonly norm?: NormPlan | undefined;
}

/** One block; its sublayers follow one another. */
export interface BlockPlan {
  readonly sublayers: readonly SublayerPlan[];
}

/** What a sublayer does. */
export type SublayerKind = "selfAttention" | "crossAttention" | "feedForward";

/** postNorm(branchNorm(branch(preNorm(x))) + x · residual); what is absent changes nothing. */
export type SublayerPlan =
  & SublayerFrame
  & ({
    readonly kind: "selfAttention" | "crossAttention";
    readonly attention: AttentionPlan;
  } | {
    readonly kind: "feedForward";
    readonly feedForward: FeedForwardPlan;
  });

/** What stands around every branch. */
export interface SublayerFrame {
  readonly preNorm?: NormPlan | undefined;
  readonly branchNorm?: NormPlan | undefined;
  readonly postNorm?: NormPlan | undefined;
  /** A factor, and whether a learned one for each feature multiplies it. */
  readonly residual?: { readonly factor: number; readonly isLearned: boolean } | undefined;
  /** Positions by which equal segments of the branch's input are shifted. */
  readonly shifts?: readonly number[] | undefined;
}

/** A norm over features. */
export type NormPlan = {
  /** (x - mean) / √(variance + eps) (arXiv 1607.06450). */
  readonly kind: "layer";
  readonly eps: number;
  /** Added to the stored gain: 1 where checkpoints store gain - 1. */
  readonly gainOffset: 0 | 1;
  readonly hasBias: boolean;
} | {
  /** Division by the root of the mean square (arXiv 1910.07467), or by the length (arXiv 1910.05895). */
  readonly kind: "rms" | "length";
  readonly eps: number;
  /** Whether eps is added to the mean square, under the root, or is the least length that is divided by. */
  readonly epsPlace: "root" | "floor";
  /** A learned gain for each feature, or one number, or none. */
  readonly gain: "features" | "one" | "none";
  readonly gainOffset: 0 | 1;
};

/**
 * Multi-head attention. Query head h reads key head h mod kvHeads; other orders are a matter of names
 * (`weights/naming.ts`).
 */
export interface AttentionPlan {
  readonly heads: number;
  readonly kvHeads: number;
  /** Width of a head. */
  readonly dimHead: number;
  /** Width of what keys and values are made of; absent: the layers' own. */
  readonly sourceDim?: number | undefined;
  /** Whether a token sees none after it. */
  readonly isCausal: boolean;
  /** Factor on q·k. */
  readonly scale: number;
  readonly rotary?: RotaryPlan | undefined;
  /** ALiBi's slope of each head (arXiv 2108.12409), 0 for heads without. */
  readonly slopes?: readonly number[] | undefined;
  readonly qkNorm?: QkNormPlan | undefined;
  /** Learned keys and values in front of the others (arXiv 1907.01470). */
  readonly memoryKeys?: number | undefined;
  readonly hasQkvBias: boolean;
  /** The projection behind attention; absent where one head is as wide as the model. */
  readonly output?: { readonly hasBias: boolean } | undefined;
  /** A learned factor for each head. */
  readonly hasHeadScale?: boolean | undefined;
  /** A factor for each feature that a projection of the input gives. */
  readonly valueGate?: { readonly activation: Activation; readonly hasBias: boolean } | undefined;
  /** A factor for each head, likewise, through a sigmoid. */
  readonly hasHeadGate?: boolean | undefined;
  /** What fresh biases of gates are; absent: 0. */
  readonly freshGateBias?: number | undefined;
  /** Whether all scores are held, for debugging. The numbers are the same. */
  readonly keepsScores?: boolean | undefined;
  /**
   * Gain of the Xavier normal that fresh values and outputs are drawn from, queries and keys with 1; absent: PyTorch's
   * default.
   */
  readonly xavierGain?: number | undefined;
}

/** Queries and keys divided by their length, head by head (arXiv 2010.04245). */
export interface QkNormPlan {
  /** On queries and on keys. */
  readonly factor: number;
  /** Learned gains, shared by all heads or for each head. */
  readonly gain?: {
    readonly isShared: boolean;
    /** Whether queries and keys are multiplied by them; memory keys always are. */
    readonly isApplied: boolean;
    /** Their fresh value. */
    readonly fresh: number;
  } | undefined;
}

/** Rotary positions (arXiv 2104.09864). */
export interface RotaryPlan {
  /** Angle per position of each pair of features; features of a head beyond the pairs pass through. */
  readonly frequencies: readonly number[];
  /** Pairs are adjacent features (2i, 2i + 1), or the two halves (i, i + R/2) of the rotated ones. */
  readonly pairs: "adjacent" | "halves";
  /** Whether values turn too. */
  readonly rotatesValues: boolean;
  readonly xPos?: XPosPlan | undefined;
}

/** xPos scaling (arXiv 2212.10554). */
export interface XPosPlan {
  /** The base of each pair's scale. */
  readonly bases: readonly number[];
  /**
   * What exponents are counted from: the middle of a token's block of positions, or of the whole sequence. In the
   * latter case nothing that was computed for a shorter sequence can be kept.
   */
  readonly center: "block" | "sequence";
}

/** Two linear layers around an activation, or a gated one. */
export interface FeedForwardPlan {
  /** Features between the layers. */
  readonly inner: number;
  readonly activation: Activation;
  /** Whether the first layer gives values and, behind them, their gates (arXiv 2002.05202). */
  readonly isGated: boolean;
  readonly hasInBias: boolean;
  readonly hasOutBias: boolean;
  /** After the activation. */
  readonly innerNorm?: NormPlan | undefined;
  /** See `AttentionPlan.xavierGain`; fresh biases are 0 with it. */
  readonly xavierGain?: number | undefined;
}

/** The attentions of layers, in order. */
export function attentionsOf({ blocks }: LayersPlan): AttentionPlan[] {
  return blocks.flatMap(({ sublayers }) => sublayers).flatMap((plan) =>
    plan.kind === "feedForward" ? [] : [plan.attention]
  );
}
