/**
 * The options that x-transformers has, up to version 2.31, with its defaults: a configuration may name an option that
 * this runtime lacks, as long as its value asks for nothing.
 *
 * @module
 */

import { camelCase } from "../case.ts";

/** What an option that no field reads may say. */
export interface ForeignOption {
  /** Whether any value is accepted, because none changes what a trained model computes. */
  readonly isInert: boolean;
  /** The value that stands for its absence. */
  readonly fallback: unknown;
  /** What does the same here, where something does. */
  readonly instead?: string | undefined;
}

/** Options by their names in Python, with their defaults. */
type Defaults = Readonly<Record<string, unknown>>;

/** `TransformerWrapper` and `ViTransformerWrapper`. */
const wrapper: Defaults = {
  emb_dim: null,
  post_emb_norm: false,
  num_memory_tokens: null,
  tie_embedding: false,
  tie_embedding_scale: null,
  use_abs_pos_emb: true,
  scaled_sinu_pos_emb: false,
  l2norm_embed: false,
  embed_num_tokens: {},
  token_emb: null,
  memory_tokens_interspersed_every: null,
  logits_dim: null,
  return_only_embed: false,
  num_output_heads: 1,
  recycling: false,
  train_max_recycle_steps: 4,
  looped: false,
  max_looped_steps: 4,
  to_logits: null,
  average_pool_embed: false,
  use_cls_token: false,
  num_cls_tokens: 1,
  squeeze_out_last_dim: false,
  attn_pool: false,
  num_pooled_tokens: 1,
  attn_pool_depth: 1,
  dim_pooled_tokens: null,
  ff_deep_embed: false,
  mixture_of_softmax: false,
  mixture_of_softmax_k: 4,
  sigsoftmax_logits: false,
  num_register_tokens: 0,
  add_continuous_pred_head: false,
  input_not_include_cache: false,
  max_mem_len: 0,
  shift_mem_down: 0,
};

/** `AttentionLayers`, and with it `Encoder`, `Decoder` and `CrossAttender`. */
const layers: Defaults = {
  cross_attend: false,
  only_cross: false,
  only_attn: false,
  pre_norm: true,
  sandwich_norm: false,
  use_scalenorm: false,
  use_rmsnorm: false,
  use_simple_rmsnorm: false,
  use_dynamic_tanh: false,
  use_derf: false,
  dynamic_tanh_init_alpha: 1,
  use_adaptive_layernorm: false,
  use_adaptive_rmsnorm: false,
  dim_condition: null,
  use_adaptive_layerscale: false,
  adaptive_condition_mlp: false,
  adaptive_condition_mlp_expansion: 4,
  norm_add_unit_offset: true,
  pre_norm_has_final_norm: true,
  pre_and_post_norm: false,
  macaron: false,
  alibi_pos_bias: false,
  alibi_num_heads: null,
  rel_pos_bias: false,
  rel_pos_num_buckets: 32,
  rel_pos_kwargs: {},
  rel_pos_max_distance: 128,
  dynamic_pos_bias: false,
  dynamic_pos_bias_log_distance: false,
  dynamic_pos_bias_mlp_depth: 2,
  dynamic_pos_bias_norm: false,
  disable_abs_pos_emb: null,
  rotary_pos_emb: false,
  rotary_emb_dim: null,
  rotary_xpos: false,
  rotary_interpolation_factor: 1,
  rotary_xpos_scale_base: 512,
  rotary_base_rescale_factor: 1,
  rotate_num_heads: null,
  polar_pos_emb: false,
  polar_bias_uniform_init: false,
  weight_tie_layers: false,
  custom_layers: null,
  layers_execute_order: null,
  sandwich_coef: null,
  par_ratio: null,
  shift_tokens: 0,
  unet_skips: false,
  residual_attn: false,
  cross_residual_attn: false,
  gate_residual: false,
  orthog_residual: false,
  attn_aggregated_residuals: false,
  attn_aggregated_residual_kwargs: {},
  mv_split_residual: false,
  gated_multi_residual: false,
  scale_residual: false,
  scale_residual_constant: 1,
  residual_fn_kwargs: {},
  softclamp_output: false,
  softclamp_output_value: 30,
  use_layerscale: false,
  layerscale_init_value: 0,
  integrate_layers: false,
  layer_integrate_use_softmax: true,
  num_residual_streams: 1,
  hyper_conn_sinkhorn_iters: 5,
  qkv_receive_diff_residuals: false,
  reinject_input: false,
  learned_reinject_input_gate: false,
  add_value_residual: false,
  learned_value_residual_mix: true,
};

