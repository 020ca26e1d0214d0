/**
 * Models and what they run on: classes, weights, generation, engines and errors; no tokenizer and no images.
 *
 * @example
 * ```ts
 * import { createBackend, loadLanguageModel } from "./mod.ts";
 *
 * const backend = await createBackend("wasm");
 * const model = await loadLanguageModel("examples/shakespeare", { backend });
 * console.log(model.net.numTokens); // 1024
 * model.dispose();
 * backend.dispose();
 * ```
 *
 * @module
 */
export * from "../backend/backend.ts";
export * from "../backend/memory.ts";
export * from "../backend/operations.ts";
export type { AttentionOperations, AttentionOptions, RotaryOptions } from "../backend/operations/attention.ts";
export type { AddOptions, ElementwiseOperations, MultiplyOptions } from "../backend/operations/elementwise.ts";
export type { LinearOperations, LinearOptions } from "../backend/operations/linear.ts";
export type { L2NormOptions, LayerNormOptions, NormOperations } from "../backend/operations/norm.ts";
export type { LogitsFilter, SampleOptions, SamplingOperations } from "../backend/operations/sampling.ts";
export type { SequenceOperations } from "../backend/operations/sequence.ts";
export type { SoftmaxOperations } from "../backend/operations/softmax.ts";
export type { Operations } from "../backend/operations/table.ts";
export * from "../backend/self_test.ts";
export * from "../backend/training.ts";
export * from "../errors.ts";
export * from "../create_backend.ts";

export { Andromeda, type AndromedaConfig, type AndromedaOptions } from "./families/andromeda.ts";
export { AndromedaEmbedding, type EmbeddingProvider } from "./network/embedding_provider.ts";
export { GPT4, type GPT4Config } from "./families/gpt4.ts";
export {
  type ImageInput,
  PalmE,
  type PalmEConfig,
  type PalmEGenerateOptions,
  type PalmESessionOptions,
} from "./families/palme.ts";
export { FamilyModel } from "./families/family_model.ts";
export { GPT2, type GPT2Config } from "./families/gpt2.ts";
export { Llama, type LlamaConfig } from "./families/llama.ts";
export { Transformer } from "./families/transformer.ts";
export { AttentionStack, CrossAttender, Decoder, Encoder, type StackOptions } from "./families/attention_stack.ts";
export { type ImagesInput, type ViTConfig, ViTransformerWrapper } from "./families/vit.ts";
export { type AnyModel, loadLanguageModel, loadModel } from "./load_model.ts";
export type { ActivationName } from "./config/hugging_face.ts";
export { quantize } from "./quantize.ts";
export { Model, type ModelOptions, type StateDict } from "./model.ts";
export type { SaveTarget } from "./weights/save.ts";
export { LanguageModel } from "./language/language_model.ts";
export type { EmbedInput, EmbedOptions, Pooling } from "./language/embed.ts";
export type { ForwardOptions, LossOptions } from "./language/language_head.ts";
export type { AttentionStackConfig, Reference, TransformerConfig } from "./config/transformer_options.ts";
export type { MaskInput, TokensInput } from "./language/tokens.ts";
export { KvCache } from "./network/kv_cache.ts";
export { Random } from "../common/random.ts";

export {
  AutoregressiveWrapper,
  type AutoregressiveWrapperOptions,
  type WrapperGenerateOptions,
} from "./language/autoregressive_wrapper.ts";
export { GenerativeModel, type ReadOptions } from "./language/generative_model.ts";
export { Session } from "./generation/session.ts";
export type { FinishReason } from "./generation/text/continued_text.ts";
export { generateText, type GenerateTextOptions, type TextOptions } from "./generation/text/generate_text.ts";
export type { TextTokenizer } from "./generation/text/text_tokenizer.ts";
export type { ContextInput } from "./language/context.ts";
export type {
  CacheUpdate,
  SequenceCache,
  SequenceInputs,
  SequenceNetwork,
  SequenceStep,
  SharedCache,
  TextModel,
} from "./generation/text_model.ts";
export type {
  GenerateOptions,
  GuidanceOptions,
  SamplingOptions,
  SequenceOptions,
  SessionOptions,
  StrategyOptions,
} from "./generation/options.ts";
export type { Overflow } from "./generation/sequences/overflow.ts";
export type { HostPromptsInput, PromptInput, PromptsInput } from "./generation/sequences/prompts.ts";
export {
  type FilterLogitsFn,
  type FilterThresholds,
  minP,
  type Strategy,
  topA,
  topK,
  topP,
} from "./generation/sampling/filters.ts";

export { CACHE_FORMATS, type FormatName, WEIGHT_FORMATS } from "../formats/formats.ts";
export type { StoredRows } from "../formats/rows.ts";
export { HostTensor } from "./weights/host_tensor.ts";
export type { FloatFormat, SafetensorsDType } from "./weights/safetensors/dtypes.ts";
export { readSafetensors, type SafetensorsSource } from "./weights/safetensors/read.ts";
export {
  type SaveOptions,
  saveSafetensors,
  type StreamedTensor,
  type WritableTensor,
  type WriteOptions,
  writeSafetensors,
} from "./weights/safetensors/write.ts";
export { type CheckpointContents, type CheckpointTensor, inspectCheckpoint } from "./weights/inspect.ts";
export type { ModelParts, ModelSource } from "./weights/source.ts";
