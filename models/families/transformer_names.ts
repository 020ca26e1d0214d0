/**
 * What checkpoints of zeta and x-transformers call the parameters of their models.
 *
 * @module
 */

import type { AttentionStackConfig, TransformerConfig } from "../config/transformer_options.ts";
import type { SublayerKind } from "../network/architecture.ts";
import { type NamingRules, type NamingTable, within } from "../weights/naming.ts";
import { blockOrder, conventionsOf } from "./transformer_architecture.ts";

/** The names of a transformer over tokens: the references' `TransformerWrapper`'s. */
export function transformerNames(config: TransformerConfig): NamingRules {
  const { gain } = conventionsOf(config.reference).layerNorm;
  const layers = layersNames(config, blockOrder(config));
  return {
    ...layers,
    tensors: [
      ["memory_tokens", "embedding.memory"],
      ["token_emb.emb.weight", "embedding.tokens.weight"],
      ["pos_emb.emb.weight", "embedding.positions.weight"],
      ...layerNormNames("post_emb_norm", "embedding.norm", gain),
      ...linearNames("project_emb", "embedding.projection"),
      ...within("attn_layers.", "", layers.tensors),
      ...linearNames("to_logits", "logits"),
    ],
  };
}

/**
 * The names of layers by themselves: `layers.{i}.0.*` (norms), `layers.{i}.1` (the branch), `layers.{i}.2` (the
 * residual), where i counts sublayers.
 *
 * @param order Sublayers of one block.
 */
export function layersNames(config: AttentionStackConfig, order: readonly SublayerKind[]): NamingRules {
  const { depth, reference, useRmsnorm, useScalenorm, shiftTokens } = config;
  const layerNorm = conventionsOf(reference).layerNorm.gain;
  const gain = useRmsnorm || useScalenorm ? "g" : layerNorm;
  const sublayers = order.flatMap((kind, place): NamingTable => {
    const [layer, path] = [`layers.{${order.length}i+${place}}`, `blocks.{i}.${kind}`];
    const branch = shiftTokens > 0 ? `${layer}.1.fn` : `${layer}.1`;
    return [
      ...layerNormNames(`${layer}.0.0`, `${path}.preNorm`, gain),
      ...layerNormNames(`${layer}.0.1`, `${path}.branchNorm`, gain),
      ...layerNormNames(`${layer}.0.2`, `${path}.postNorm`, gain),
      ...(kind === "feedForward" ? feedForwardNames(branch, path, config, layerNorm) : attentionNames(branch, path)),
      [`${layer}.2.residual_scale`, `${path}.residualScale`],
    ];
  });
  return {
    blocks: depth,
    tensors: [
      ["rotary_pos_emb.inv_freq", "rotary.inv_freq"],
      ["rotary_pos_emb.scale", "rotary.scale"],
      ...sublayers,
      ...layerNormNames("final_norm", "norm", gain),
    ],
  };
}

/** The names of a LayerNorm, whose gain may be called in other ways. */
export function layerNormNames(name: string, path: string, gain: string): NamingTable {
  return [[`${name}.${gain}`, `${path}.gain`], [`${name}.bias`, `${path}.bias`]];
}

/** The names of a linear layer. */
export function linearNames(name: string, path: string): NamingTable {
  return [[`${name}.weight`, `${path}.weight`], [`${name}.bias`, `${path}.bias`]];
}

function attentionNames(name: string, path: string): NamingTable {
  return within(`${name}.`, `${path}.`, [
    ["qk_norm_q_scale", "qGain"],
    ["qk_norm_k_scale", "kGain"],
    ["mem_k", "memoryKeys"],
    ["mem_v", "memoryValues"],
    ["head_scale_params", "headScale"],
    ...linearNames("to_q", "q"),
    ...linearNames("to_k", "k"),
    ...linearNames("to_v", "v"),
    ...linearNames("to_v_gate", "valueGate"),
    ...linearNames("to_v_head_gate", "headGate"),
    ...linearNames("to_out", "out"),
  ]);
}

function feedForwardNames(
  name: string,
  path: string,
  { ffGlu, ffPostActLn }: AttentionStackConfig,
  gain: string,
): NamingTable {
  return [
    ...linearNames(ffGlu ? `${name}.ff.0.proj` : `${name}.ff.0.0`, `${path}.in`),
    ...layerNormNames(`${name}.ff.1`, `${path}.innerNorm`, gain),
    ...linearNames(ffPostActLn ? `${name}.ff.3` : `${name}.ff.2`, `${path}.out`),
  ];
}
