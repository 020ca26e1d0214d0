/**
 * Andromeda: transformers wherever JavaScript runs, on WebAssembly SIMD and on WebGPU.
 *
 * @example
 * ```ts
 * import { Andromeda } from "./mod.ts";
 *
 * const model = await Andromeda.create({
 *   numTokens: 256,
 *   maxSeqLen: 64,
 *   dim: 64,
 *   depth: 2,
 *   heads: 4,
 *   dimHead: 32,
 *   alibiNumHeads: 2,
 * });
 * const logits = model.forward([1, 2, 3, 4, 5]);
 * console.log(logits.shape); // [ 1, 5, 256 ]
 * logits.dispose();
 * model.dispose();
 * ```
 *
 * @module
 */
export * from "./backend/backend.ts";
export * from "./backend/memory.ts";
export * from "./backend/operations.ts";
export type { AttentionOperations, AttentionOptions, RotaryOptions } from "./backend/operations/attention.ts";
export type { AddOptions, ElementwiseOperations, MultiplyOptions } from "./backend/operations/elementwise.ts";
export type { LinearOperations, LinearOptions } from "./backend/operations/linear.ts";
export type { L2NormOptions, LayerNormOptions, NormOperations } from "./backend/operations/norm.ts";
export type { LogitsFilter, SampleOptions, SamplingOperations } from "./backend/operations/sampling.ts";
export type { SequenceOperations } from "./backend/operations/sequence.ts";
export type { SoftmaxOperations } from "./backend/operations/softmax.ts";
export type { Operations } from "./backend/operations/table.ts";
export * from "./backend/self_test.ts";
export * from "./backend/training.ts";
export * from "./errors.ts";
export * from "./create_backend.ts";

export { Andromeda, type AndromedaConfig, type AndromedaOptions } from "./models/families/andromeda.ts";
export { AndromedaEmbedding, type EmbeddingProvider } from "./models/network/embedding_provider.ts";
export { GPT4, type GPT4Config } from "./models/families/gpt4.ts";
export {
  type ImageInput,
  PalmE,
  type PalmEConfig,
  type PalmEGenerateOptions,
  type PalmESessionOptions,
} from "./models/families/palme.ts";
export { FamilyModel } from "./models/families/family_model.ts";
export { GPT2, type GPT2Config } from "./models/families/gpt2.ts";
export { Llama, type LlamaConfig } from "./models/families/llama.ts";
export { Transformer } from "./models/families/transformer.ts";
export {
  AttentionStack,
  CrossAttender,
  Decoder,
  Encoder,
  type StackOptions,
} from "./models/families/attention_stack.ts";
export { type ImagesInput, type ViTConfig, ViTransformerWrapper } from "./models/families/vit.ts";
export { type AnyModel, loadLanguageModel, loadModel } from "./models/load_model.ts";
export type { ActivationName } from "./models/config/hugging_face.ts";
export { quantize } from "./models/quantize.ts";
export { Model, type ModelOptions, type StateDict } from "./models/model.ts";
export type { SaveTarget } from "./models/weights/save.ts";
export { LanguageModel } from "./models/language/language_model.ts";
export type { ForwardOptions, LossOptions } from "./models/language/language_head.ts";
export type { AttentionStackConfig, Reference, TransformerConfig } from "./models/config/transformer_options.ts";
export type { MaskInput, TokensInput } from "./models/language/tokens.ts";
export { KvCache } from "./models/network/kv_cache.ts";
export { Random } from "./models/network/random.ts";

export {
  AutoregressiveWrapper,
  type AutoregressiveWrapperOptions,
  type WrapperGenerateOptions,
} from "./models/language/autoregressive_wrapper.ts";
export { GenerativeModel, type ReadOptions } from "./models/language/generative_model.ts";
export { Session } from "./models/generation/session.ts";
export type { ContextInput } from "./models/language/context.ts";
export type {
  CacheUpdate,
  SequenceCache,
  SequenceInputs,
  SequenceNetwork,
  SequenceStep,
  TextModel,
} from "./models/generation/text_model.ts";
export type {
  GenerateOptions,
  GuidanceOptions,
  SamplingOptions,
  SequenceOptions,
  SessionOptions,
  StrategyOptions,
} from "./models/generation/options.ts";
export type { Overflow } from "./models/generation/sequences/overflow.ts";
export type { HostPromptsInput, PromptInput, PromptsInput } from "./models/generation/sequences/prompts.ts";
export {
  type FilterLogitsFn,
  type FilterThresholds,
  minP,
  type Strategy,
  topA,
  topK,
  topP,
} from "./models/generation/sampling/filters.ts";

export { CACHE_FORMATS, type FormatName, WEIGHT_FORMATS } from "./formats/formats.ts";
export type { StoredRows } from "./formats/rows.ts";
export { HostTensor } from "./models/weights/host_tensor.ts";
export type { FloatFormat, SafetensorsDType } from "./models/weights/safetensors/dtypes.ts";
export { readSafetensors, type SafetensorsSource } from "./models/weights/safetensors/read.ts";
export {
  type SaveOptions,
  saveSafetensors,
  type StreamedTensor,
  type WritableTensor,
  type WriteOptions,
  writeSafetensors,
} from "./models/weights/safetensors/write.ts";
export type { ModelParts, ModelSource } from "./models/weights/source.ts";

export type { ErrorClass, Progress } from "./data/files/byte_source.ts";
export type { DownloadOptions, Fetch } from "./data/http/http.ts";
export type { FileLocation } from "./data/files/files.ts";
export type { HubOptions } from "./data/hub/hub_options.ts";
export type { HubRepo } from "./data/hub/hub_repo.ts";
export type { SpecialTokenOptions } from "./data/text/special_tokens.ts";
export type { TokenBatch } from "./data/text/token_batch.ts";
export { AndromedaTokenizer } from "./data/text/tokenizer.ts";
export type { JsonFile, TokenizerFileOptions, TokenizerSource } from "./data/text/tokenizer_files.ts";
export type {
  DecodeOptions,
  EncodeOptions,
  TokenizeOptions,
  TokenizerOptions,
  TypedIds,
} from "./data/text/tokenizer_options.ts";
export {
  type Bitmap,
  ImageError,
  type ImageOptions,
  type ImageSource,
  type ImageTensor,
  imageTensor,
  type Interpolation,
  type RawImage,
  type Size,
} from "./data/image/image.ts";
