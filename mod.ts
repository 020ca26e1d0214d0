/**
 * Andromeda: transformers wherever JavaScript runs, on WebAssembly SIMD and on WebGPU.
 *
 * @example
 * ```ts
 * import { Andromeda } from "./mod.ts";
 *
 * const model = await Andromeda.create({ numTokens: 256, maxSeqLen: 64, dim: 64, depth: 2, heads: 4, dimHead: 32,
 * alibiNumHeads: 2 }); const logits = model.forward([1, 2, 3, 4, 5]); console.log(logits.shape); // [1, 5, 256]
 * logits.dispose(); model.dispose();
 * ```
 *
 * @module
 */
export * from "./backend/backend.ts";
export * from "./backend/memory.ts";
export * from "./backend/operations.ts";
export * from "./backend/self_test.ts";
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
export { Transformer } from "./models/families/transformer.ts";
export {
  AttentionStack,
  type AttentionStackConfig,
  CrossAttender,
  Decoder,
  Encoder,
  type StackOptions,
  type TokenOptions,
} from "./models/network/attention_stack.ts";
export { type ImagesInput, type ViTConfig, ViTransformerWrapper } from "./models/families/vit.ts";
export { type AnyModel, loadModel } from "./models/load_model.ts";
export { quantize } from "./models/quantize.ts";
export { Model, type ModelOptions, type StateDict } from "./models/model.ts";
export type { SaveTarget } from "./models/weights/save.ts";
export { LanguageModel } from "./models/language/language_model.ts";
export type { ForwardOptions, LossOptions } from "./models/language/language_head.ts";
export type { Reference, TransformerConfig } from "./models/config/transformer_config.ts";
export type { MaskInput, TokensInput } from "./models/language/tokens.ts";
export { KvCache } from "./models/network/kv_cache.ts";
export { Random } from "./models/network/random.ts";

export {
  AutoregressiveWrapper,
  type AutoregressiveWrapperOptions,
  type WrapperGenerateOptions,
} from "./models/generation/autoregressive_wrapper.ts";
export { Session, type SessionOptions } from "./models/generation/session.ts";
export type { ContextInput } from "./models/generation/context.ts";
export type { TextModel } from "./models/generation/text_model.ts";
export type { GenerateOptions, SamplingOptions } from "./models/generation/options.ts";
export type { Overflow } from "./models/generation/overflow.ts";
export type { HostPromptsInput, PromptInput, PromptsInput } from "./models/generation/prompts.ts";
export {
  type FilterLogitsFn,
  type FilterThresholds,
  minP,
  type Strategy,
  topA,
  topK,
  topP,
} from "./models/generation/filters.ts";

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
export type { DownloadOptions } from "./data/http/http.ts";
export type { FileLocation } from "./data/files/files.ts";
export type { HubOptions } from "./data/hub/hub.ts";
export type { HubRepo } from "./data/hub/hub_repo.ts";
export {
  AndromedaTokenizer,
  type DecodeOptions,
  type EncodeOptions,
  type JsonFile,
  type SpecialTokenOptions,
  type TokenBatch,
  type TokenizeOptions,
  type TokenizerFileOptions,
  type TokenizerOptions,
  type TokenizerSource,
  type TypedIds,
} from "./data/text/tokenizer.ts";
export {
  ImageError,
  type ImageOptions,
  type ImageSource,
  type ImageTensor,
  imageTensor,
  type Interpolation,
  type RawImage,
  type Size,
} from "./data/image/image.ts";
