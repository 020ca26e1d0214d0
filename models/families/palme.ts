/**
 * PalmE: a text decoder that attends to the patch embeddings of an image (arXiv 2303.03378).
 *
 * @module
 */

import type { Backend } from "../../backend/backend.ts";
import type { CacheFormat, Tensor } from "../../backend/memory.ts";
import { ShapeError } from "../../errors.ts";
import { checkOptions, choice, type Fields, flag, integer, optional, readFields, word } from "../config/fields.ts";
import { loadDefaults, readTransformerConfig } from "../config/transformer_config.ts";
import type { Reference, TransformerConfig } from "../config/transformer_options.ts";
import { checkpointConfig } from "../config/x_transformers/checkpoint_config.ts";
import { isOlder, type TensorShapes } from "../config/x_transformers/versions.ts";
import { generate } from "../generation/generate.ts";
import { generateBatch } from "../generation/generate_batch.ts";
import { disposeHoldings } from "../generation/holdings.ts";
import type { GenerateOptions, SamplingOptions } from "../generation/options.ts";
import type { PromptInput, PromptsInput } from "../generation/prompts.ts";
import { Session, type SessionOptions } from "../generation/session.ts";
import { warmUp } from "../generation/warm_up.ts";
import { type ForwardOptions, LanguageHead, type LossOptions } from "../language/language_head.ts";
import { shapeOfTokens, type TokensInput } from "../language/tokens.ts";
import { Model, type ModelOptions } from "../model.ts";
import type { KvCache } from "../network/kv_cache.ts";
import { Parameters } from "../network/parameters.ts";
import { TransformerNet } from "../network/transformer_net.ts";
import { type Checkpoint, openCheckpoint } from "../weights/checkpoint.ts";
import { type Naming, naming, within } from "../weights/naming.ts";
import type { ModelSource } from "../weights/source.ts";
import { transformerArchitecture } from "./transformer_architecture.ts";
import { transformerNames } from "./transformer_names.ts";
import { checkImages, type ImagesInput, placeImages, readViTConfig, type ViTConfig, viTNames, ViTNet } from "./vit.ts";

/** Configuration of PalmE. */
export interface PalmEConfig {
  /** Conventions for names and norms: kyegomez/zeta or lucidrains/x-transformers. */
  readonly reference: Reference;
  /** See `TransformerConfig.xTransformersVersion`. */
  readonly xTransformersVersion: string | undefined;
  /** Height and width of an image. */
  readonly imageSize: number;
  /** Height and width of a patch. */
  readonly patchSize: number;
  /** Width of the image encoder. */
  readonly encoderDim: number;
  /** Blocks of the image encoder. */
  readonly encoderDepth: number;
  /** Heads of the image encoder. */
  readonly encoderHeads: number;
  /** Vocabulary size. */
  readonly numTokens: number;
  /** Longest text. */
  readonly maxSeqLen: number;
  /** Width of the decoder. */
  readonly decoderDim: number;
  /** Blocks of the decoder. */
  readonly decoderDepth: number;
  /** Heads of the decoder. */
  readonly decoderHeads: number;
  /** Heads that carry ALiBi, the first ones. */
  readonly alibiNumHeads: number;
  /** Learned absolute positions in the decoder; without effect when rotary positions are on. */
  readonly useAbsPosEmb: boolean;
  /** Whether the decoder attends to the image. */
  readonly crossAttend: boolean;
  /** ALiBi in the decoder. */
  readonly alibiPosBias: boolean;
  /** Rotary positions with xPos scaling in the decoder. */
  readonly rotaryXpos: boolean;
  /** Rotate values too, as zeta does. */
  readonly rotaryEmbedValues: boolean;
  /** Attention in O(n) memory. */
  readonly attnFlash: boolean;
  /** l2-normalized queries and keys in the decoder. */
  readonly qkNorm: boolean;
}

const fields: Fields<PalmEConfig> = {
  reference: choice(["zeta", "x-transformers"], "x-transformers"),
  xTransformersVersion: optional(word()),
  imageSize: integer(256),
  patchSize: integer(32),
  encoderDim: integer(512),
  encoderDepth: integer(6),
  encoderHeads: integer(8),
  numTokens: integer(20000),
  maxSeqLen: integer(1024),
  decoderDim: integer(512),
  decoderDepth: integer(6),
  decoderHeads: integer(8),
  alibiNumHeads: integer(4, 0),
  useAbsPosEmb: flag(false),
  crossAttend: flag(true),
  alibiPosBias: flag(true),
  rotaryXpos: flag(true),
  rotaryEmbedValues: flag(false),
  attnFlash: flag(true),
  qkNorm: flag(true),
};

