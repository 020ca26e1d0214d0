/**
 * What goes into models: tokenizers, images, and files from folders, URLs and the Hugging Face Hub; no engine.
 *
 * @example
 * ```ts
 * import { AndromedaTokenizer } from "./mod.ts";
 *
 * const tokenizer = await AndromedaTokenizer.load("examples/shakespeare");
 * console.log(tokenizer.decode(tokenizer.encode("Good morrow."))); // Good morrow.
 * ```
 *
 * @module
 */
export * from "../errors.ts";
export type { ErrorClass, Progress } from "./files/byte_source.ts";
export {
  bindingFetch,
  type BucketBinding,
  type BucketObject,
  type FetchBinding,
  type KeyValueBinding,
} from "./http/binding_fetch.ts";
export type { DownloadOptions, Fetch } from "./http/http.ts";
export type { FileLocation } from "./files/place.ts";
export { readModelFile } from "./files/read_model_file.ts";
export type { DatasetRow } from "./datasets/blocks/block.ts";
export type { DatasetBuilderOptions } from "./datasets/builder_options.ts";
export { positionsOf } from "./datasets/blocks/documents.ts";
export { type BatchOptions, Dataset, type DatasetPushOptions, type DatasetSaveOptions } from "./datasets/dataset.ts";
export type { BuildProgress } from "./datasets/build_progress.ts";
export type { DatasetLoadOptions } from "./datasets/folder/open_dataset.ts";
export { DatasetBuilder } from "./datasets/dataset_builder.ts";
export type { BuildOptions } from "./datasets/run_build.ts";
export type { Dedupe } from "./datasets/filtering/document_filter.ts";
export type { TextCounts } from "./datasets/filtering/text_counts.ts";
export type { DatasetFormat } from "./datasets/folder/format.ts";
export type { Remainder } from "./datasets/packing/packer.ts";
export type { Packing } from "./datasets/packing/row_maker.ts";
export type { DatasetSource } from "./datasets/sources/text_source.ts";
export type { HubOptions } from "./hub/hub_options.ts";
export type { HubPush, HubPushOptions } from "./hub/push.ts";
export type { HubRepo } from "./hub/hub_repo.ts";
export type { SpecialTokenOptions } from "./text/special_tokens.ts";
export type { TokenBatch } from "./text/token_batch.ts";
export { AndromedaTokenizer } from "./text/tokenizer.ts";
export type { JsonFile, TokenizerFileOptions, TokenizerSource } from "./text/tokenizer_files.ts";
export type {
  DecodeOptions,
  EncodeOptions,
  TokenDecoder,
  TokenizeOptions,
  TokenizerOptions,
  TypedIds,
} from "./text/tokenizer_options.ts";
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
} from "./image/image.ts";
