/**
 * Reads a configuration of zeta or x-transformers into an architecture.
 *
 * @module
 */

import {
  alibiHeadsOf,
  type AttentionStackConfig,
  kvHeadsOf,
  type Reference,
  type TransformerConfig,
  usesAbsolutePositions,
  usesRotary,
} from "../config/transformer_options.ts";
import {
  freshQkNormScale,
  hasGateBias,
  hasOutputProjection,
  qkNormOf,
  rotaryWidth,
  rotatedFeatures,
  tiedLogitsScale,
} from "../config/x_transformers/versions.ts";
import { alibiSlopes } from "../layers/alibi.ts";
import type {
  Architecture,
  AttentionPlan,
  FeedForwardPlan,
  LayersPlan,
  NormPlan,
  RotaryPlan,
  SublayerFrame,
  SublayerKind,
} from "../network/architecture.ts";
import type { Conventions } from "./conventions.ts";
import { xTransformers } from "./x_transformers.ts";
import { zeta } from "./zeta.ts";

/** The conventions of a reference. */
export function conventionsOf(reference: Reference): Conventions {
  return reference === "zeta" ? zeta : xTransformers;
}

/** The architecture of a transformer over tokens. */
export function transformerArchitecture(config: TransformerConfig): Architecture {
  const { numTokens, maxSeqLen, dim, embDim = dim, l2normEmbed, postEmbNorm, attnLayers } = config;
  const factor = l2normEmbed ? 1 : embDim ** -0.5;
  return {
    numTokens,
    maxSeqLen,
    embedding: {
      width: embDim,
      isNormalized: l2normEmbed,
      positions: usesAbsolutePositions(config) ? { factor, skipsPadding: false } : undefined,
      norm: postEmbNorm ? layerNormPlan(config.reference) : undefined,
      memoryTokens: config.numMemoryTokens,
    },
    layers: layersPlan(config, attnLayers === "decoder", blockOrder(config)),
    logits: {
      isTied: config.tieEmbedding,
      scale: tiedLogitsScale(config),
      hasBias: conventionsOf(config.reference).hasLogitsBias,
    },
  };
}

/** Sublayers of one block. */
export function blockOrder({ crossAttend }: AttentionStackConfig): SublayerKind[] {
  return crossAttend ? ["selfAttention", "crossAttention", "feedForward"] : ["selfAttention", "feedForward"];
}

/** The LayerNorm of a reference. */
export function layerNormPlan(reference: Reference, gainOffset: 0 | 1 = 0): NormPlan {
  return { kind: "layer", eps: 1e-5, gainOffset, hasBias: conventionsOf(reference).layerNorm.hasBias };
}

/**
 * The plan of layers.
 *
 * @param isCausal Whether a token sees none after it.
 * @param order Sublayers of one block.
 */
export function layersPlan(
  config: AttentionStackConfig,
  isCausal: boolean,
  order: readonly SublayerKind[],
): LayersPlan {
  const { dim, depth, sandwichNorm, shiftTokens, deepnorm, scaleResidual } = config;
  const norm = blockNorm(config);
  const isPreNorm = config.preNorm && !deepnorm;
  const frame: SublayerFrame = {
    preNorm: isPreNorm ? norm : undefined,
    branchNorm: sandwichNorm ? norm : undefined,
    postNorm: isPreNorm ? undefined : norm,
    // Deepnorm (arXiv 2203.00555) weighs the stream by (2 · depth)^¼.
    residual: { factor: deepnorm ? (2 * depth) ** 0.25 : 1, isLearned: scaleResidual || deepnorm },
    shifts: shiftTokens > 0 ? segmentShifts(shiftTokens, isCausal) : [],
  };
  const feedForward = feedForwardPlan(config);
  const shared = attentionPlan(config);
  const selfAttention = {
    ...shared,
    isCausal,
    rotary: usesRotary(config) ? rotaryPlan(config) : undefined,
    slopes: slopesOf(config),
  };
  const crossAttention = { ...shared, sourceDim: config.contextDim, isCausal: false };
  const sublayers = order.map((kind) => {
    if (kind === "feedForward") return { ...frame, kind, feedForward };
    return { ...frame, kind, attention: kind === "selfAttention" ? selfAttention : crossAttention };
  });
  return { dim, blocks: Array.from({ length: depth }, () => ({ sublayers })), norm: isPreNorm ? norm : undefined };
}

