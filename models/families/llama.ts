/**
 * Llama: Llama 1 to 3, TinyLlama, SmolLM, Vicuna, Yi and others (arXiv 2302.13971).
 *
 * @module
 */

import { ConfigError } from "../../errors.ts";
import { atMost, features, type Fields, flag, integer, optional, orDefault, real } from "../config/fields.ts";
import { activation, ACTIVATION_NAMES, type ActivationName, readFamilyConfig } from "../config/hugging_face.ts";
import { MAX_DEPTH } from "../config/transformer_config.ts";
import type { Architecture, NormPlan, SublayerPlan } from "../network/architecture.ts";
import { grouped, type NamingRules, type NamingTable, within } from "../weights/naming.ts";
import { type Family, FamilyModel } from "./family_model.ts";
import { linearNames } from "./transformer_names.ts";

/**
 * Configuration of Llama, with transformers' names in camelCase.
 *
 * @category Models
 */
export interface LlamaConfig {
  /** Vocabulary size. */
  readonly vocabSize: number;
  /** Longest sequence. */
  readonly maxPositionEmbeddings: number;
  /** Model width. */
  readonly hiddenSize: number;
  /** Width of the feed forward. */
  readonly intermediateSize: number;
  /** Number of blocks. */
  readonly numHiddenLayers: number;
  /** Query heads. */
  readonly numAttentionHeads: number;
  /** Key and value heads; `numAttentionHeads` where absent. */
  readonly numKeyValueHeads: number | undefined;
  /** Width of a head; `hiddenSize / numAttentionHeads` where absent. */
  readonly headDim: number | undefined;
  /** The activation of the gates. */
  readonly hiddenAct: ActivationName;
  /** Added to the mean square in RMS norms. */
  readonly rmsNormEps: number;
  /** Base of the rotary frequencies. */
  readonly ropeTheta: number;
  /** Biases of queries, keys, values and output. */
  readonly attentionBias: boolean;
  /** Biases of the feed forward. */
  readonly mlpBias: boolean;
  /** Whether logits use the token embedding. */
  readonly tieWordEmbeddings: boolean;
}

const fields: Fields<LlamaConfig> = {
  vocabSize: integer(32000),
  maxPositionEmbeddings: integer(2048),
  hiddenSize: features(4096),
  intermediateSize: integer(11008),
  numHiddenLayers: atMost(MAX_DEPTH, integer(32)),
  numAttentionHeads: features(32),
  numKeyValueHeads: optional(features()),
  headDim: optional(features()),
  hiddenAct: activation("silu"),
  rmsNormEps: real(1e-6, 0),
  ropeTheta: orDefault(real(10000, 0)),
  attentionBias: flag(false),
  mlpBias: flag(false),
  tieWordEmbeddings: flag(false),
};

