/**
 * Reads a transformer's options, and holds them to the rules between them.
 *
 * @module
 */

import { ConfigError } from "../../errors.ts";
import {
  atMost,
  choice,
  features,
  type Fields,
  flag,
  integer,
  optional,
  orDefault,
  readFields,
  real,
  word,
} from "./fields.ts";
import {
  alibiHeadsOf,
  type AttentionStackConfig,
  kvHeadsOf,
  type TransformerConfig,
  usesRotary,
} from "./transformer_options.ts";
import { foreignOptions } from "./x_transformers/options.ts";
import { resolveVersion, rotatedFeatures, type TensorShapes } from "./x_transformers/versions.ts";

/** More blocks than any model has: what asks for them is a mistake or an attack. */
export const MAX_DEPTH = 10_000;

/** The fields of layers with x-transformers' defaults. */
const stackFields: Fields<AttentionStackConfig> = {
  reference: choice(["zeta", "x-transformers"], "x-transformers"),
  xTransformersVersion: optional(word()),
  dim: features(),
  depth: atMost(MAX_DEPTH, integer()),
  heads: features(8),
  dimHead: features(64, 1, "attnDimHead"),
  crossAttend: flag(false),
  contextDim: optional(integer(undefined, 1, "attnContextDim", "crossAttnDimContext")),
  alibiPosBias: flag(false),
  alibiNumHeads: optional(features(undefined, 0)),
  rotaryPosEmb: flag(false),
  rotaryXpos: flag(false),
  rotaryEmbDim: optional(features()),
  rotaryEmbedValues: flag(false, "attnRotaryEmbedValues"),
  attnFlash: flag(true),
  attnKvHeads: optional(features()),
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
  shiftTokens: features(0, 0),
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
 * @param what The class, for messages.
 * @param given In camelCase or snake_case.
 * @param defaults The class's own.
 * @param tensors The checkpoint's, if it belongs to one.
 * @throws {ConfigError} With the parameter, its value and the rule that it breaks.
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

/**
 * Fills in what follows from other options and from a checkpoint.
 *
 * @throws {ConfigError} For a stack that can't work.
 */
function complete<C extends AttentionStackConfig>(what: string, config: C, given: object, tensors?: TensorShapes): C {
  checkDepth(what, config.depth, tensors);
  const own = config.deepnorm && !("reference" in given) ? { ...config, reference: "zeta" as const } : config;
  const complete = resolveVersion(what, own, tensors);
  checkStackConfig(complete);
  return complete;
}

/** @throws {ConfigError} Where a checkpoint can't hold as many blocks, before they are declared. */
function checkDepth(what: string, depth: number, tensors: TensorShapes | undefined): void {
  if (!tensors || depth <= tensors.size) return;
  throw new ConfigError(`Cannot load ${what} with depth = ${depth}: its checkpoint has ${tensors.size} tensors in all`);
}

/** What holds for a checkpoint whose configuration does not say it: zeta rotates values. */
export function loadDefaults({ reference }: Readonly<Record<string, unknown>>): { rotaryEmbedValues: boolean } {
  return { rotaryEmbedValues: reference === "zeta" };
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
