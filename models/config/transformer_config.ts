/**
 * Every option of a transformer, and the rules between them.
 *
 * @module
 */

import { ConfigError } from "../../errors.ts";
import { atMost, choice, type Fields, flag, integer, optional, orDefault, readFields, real, word } from "./fields.ts";
import { foreignOptions } from "./x_transformers/options.ts";
import { resolveVersion, rotatedFeatures, type TensorShapes } from "./x_transformers/versions.ts";

/** Which implementation's conventions a model follows where they differ. */
export type Reference = "zeta" | "x-transformers";

/**
 * The configuration of a stack of layers over embeddings. Files carry the same names in snake_case, with `attn_` where the
 * references have it.
 */
export interface AttentionStackConfig {
  /** Conventions for names, biases and rotary pairs: kyegomez/zeta or lucidrains/x-transformers. */
  readonly reference: Reference;
  /**
   * The version of x-transformers whose formulas hold where versions differ, such as "2.31.10"; absent for zeta. New models
   * have the newest; what a checkpoint needs is told by its tensors or by this.
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
  /** Features of a head that rotary positions turn; absent: half of them, and at least 32 before x-transformers 1.42.18. */
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

/** The configuration of a transformer over tokens: that of its layers, and what has to do with tokens. */
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

/** More blocks than any model has: what asks for them is a mistake or an attack. */
export const MAX_DEPTH = 10_000;

/** The fields of layers with x-transformers' defaults. */
const stackFields: Fields<AttentionStackConfig> = {
  reference: choice(["zeta", "x-transformers"], "x-transformers"),
  xTransformersVersion: optional(word()),
  dim: integer(),
  depth: atMost(MAX_DEPTH, integer()),
  heads: integer(8),
  dimHead: integer(64, 1, "attnDimHead"),
  crossAttend: flag(false),
  contextDim: optional(integer(undefined, 1, "attnContextDim", "crossAttnDimContext")),
  alibiPosBias: flag(false),
  alibiNumHeads: optional(integer(undefined, 0)),
  rotaryPosEmb: flag(false),
  rotaryXpos: flag(false),
  rotaryEmbDim: optional(integer()),
  rotaryEmbedValues: flag(false, "attnRotaryEmbedValues"),
  attnFlash: flag(true),
  attnKvHeads: optional(integer()),
  attnOneKvHead: flag(false),
  qkNorm: flag(true),
  attnQkNorm: flag(false),
  attnQkNormDimScale: flag(false),
  attnQkNormScale: real(10, 0),
  attnNumMemKv: integer(0, 0),
  attnHeadScale: flag(false),
  attnGateValues: flag(false),
  attnGateValueHeads: flag(false),
  attnSwigluValues: flag(false),
  ffMult: real(4, 0),
  ffGlu: flag(false),
  ffSwish: flag(false),
  ffReluSquared: flag(false),
  ffPostActLn: flag(false),
  ffNoBias: flag(false),
  useRmsnorm: flag(false),
  useSimpleRmsnorm: flag(false),
  useScalenorm: flag(false),
  normAddUnitOffset: optional(flag(true)),
  preNorm: flag(true),
  sandwichNorm: flag(false),
  deepnorm: flag(false),
  scaleResidual: flag(false),
  shiftTokens: integer(0, 0),
  attnDropout: real(0, 0, 1),
  ffDropout: real(0, 0, 1),
};

/** The fields with x-transformers' defaults. */
const transformerFields: Fields<TransformerConfig> = {
  ...stackFields,
  attnLayers: choice(["decoder", "encoder"], "decoder"),
  numTokens: integer(),
  maxSeqLen: integer(),
  embDim: optional(integer()),
  useAbsPosEmb: flag(true),
  l2normEmbed: flag(false),
  postEmbNorm: flag(false),
  tieEmbedding: flag(false),
  tieEmbeddingScale: optional(real()),
  numMemoryTokens: orDefault(integer(0, 0)),
  embDropout: real(0, 0, 1),
};

/**
 * Reads and checks a transformer's configuration.
 *
 * @param what the class, for messages
 * @param given in camelCase or snake_case
 * @param defaults of the class
 * @param tensors of the checkpoint that it belongs to
 * @throws {ConfigError} with the parameter, its value and the rule that it breaks
 */
export function readTransformerConfig(
  what: string,
  given: object,
  defaults: Partial<TransformerConfig> = {},
  tensors?: TensorShapes,
): TransformerConfig {
  const config = complete(
    what,
    readFields(what, transformerFields, given, { defaults, foreign: foreignOptions }),
    given,
    tensors,
  );
  checkTransformerConfig(config);
  return config;
}

/** Reads and checks the configuration of a stack by itself; see `readTransformerConfig`. */
export function readStackConfig(what: string, given: object, tensors?: TensorShapes): AttentionStackConfig {
  return complete(what, readFields(what, stackFields, given, { foreign: foreignOptions }), given, tensors);
}

/** Fills in what follows from other options and from a checkpoint. @throws {ConfigError} for a stack that can't work */
function complete<C extends AttentionStackConfig>(what: string, config: C, given: object, tensors?: TensorShapes): C {
  checkDepth(what, config.depth, tensors);
  const own = config.deepnorm && !("reference" in given) ? { ...config, reference: "zeta" as const } : config;
  const complete = resolveVersion(what, own, tensors);
  checkStackConfig(complete);
  return complete;
}

/** @throws {ConfigError} where a checkpoint can't hold as many blocks, before they are declared */
function checkDepth(what: string, depth: number, tensors: TensorShapes | undefined): void {
  if (!tensors || depth <= tensors.size) return;
  throw new ConfigError(`Cannot load ${what} with depth = ${depth}: its checkpoint has ${tensors.size} tensors in all`);
}

/** What holds for a checkpoint whose configuration does not say it: zeta rotates values. */
export function loadDefaults({ reference }: Readonly<Record<string, unknown>>): { rotaryEmbedValues: boolean } {
  return { rotaryEmbedValues: reference === "zeta" };
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

function checkTransformerConfig({ tieEmbedding, embDim, dim }: TransformerConfig): void {
  if (tieEmbedding && (embDim ?? dim) !== dim) {
    refuse(`tieEmbedding and embDim = ${embDim}`, `a tied embedding needs embDim = dim = ${dim}`);
  }
}

function checkStackConfig(config: AttentionStackConfig): void {
  const { dim, heads, dimHead, attnKvHeads, alibiNumHeads, shiftTokens } = config;
  const rules: readonly (readonly [broken: boolean, given: string, rule: string])[] = [
    [
      config.attnOneKvHead && attnKvHeads !== undefined && attnKvHeads !== 1,
      `attnKvHeads = ${attnKvHeads} and attnOneKvHead`,
      "give one of them",
    ],
    [heads % kvHeadsOf(config) !== 0, `heads = ${heads}`, `it must be divisible by attnKvHeads = ${attnKvHeads}`],
    [
      config.alibiPosBias && alibiHeadsOf(config) > heads,
      `alibiNumHeads = ${alibiNumHeads}`,
      `it must be <= heads = ${heads}`,
    ],
    [
      usesRotary(config) && (rotatedFeatures(config) > dimHead || rotatedFeatures(config) === 0),
      `dimHead = ${dimHead}`,
      `rotary positions turn ${rotatedFeatures(config)} features of each head: choose dimHead >= ${
        Math.max(2, rotatedFeatures(config))
      }, or turn rotaryXpos and rotaryPosEmb off`,
    ],
    [shiftTokens >= dim, `shiftTokens = ${shiftTokens}`, `it must be < dim = ${dim}`],
    [
      config.deepnorm && config.reference !== "zeta",
      `deepnorm and reference = ${config.reference}`,
      'only zeta has deepnorm: set reference to "zeta"',
    ],
    [config.deepnorm && config.sandwichNorm, "deepnorm and sandwichNorm", "give one of them"],
    [
      [config.useRmsnorm, config.useSimpleRmsnorm, config.useScalenorm].filter(Boolean).length > 1,
      "more than one of useRmsnorm, useSimpleRmsnorm, useScalenorm",
      "give one of them",
    ],
    [config.ffSwish && config.ffReluSquared, "ffSwish and ffReluSquared", "give one of them"],
    [
      config.reference === "zeta" && config.attnNumMemKv > 0 && (config.alibiPosBias || kvHeadsOf(config) !== heads),
      `attnNumMemKv = ${config.attnNumMemKv}`,
      "zeta's memory keys go with neither ALiBi nor fewer key heads than query heads",
    ],
    [Math.floor(dim * config.ffMult) < 1, `ffMult = ${config.ffMult}`, "the feed forward needs at least one feature"],
  ];
  for (const [broken, given, rule] of rules) {
    if (broken) refuse(given, rule);
  }
}

function refuse(given: string, rule: string): never {
  throw new ConfigError(`Cannot configure a transformer with ${given}: ${rule}`);
}