/** The family. */
const llama: Family<LlamaConfig> = {
  modelType: "llama",
  className: "LlamaForCausalLM",
  read(given, tensors) {
    const config = readFamilyConfig("Llama", fields, given);
    const { heads, kvHeads, dimHead } = headsOf(config);
    if (heads % kvHeads !== 0 || dimHead % 2 !== 0) {
      throw new ConfigError(
        `Cannot configure Llama with ${heads} heads of ${dimHead} features and ${kvHeads} key heads: key heads must divide ` +
          "heads, and two features turn together",
      );
    }
    // A checkpoint without logits of its own is tied, whatever its configuration says.
    const isTied = config.tieWordEmbeddings || (tensors !== undefined && !tensors.has("lm_head.weight"));
    return { ...config, tieWordEmbeddings: isTied };
  },
  architecture(config): Architecture {
    const { hiddenSize: dim, attentionBias, mlpBias, ropeTheta } = config;
    const { dimHead } = headsOf(config);
    const norm: NormPlan = { kind: "rms", eps: config.rmsNormEps, epsPlace: "root", gain: "features", gainOffset: 0 };
    const sublayers: SublayerPlan[] = [{
      kind: "selfAttention",
      preNorm: norm,
      attention: {
        ...headsOf(config),
        isCausal: true,
        scale: dimHead ** -0.5,
        rotary: {
          frequencies: Array.from({ length: dimHead / 2 }, (_, i) => ropeTheta ** (-2 * i / dimHead)),
          pairs: "halves",
          rotatesValues: false,
        },
        hasQkvBias: attentionBias,
        output: { hasBias: attentionBias },
      },
    }, {
      kind: "feedForward",
      preNorm: norm,
      feedForward: {
        inner: config.intermediateSize,
        activation: ACTIVATION_NAMES[config.hiddenAct],
        isGated: true,
        hasInBias: mlpBias,
        hasOutBias: mlpBias,
      },
    }];
    return {
      numTokens: config.vocabSize,
      maxSeqLen: config.maxPositionEmbeddings,
      embedding: { width: dim },
      layers: { dim, blocks: Array.from({ length: config.numHiddenLayers }, () => ({ sublayers })), norm },
      logits: { isTied: config.tieWordEmbeddings },
    };
  },
  names(config): NamingRules {
    const heads = headsOf(config);
    const layer: NamingTable = [
      ["input_layernorm.weight", "selfAttention.preNorm.gain"],
      ["self_attn.q_proj.weight", grouped("rows", heads, "selfAttention.q.weight")],
      ["self_attn.q_proj.bias", grouped("rows", heads, "selfAttention.q.bias")],
      ...linearNames("self_attn.k_proj", "selfAttention.k"),
      ...linearNames("self_attn.v_proj", "selfAttention.v"),
      ["self_attn.o_proj.weight", grouped("columns", heads, "selfAttention.out.weight")],
      ["self_attn.o_proj.bias", "selfAttention.out.bias"],
      ["post_attention_layernorm.weight", "feedForward.preNorm.gain"],
      ["mlp.up_proj.weight", { part: 0, of: 2, path: "feedForward.in.weight" }],
      ["mlp.up_proj.bias", { part: 0, of: 2, path: "feedForward.in.bias" }],
      ["mlp.gate_proj.weight", { part: 1, of: 2, path: "feedForward.in.weight" }],
      ["mlp.gate_proj.bias", { part: 1, of: 2, path: "feedForward.in.bias" }],
      ...linearNames("mlp.down_proj", "feedForward.out"),
    ];
    return {
      blocks: config.numHiddenLayers,
      tensors: [
        ["model.embed_tokens.weight", "embedding.tokens.weight"],
        ...within("model.layers.{i}.", "blocks.{i}.", layer),
        ["model.norm.weight", "norm.gain"],
        ["lm_head.weight", "logits.weight"],
      ],
      aliases: [["", "model."]],
      ignored: ["rotary_emb.inv_freq", ...(config.tieWordEmbeddings ? ["lm_head.weight"] : [])],
    };
  },
};

/** Numbers of heads, and their width. */
function headsOf({ hiddenSize, numAttentionHeads: heads, numKeyValueHeads, headDim }: LlamaConfig) {
  return { heads, kvHeads: numKeyValueHeads ?? heads, dimHead: headDim ?? Math.floor(hiddenSize / heads) };
}

/**
 * A Llama, from a checkpoint in Hugging Face's form or with fresh values.
 *
 * @example
 * ```ts
 * import { Llama } from "../../mod.ts";
 *
 * const sizes = { vocabSize: 256, hiddenSize: 64, intermediateSize: 96, numHiddenLayers: 2 };
 * const model = await Llama.create({ ...sizes, numAttentionHeads: 4, numKeyValueHeads: 2 });
 * console.log(await Array.fromAsync(model.generate([1, 2, 3], { maxNewTokens: 5 })));
 * model.dispose();
 * ```
 *
 * @category Models
 */
export class Llama extends FamilyModel<LlamaConfig> {
  /**
   * The family.
   * @internal
   */
  static readonly family: Family<LlamaConfig> = llama;

  /**
   * A model without memory yet: use `Llama.create` or `Llama.load`.
   * @internal
   */
  constructor(config: LlamaConfig, given: object) {
    super(llama, config, given);
  }
}
