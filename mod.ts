/**
 * Andromeda: transformers wherever JavaScript runs, on WebAssembly SIMD and on WebGPU.
 *
 * @example
 * ```ts
 * import { Andromeda } from "./mod.ts";
 *
 * const model = await Andromeda.create({ numTokens: 256, maxSeqLen: 64, dim: 64, depth: 2, heads: 4, dimHead: 32, alibiNumHeads: 2 });
 * const logits = model.forward([1, 2, 3, 4, 5]);
 * console.log(logits.shape); // [1, 5, 256]
 * logits.dispose();
 * model.dispose();
 * ```
 *
 * @module
 */
export * from "./backend.ts";
export * from "./create_backend.ts";

export { Andromeda, type AndromedaConfig, type AndromedaOptions } from "./models/andromeda.ts";
export { AndromedaEmbedding, type EmbeddingProvider } from "./models/embedding_provider.ts";
export { GPT4, type GPT4Config } from "./models/gpt4.ts";
export { PalmE, type PalmEConfig } from "./models/palme.ts";
export { Transformer } from "./models/transformer.ts";
export { type ImagesInput, type ViTConfig, ViTransformerWrapper } from "./models/vit.ts";
export { type AnyModel, loadModel } from "./models/load_model.ts";
export { Model, type ModelOptions, type StateDict } from "./models/model.ts";
export { LanguageModel } from "./models/language_model.ts";
export type { ForwardOptions, LossOptions } from "./models/language_head.ts";
export type { Reference, TransformerConfig } from "./models/transformer_config.ts";
export type { MaskInput, TokensInput } from "./models/tokens.ts";
export { KvCache } from "./models/kv_cache.ts";
export { Random } from "./models/random.ts";

export { HostTensor } from "./models/weights/host_tensor.ts";
export { readSafetensors, type SafetensorsSource } from "./models/weights/read.ts";
export { saveSafetensors, writeSafetensors } from "./models/weights/write.ts";
export type { ModelSource } from "./models/weights/source.ts";

export {
  AndromedaTokenizer,
  type DecodeOptions,
  type TokenBatch,
  type TokenizeOptions,
  type TokenizerOptions,
  type TokenizerSource,
} from "./data/tokenizer.ts";
export { ImageError, type ImageOptions, type ImageSource, imageTensor } from "./data/image.ts";