/** `Attention`: with `attn_` in front. */
const attention: Defaults = {
  dim_context: null,
  head_scale: false,
  num_mem_kv: 0,
  one_kv_head: false,
  kv_heads: null,
  value_dim_head: null,
  gate_value_heads: false,
  gate_values: false,
  swiglu_values: false,
  gate_values_rank: null,
  gate_values_headwise: false,
  output_gate: false,
  output_gate_rank: null,
  output_gate_headwise: false,
  low_rank_silu_gates: true,
  qk_norm: false,
  qk_norm_groups: 1,
  qk_norm_scale: 10,
  qk_norm_dim_scale: false,
  qk_rmsnorm: false,
  k_rmsnorm: false,
  value_rmsnorm: false,
  pre_talking_heads: false,
  post_talking_heads: false,
  pre_scale_post_talking_heads: false,
  sparse_topk: null,
  hard: false,
  on_attn: false,
  max_attend_past: null,
  l2_distance: false,
  sigmoid: false,
  selective: false,
  cog_signed: false,
  gumbel_softmax: false,
  gumbel_softmax_temp: 1,
  gumbel_softmax_hard: true,
  custom_attn_fn: null,
  dim_out: null,
  hybrid_module: null,
  hybrid_mask_kwarg: null,
  hybrid_fold_axial_dim: null,
  hybrid_learned_mix: false,
  add_zero_kv: false,
  head_learned_sink: false,
  rotate_num_heads: null,
  data_dependent_alibi: false,
  data_dependent_alibi_per_row: false,
  data_dependent_alibi_per_row_dim_head: 8,
  data_dependent_alibi_kwargs: {},
  use_rel_proj_pos_bias: false,
  rel_proj_num_distance_basis: 16,
  rel_proj_max_dist: 1024,
  use_cope: false,
  cope_max_pos: 16,
  cope_soft_onehot_pos: false,
  cope_talking_heads: false,
  softclamp_logits: false,
  logit_softclamp_value: 50,
  learned_value_residual_mix: false,
  orthog_projected_values: false,
  orthog_projected_values_per_head: false,
  laser: false,
  laser_softclamp_value: 15,
  project_out: null,
  qkv_receive_diff_residuals: false,
  use_latent_q: false,
  dim_latent_q: null,
  use_latent_kv: false,
  dim_latent_kv: null,
  latent_rope_subheads: null,
  inverted_attention: false,
  rotary_embed_values: false,
};

/** `FeedForward`: with `ff_` in front. */
const feedForward: Defaults = {
  dim_out: null,
  mult: 4,
  glu: false,
  swish: false,
  relu_squared: false,
  post_act_ln: false,
  no_bias: false,
  glu_mult_bias: false,
  solu: false,
  custom_activation: null,
  softclamp_value: null,
  glu_softclamp: false,
  glu_gate_softclamp_value: 4,
  glu_up_softclamp_value: 25,
};

/** Options that only drop, initialize, report or choose between ways to the same numbers. */
const inert = {
  wrapper: ["emb_dropout", "emb_frac_gradient", "attn_z_loss_weight"],
  layers: ["layer_dropout", "cross_attn_tokens_dropout", "zero_init_branch_output", "verbose"],
  attention: [
    "dropout",
    "sublayer_dropout",
    "flash",
    "flash_pack_seq",
    "attend_sdp_kwargs",
    "onnxable",
    "zero_init_output",
    "output_proj_depth",
    "sparse_topk_straight_through",
  ],
  feedForward: ["dropout", "sublayer_dropout", "zero_init_output", "output_proj_depth"],
};

const instead: Readonly<Record<string, string>> = {
  average_pool_embed: "embed(tokens, { mask }) of a model without it gives the same mean",
  disable_abs_pos_emb: "use_abs_pos_emb: false does the same",
  depth_scale_residual: "it may be left out where it was true, since only fresh values differ",
};

/** Every option, by its name in camelCase. Those of a cross attention alone are left out: none may differ. */
export const foreignOptions: ReadonlyMap<string, ForeignOption> = new Map([
  ...named("", { ...wrapper, ...layers, depth_scale_residual: false }, [...inert.wrapper, ...inert.layers]),
  ...named("attn_", attention, inert.attention),
  ...named("cross_attn_", {}, inert.attention),
  ...named("ff_", feedForward, inert.feedForward),
]);

function named(prefix: string, defaults: Defaults, inertOnes: readonly string[]): (readonly [string, ForeignOption])[] {
  const option = (name: string, isInert: boolean) =>
    [camelCase(prefix + name), { isInert, fallback: defaults[name], instead: instead[prefix + name] }] as const;
  return [...Object.keys(defaults).map((name) => option(name, false)), ...inertOnes.map((name) => option(name, true))];
}