/** What PalmE takes in place of a context. */
export interface ImageInput {
  /** Images [b, 3, imageSize, imageSize], one for each text. */
  readonly image?: ImagesInput | undefined;
}

/** Options of PalmE's `generate` and `generateBatch`. */
export type PalmEGenerateOptions = Omit<GenerateOptions, "context" | "contextMask"> & ImageInput;

/** Options of PalmE's `session`. */
export type PalmESessionOptions = Omit<SessionOptions, "context" | "contextMask"> & ImageInput;

/** zeta's PalmE. Heads are 64 wide. */
export class PalmE extends Model {
  /** The class, as `model_type` names it. */
  readonly modelType = "palme";
  /** The configuration, defaults filled in. */
  readonly config: PalmEConfig;
  /**
   * The text decoder's network.
   * @internal
   */
  readonly net: TransformerNet;
  readonly #head: LanguageHead;
  readonly #encoder: ViTNet;
  readonly #encoderConfig: ViTConfig;

  private constructor(config: PalmEConfig, tensors?: TensorShapes) {
    const { encoder, decoder } = readParts(config, tensors);
    const parameters = new Parameters(palmENaming(encoder, decoder));
    super(parameters);
    this.config = { ...config, xTransformersVersion: decoder.xTransformersVersion };
    this.#encoderConfig = encoder;
    this.#encoder = new ViTNet(parameters.in("encoder"), this.#encoderConfig);
    this.net = new TransformerNet(parameters.in("decoder"), transformerArchitecture(decoder));
    this.#head = new LanguageHead(this.net);
  }

  /**
   * A model with fresh values.
   *
   * @throws {ConfigError} for a configuration that can't work
   * @throws {OutOfMemoryError} where the parameters don't fit
   */
  static async create(config: Partial<PalmEConfig> = {}, options: ModelOptions = {}): Promise<PalmE> {
    return await Model.initialize(new PalmE(readFields("PalmE", fields, config)), options);
  }

  /**
   * A model from a checkpoint.
   *
   * @throws {WeightsError} where it can't be read or does not fit its configuration
   */
  static async load(source: ModelSource, options: ModelOptions = {}): Promise<PalmE> {
    return await PalmE.open(await openCheckpoint(source, options), options);
  }

  /** As `load`, from a checkpoint that is open; it is closed when this ends. */
  static async open(checkpoint: Checkpoint, options: ModelOptions = {}): Promise<PalmE> {
    const { weights } = checkpoint;
    const config = checkpointConfig(checkpoint);
    const read = () => readFields("PalmE", fields, config, { defaults: loadDefaults(config) });
    return await Model.fill(() => new PalmE(read(), weights.tensors), checkpoint, options);
  }

