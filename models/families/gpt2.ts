/**
 * GPT-2 (Radford et al. 2019, "Language Models are Unsupervised Multitask Learners").
 *
 * @module
 */

import { ConfigError } from "../../errors.ts";
import { atMost, features, type Fields, flag, integer, optional, real } from "../config/fields.ts";
import { activation, ACTIVATION_NAMES, type ActivationName, readFamilyConfig } from "../config/hugging_face.ts";
import { MAX_DEPTH } from "../config/transformer_config.ts";
import type { Architecture, BlockPlan, NormPlan } from "../network/architecture.ts";
import { type NamingRules, type NamingTable, within } from "../weights/naming.ts";
import { type Family, FamilyModel } from "./family_model.ts";
import { layerNormNames } from "./transformer_names.ts";

/**
 * Configuration of GPT-2, with transformers' names in camelCase.
 *
 * @category Models
 */
export interface GPT2Config {
  /** Vocabulary size. */
  readonly vocabSize: number;
  /** Longest sequence. */
  readonly nPositions: number;
  /** Model width. */
  readonly nEmbd: number;
  /** Number of blocks. */
  readonly nLayer: number;
  /** Heads. */
  readonly nHead: number;
  /** Width of the feed forward; 4 · `nEmbd` where absent. */
  readonly nInner: number | undefined;
  /** The activation of the feed forward. */
  readonly activationFunction: ActivationName;
  /** Added to the variance in layer norms. */
  readonly layerNormEpsilon: number;
  /** Whether scores are divided by the root of a head's width. */
  readonly scaleAttnWeights: boolean;
  /** Whether scores of block i are divided by i + 1. */
  readonly scaleAttnByInverseLayerIdx: boolean;
  /** Whether logits use the token embedding. */
  readonly tieWordEmbeddings: boolean;
}

const fields: Fields<GPT2Config> = {
  vocabSize: integer(50257),
  nPositions: integer(1024),
  nEmbd: features(768),
  nLayer: atMost(MAX_DEPTH, integer(12)),
  nHead: features(12),
  nInner: optional(integer()),
  activationFunction: activation("gelu_new"),
  layerNormEpsilon: real(1e-5, 0),
  scaleAttnWeights: flag(true),
  scaleAttnByInverseLayerIdx: flag(false),
  tieWordEmbeddings: flag(true),
};

/** The family. */
const gpt2: Family<GPT2Config> = {
  modelType: "gpt2",
  className: "GPT2LMHeadModel",
  read(given, tensors) {
    const config = readFamilyConfig("GPT2", fields, given, { addCrossAttention: false });
    const { nEmbd, nHead } = config;
    if (nEmbd % nHead !== 0) {
      throw new ConfigError(`Cannot configure GPT2 with n_embd = ${nEmbd}: it must be divisible by n_head = ${nHead}`);
    }
    // A checkpoint without logits of its own is tied, whatever its configuration says.
    const isTied = config.tieWordEmbeddings || (tensors !== undefined && !tensors.has("lm_head.weight"));
    return { ...config, tieWordEmbeddings: isTied };
  },
  architecture(config): Architecture {
    const { nEmbd: dim } = config;
    return {
      numTokens: config.vocabSize,
      maxSeqLen: config.nPositions,
      embedding: { width: dim, positions: { factor: 1, skipsPadding: true } },
      layers: {
        dim,
        blocks: Array.from({ length: config.nLayer }, (_, i) => blockOf(config, i)),
        norm: normOf(config),
      },
      logits: { isTied: config.tieWordEmbeddings },
    };
  },
  names({ nLayer, tieWordEmbeddings }): NamingRules {
    const block: NamingTable = [
      ...layerNormNames("ln_1", "selfAttention.preNorm", "weight"),
      ["attn.c_attn.weight", { transposed: { join: qkv("weight") } }],
      ["attn.c_attn.bias", { join: qkv("bias") }],
      ...transposedLinearNames("attn.c_proj", "selfAttention.out"),
      ...layerNormNames("ln_2", "feedForward.preNorm", "weight"),
      ...transposedLinearNames("mlp.c_fc", "feedForward.in"),
      ...transposedLinearNames("mlp.c_proj", "feedForward.out"),
    ];
    return {
      blocks: nLayer,
      tensors: [
        ["transformer.wte.weight", "embedding.tokens.weight"],
        ["transformer.wpe.weight", "embedding.positions.weight"],
        ...within("transformer.h.{i}.", "blocks.{i}.", block),
        ...layerNormNames("transformer.ln_f", "norm", "weight"),
        ["lm_head.weight", "logits.weight"],
      ],
      aliases: [["", "transformer."]],
      ignored: ["attn.bias", "attn.masked_bias", ...(tieWordEmbeddings ? ["lm_head.weight"] : [])],
    };
  },
};

function normOf({ layerNormEpsilon: eps }: GPT2Config): NormPlan {
  return { kind: "layer", eps, gainOffset: 0, hasBias: true };
}

function blockOf(config: GPT2Config, i: number): BlockPlan {
  const { nEmbd, nHead: heads, nInner, scaleAttnWeights, scaleAttnByInverseLayerIdx } = config;
  const dimHead = nEmbd / heads;
  return {
    sublayers: [{
      kind: "selfAttention",
      preNorm: normOf(config),
      attention: {
        heads,
        kvHeads: heads,
        dimHead,
        isCausal: true,
        scale: (scaleAttnWeights ? dimHead ** -0.5 : 1) / (scaleAttnByInverseLayerIdx ? i + 1 : 1),
        hasQkvBias: true,
        output: { hasBias: true },
      },
    }, {
      kind: "feedForward",
      preNorm: normOf(config),
      feedForward: {
        inner: nInner ?? 4 * nEmbd,
        activation: ACTIVATION_NAMES[config.activationFunction],
        isGated: false,
        hasInBias: true,
        hasOutBias: true,
      },
    }],
  };
}

/** The projections that one tensor holds. */
function qkv(part: "weight" | "bias"): string[] {
  return ["q", "k", "v"].map((name) => `selfAttention.${name}.${part}`);
}

/** The names of a linear layer whose weight is stored [in, out]. */
function transposedLinearNames(name: string, path: string): NamingTable {
  return [[`${name}.weight`, { transposed: `${path}.weight` }], [`${name}.bias`, `${path}.bias`]];
}

/**
 * GPT-2, from a checkpoint in Hugging Face's form or with fresh values.
 *
 * @example
 * ```ts
 * import { GPT2 } from "../../mod.ts";
 *
 * const model = await GPT2.create({ vocabSize: 256, nPositions: 64, nEmbd: 32, nLayer: 2, nHead: 4 });
 * console.log(await Array.fromAsync(model.generate([1, 2, 3], { maxNewTokens: 5 })));
 * model.dispose();
 * ```
 *
 * @category Models
 */
export class GPT2 extends FamilyModel<GPT2Config> {
  /**
   * The family.
   * @internal
   */
  static readonly family: Family<GPT2Config> = gpt2;

  /**
   * A model without memory yet: use `GPT2.create` or `GPT2.load`.
   * @internal
   */
  constructor(config: GPT2Config, given: object) {
    super(gpt2, config, given);
  }
}
