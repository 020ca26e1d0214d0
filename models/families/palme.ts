/**
 * PalmE: a text decoder that attends to the patch embeddings of an image (arXiv 2303.03378).
 *
 * @module
 */

import type { Backend } from "../../backend/backend.ts";
import type { Tensor } from "../../backend/memory.ts";
import { ShapeError } from "../../errors.ts";
import { checkOptions, choice, type Fields, flag, integer, optional, readFields, word } from "../config/fields.ts";
import { loadDefaults, readTransformerConfig } from "../config/transformer_config.ts";
import type { Reference, TransformerConfig } from "../config/transformer_options.ts";
import { checkpointConfig } from "../config/x_transformers/checkpoint_config.ts";
import { isOlder, type TensorShapes } from "../config/x_transformers/versions.ts";
import type { GenerateOptions, SessionOptions } from "../generation/options.ts";
import type { ContextInput } from "../language/context.ts";
import { GenerativeModel, type ReadOptions } from "../language/generative_model.ts";
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

/**
 * Configuration of PalmE.
 *
 * @category Models
 */
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

/**
 * What PalmE takes in place of a context.
 *
 * @category Models
 */
export interface ImageInput {
  /** Images [b, 3, imageSize, imageSize], one for each text. */
  readonly image?: ImagesInput | undefined;
}

/**
 * Options of PalmE's `generate` and `generateBatch`.
 *
 * @category Models
 */
export type PalmEGenerateOptions = GenerateOptions<ImageInput>;

/**
 * Options of PalmE's `session`.
 *
 * @category Models
 */
export type PalmESessionOptions = SessionOptions<ImageInput>;

/**
 * zeta's PalmE. Heads are 64 wide. Generation takes an `image` [b, 3, imageSize, imageSize], one for each text, and
 * needs it unless the model was configured not to attend to one.
 *
 * @example
 * ```ts
 * import { imageTensor, PalmE } from "../../mod.ts";
 *
 * const model = await PalmE.create({
 *   imageSize: 64,
 *   patchSize: 32,
 *   encoderDim: 64,
 *   encoderDepth: 1,
 *   encoderHeads: 2,
 *   numTokens: 256,
 *   maxSeqLen: 64,
 *   decoderDim: 64,
 *   decoderDepth: 1,
 *   decoderHeads: 2,
 *   alibiNumHeads: 1,
 * });
 * const photograph = await Deno.readFile("tests/fixtures/images/baseline_420.jpg");
 * const image = await imageTensor(photograph, { resize: 64, crop: 64, mean: 0.5, std: 0.5 });
 * const logits = model.forward(image, [[1, 2, 3]]);
 * console.log(logits.shape); // [ 1, 3, 256 ]
 * logits.dispose();
 * model.dispose();
 * ```
 *
 * @category Models
 */
export class PalmE extends GenerativeModel<KvCache, ImageInput> {
  /** The class, as `model_type` names it. */
  readonly modelType = "palme";
  /** The configuration, defaults filled in. */
  readonly config: PalmEConfig;
  /**
   * The text decoder's network.
   * @internal
   */
  override readonly net: TransformerNet;
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
   * @throws {ConfigError} For a configuration that can't work.
   * @throws {OutOfMemoryError} Where the parameters don't fit.
   */
  static async create(config: Partial<PalmEConfig> = {}, options: ModelOptions = {}): Promise<PalmE> {
    return await Model.initialize(new PalmE(readFields("PalmE", fields, config)), options);
  }

  /**
   * A model from a checkpoint.
   *
   * @throws {WeightsError} Where it can't be read or does not fit its configuration.
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
   * @param img Images [b, 3, imageSize, imageSize].
   * @param text Token ids, b rows.
   * @returns [b, n, numTokens]; the caller disposes of it.
   * @throws {ShapeError} Where image and text don't go together.
   */
  forward(img: ImagesInput, text: TokensInput, options: Omit<ForwardOptions, keyof ContextInput> = {}): Tensor {
    const { backend } = this;
    checkBatch(img, text);
    return backend.scope(() => this.#head.forward(backend, text, { ...options, context: this.#context(backend, img) }));
  }

  /**
   * Mean cross entropy, in nats, of predicting text[1:] from text[:-1] and the image.
   *
   * @returns A scalar; the caller disposes of it.
   */
  loss(img: ImagesInput, text: TokensInput, options: Omit<LossOptions, keyof ContextInput> = {}): Tensor {
    const { backend } = this;
    checkBatch(img, text);
    return backend.scope(() => this.#head.loss(backend, text, { ...options, context: this.#context(backend, img) }));
  }

  /** Patch embeddings of images, which the decoder attends to: [b, patches, encoderDim]; the caller disposes of it. */
  encode(img: ImagesInput): Tensor {
    const { backend } = this;
    return backend.scope(() => this.#encoder.encode(backend, placeImages(backend, img, this.#encoderConfig)));
  }

  /** The context is the image of each text, encoded when generation asks for it. */
  protected override readOptions(what: string, given: PalmEGenerateOptions = {}): ReadOptions {
    const { image, ...options } = checkOptions(what, given);
    return { options, encode: image && this.config.crossAttend ? () => this.encode(image) : undefined };
  }

  /** The context of the decoder; undefined where it attends to none. */
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

/** Both parts. They are of one version, the older one where they ask for two. */
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

/** @throws {ShapeError} Unless there are as many texts as images. */
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