function blockNorm(
  { reference, useSimpleRmsnorm, useRmsnorm, useScalenorm, ...config }: AttentionStackConfig,
): NormPlan {
  const { scaleNorm, hasGainOffset } = conventionsOf(reference);
  const gainOffset = hasGainOffset && (config.normAddUnitOffset ?? true) ? 1 : 0;
  const rms = { kind: "rms", eps: 1e-12, epsPlace: "floor" } as const;
  if (useSimpleRmsnorm) return { ...rms, gain: "none", gainOffset: 0 };
  if (useRmsnorm) return { ...rms, gain: "features", gainOffset };
  if (useScalenorm) return { ...rms, ...scaleNorm, gain: "one", gainOffset };
  return layerNormPlan(reference, gainOffset);
}

/** What self attention and cross attention have in common. */
function attentionPlan(config: AttentionStackConfig): Omit<AttentionPlan, "isCausal"> {
  const { heads, dimHead, depth, deepnorm } = config;
  const { sharesQkGain, freshGateBias } = conventionsOf(config.reference);
  const qkNorm = config.qkNorm && config.attnQkNorm ? qkNormOf(config) : undefined;
  const gain = { isShared: sharesQkGain, isApplied: qkNorm?.isLearned ?? false, fresh: freshQkNormScale(config) };
  return {
    heads,
    kvHeads: kvHeadsOf(config),
    dimHead,
    scale: qkNorm?.scale ?? dimHead ** -0.5,
    qkNorm: qkNorm && { factor: qkNorm.factor, gain: config.attnQkNormDimScale ? gain : undefined },
    memoryKeys: config.attnNumMemKv,
    hasQkvBias: false,
    output: hasOutputProjection(config) ? { hasBias: false } : undefined,
    hasHeadScale: config.attnHeadScale,
    valueGate: config.attnGateValues
      ? { activation: config.attnSwigluValues ? "silu" : "sigmoid", hasBias: hasGateBias(config) }
      : undefined,
    hasHeadGate: config.attnGateValueHeads,
    freshGateBias,
    keepsScores: !config.attnFlash,
    xavierGain: deepnorm ? deepnormGain(depth) : undefined,
  };
}

function feedForwardPlan(config: AttentionStackConfig): FeedForwardPlan {
  const { reference, dim, depth, ffMult, ffGlu, ffNoBias, ffSwish, ffReluSquared, ffPostActLn, deepnorm } = config;
  return {
    inner: Math.floor(dim * ffMult),
    activation: ffSwish ? "silu" : ffReluSquared ? "reluSquared" : "gelu",
    isGated: ffGlu,
    hasInBias: ffGlu || !ffNoBias,
    hasOutBias: !ffNoBias,
    innerNorm: ffPostActLn ? layerNormPlan(reference) : undefined,
    xavierGain: deepnorm ? deepnormGain(depth) : undefined,
  };
}

/** Deepnorm's gain of fresh values (arXiv 2203.00555). */
function deepnormGain(depth: number): number {
  return (8 * depth) ** -0.25;
}

function rotaryPlan(config: AttentionStackConfig): RotaryPlan {
  const { rotaryXpos, rotaryEmbedValues, attnNumMemKv, reference } = config;
  const width = rotaryWidth(config);
  const pairs = Array.from({ length: rotatedFeatures(config) / 2 }, (_, i) => i);
  return {
    frequencies: pairs.map((i) => 10000 ** (-2 * i / width)),
    pairs: conventionsOf(reference).rotaryPairs,
    rotatesValues: rotaryEmbedValues,
    xPos: rotaryXpos
      ? {
        bases: pairs.map((i) => (2 * i + 0.4 * width) / (1.4 * width)),
        // Where values carry the scale, or keys do without it, the center does not cancel.
        center: rotaryEmbedValues || attnNumMemKv > 0 ? "sequence" : "block",
      }
      : undefined,
  };
}

/** ALiBi's slope of each head, 0 for heads without; undefined without ALiBi. */
function slopesOf(config: AttentionStackConfig): readonly number[] | undefined {
  const count = alibiHeadsOf(config);
  if (count === 0) return undefined;
  return [...alibiSlopes(count), ...Array.from({ length: config.heads - count }, () => 0)];
}

/** Positions by which segments of the features move: 0 .. t looking back only, -t .. t looking both ways. */
function segmentShifts(shiftTokens: number, isCausal: boolean): number[] {
  const first = isCausal ? 0 : -shiftTokens;
  return Array.from({ length: shiftTokens - first + 1 }, (_, i) => first + i);
}