  /**
   * Logits of the next token at each position of a text about an image.
   *
   * @param img images [b, 3, imageSize, imageSize]
   * @param text token ids, b rows
   * @returns [b, n, numTokens]; the caller disposes of it
   * @throws {ShapeError} where image and text don't go together
   */
  forward(img: ImagesInput, text: TokensInput, options: Omit<ForwardOptions, "context" | "contextMask"> = {}): Tensor {
    const { backend } = this;
    checkBatch(img, text);
    return backend.scope(() => this.#head.forward(backend, text, { ...options, context: this.#context(backend, img) }));
  }

  /**
   * Mean cross entropy, in nats, of predicting text[1:] from text[:-1] and the image.
   *
   * @returns a scalar; the caller disposes of it
   */
  loss(img: ImagesInput, text: TokensInput, options: Omit<LossOptions, "context" | "contextMask"> = {}): Tensor {
    const { backend } = this;
    checkBatch(img, text);
    return backend.scope(() => this.#head.loss(backend, text, { ...options, context: this.#context(backend, img) }));
  }

  /** Patch embeddings of images, which the decoder attends to: [b, patches, encoderDim]; the caller disposes of it. */
  encode(img: ImagesInput): Tensor {
    const { backend } = this;
    return backend.scope(() => this.#encoder.encode(backend, placeImages(backend, img, this.#encoderConfig)));
  }

  /**
   * Continues a text about an image; see `LanguageModel.generate`.
   *
   * @param options `image` [1, 3, imageSize, imageSize] beside those of every model
   * @throws {ConfigError} without an image, unless the model was configured not to look at one
   */
  generate(prompt: PromptInput, given: PalmEGenerateOptions = {}): AsyncGenerator<number> {
    const { image, ...options } = checkOptions("generate", given);
    return generate(this, prompt, options, this.#encoding(image));
  }

  /** Continues several texts, each about its image [b, 3, imageSize, imageSize]; see `LanguageModel.generateBatch`. */
  async generateBatch(prompts: PromptsInput, given: PalmEGenerateOptions = {}): Promise<number[][]> {
    const { image, ...options } = checkOptions("generate", given);
    return await generateBatch(this, prompts, options, this.#encoding(image));
  }

  /** A text about an image that is continued in several turns; the caller disposes of it. */
  session(given: PalmESessionOptions = {}): Session {
    const { image, ...options } = checkOptions("session", given);
    return Session.begin(this, options, this.#encoding(image));
  }

  /** Gets ready for the first token of `generate` with these options: on a GPU, compiles the kernels that it takes. */
  warmUp(options: SamplingOptions = {}): Promise<void> {
    return warmUp(this, options);
  }

  /** Frees the parameters, and what generations and sessions hold: they can't go on. A second call does nothing. */
  override dispose(): void {
    disposeHoldings(this);
    super.dispose();
  }

  /**
   * A cache for `batch` rows of text; the caller disposes of it.
   *
   * @param dtype how keys and values are kept: see `GenerateOptions.cacheDtype`
   */
  createCache(batch = 1, capacity: number = this.config.maxSeqLen, dtype?: CacheFormat): KvCache {
    return this.net.createCache(this.backend, batch, capacity, dtype);
  }

  /** Encodes an image when it is asked to; nothing where the decoder does not look at one. */
  #encoding(image: ImagesInput | undefined): (() => Tensor) | undefined {
    return image && this.config.crossAttend ? () => this.encode(image) : undefined;
  }

  /** What the decoder attends to; nothing where it does not. */
  #context(backend: Backend, img: ImagesInput): Tensor | undefined {
    const images = placeImages(backend, img, this.#encoderConfig);
    return this.config.crossAttend ? this.#encoder.encode(backend, images) : undefined;
  }
}

function encoderOptions({ reference, xTransformersVersion, imageSize, patchSize, attnFlash, ...config }: PalmEConfig) {
  const { encoderDim: dim, encoderDepth: depth, encoderHeads: heads } = config;
  return { reference, xTransformersVersion, imageSize, patchSize, attnFlash, dim, depth, heads };
}

function decoderOptions(config: PalmEConfig) {
  const { reference, numTokens, maxSeqLen, useAbsPosEmb, crossAttend, alibiPosBias, alibiNumHeads, attnFlash } = config;
  const shared = { reference, numTokens, maxSeqLen, useAbsPosEmb, crossAttend, alibiPosBias, alibiNumHeads, attnFlash };
  return {
    ...shared,
    xTransformersVersion: config.xTransformersVersion,
    rotaryXpos: config.rotaryXpos,
    rotaryEmbedValues: config.rotaryEmbedValues,
    attnQkNorm: config.qkNorm,
    dim: config.decoderDim,
    depth: config.decoderDepth,
    heads: config.decoderHeads,
    contextDim: config.encoderDim,
  };
}

/** The names of both parts. zeta's multimodal classes have no wrapper around the decoder. */
function palmENaming(encoder: ViTConfig, decoder: TransformerConfig): Naming {
  const [images, text] = [viTNames(encoder), transformerNames(decoder)];
  return naming(
    { ...images, tensors: within("encoder.", "encoder.", images.tensors) },
    { ...text, tensors: within("decoder.net.", "decoder.", text.tensors), aliases: [["decoder.", "decoder.net."]] },
  );
}

/** Both parts, which are of one version: the older one, where they ask for two. */
function readParts(config: PalmEConfig, tensors?: TensorShapes): { encoder: ViTConfig; decoder: TransformerConfig } {
  const encoder = readViTConfig("PalmE", encoderOptions(config), tensors && tensorsOf("encoder", tensors));
  const decoder = readTransformerConfig("PalmE", decoderOptions(config), {}, tensors && tensorsOf("decoder", tensors));
  const [a, b] = [encoder.xTransformersVersion, decoder.xTransformersVersion];
  if (a === b || a === undefined || b === undefined) return { encoder, decoder };
  return readParts({ ...config, xTransformersVersion: isOlder(a, b) ? a : b }, tensors);
}

/** The tensors of one part of a checkpoint. */
function tensorsOf(part: "encoder" | "decoder", tensors: TensorShapes): TensorShapes {
  return new Map([...tensors].filter(([name]) => name.split(".").includes(part)));
}

/** @throws {ShapeError} unless there are as many texts as images */
function checkBatch(img: ImagesInput, text: TokensInput): void {
  checkImages(img);
  const images = img.shape[0] ?? 0;
  const [rows, columns] = shapeOfTokens(text);
  if (rows === images) return;
  const hint = columns === images
    ? `the text looks time-major, [n, b]: transpose it to [${columns}, ${rows}]`
    : "give one row of text for each image";
  throw new ShapeError(`Cannot run on ${images} images and text of shape [${rows}, ${columns}]: ${hint}`);
}
