/**
 * Vision transformer (arXiv 2010.11929): patches, an encoder, the mean over patches.
 *
 * @module
 */

import type { Backend } from "../../backend/backend.ts";
import type { Tensor } from "../../backend/memory.ts";
import { show } from "../../common/show.ts";
import type { ImageTensor } from "../../data/image/image.ts";
import { ConfigError, ShapeError } from "../../errors.ts";
import { atMost, choice, type Fields, flag, integer, optional, readFields, real, word } from "../config/fields.ts";
import { MAX_DEPTH, readStackConfig } from "../config/transformer_config.ts";
import type { Reference } from "../config/transformer_options.ts";
import { checkpointConfig } from "../config/x_transformers/checkpoint_config.ts";
import { foreignOptions } from "../config/x_transformers/options.ts";
import type { TensorShapes } from "../config/x_transformers/versions.ts";
import { isTensor } from "../language/tokens.ts";
import { AttentionLayers } from "../layers/attention_layers.ts";
import { Linear } from "../layers/linear.ts";
import { Norm } from "../layers/norm.ts";
import { Model, type ModelOptions } from "../model.ts";
import type { SublayerKind } from "../network/architecture.ts";
import { type Parameter, Parameters } from "../network/parameters.ts";
import { normal } from "../network/random.ts";
import { type Checkpoint, openCheckpoint } from "../weights/checkpoint.ts";
import { naming, type NamingRules, within } from "../weights/naming.ts";
import type { ModelSource } from "../weights/source.ts";
import { conventionsOf, layerNormPlan, layersPlan } from "./transformer_architecture.ts";
import { layerNormNames, layersNames, linearNames } from "./transformer_names.ts";

/**
 * Configuration of a vision transformer.
 *
 * @category Models
 */
export interface ViTConfig {
  /** Conventions for names and norms: kyegomez/zeta or lucidrains/x-transformers. */
  readonly reference: Reference;
  /** See `TransformerConfig.xTransformersVersion`. */
  readonly xTransformersVersion: string | undefined;
  /** Height and width of an image. */
  readonly imageSize: number;
  /** Height and width of a patch. */
  readonly patchSize: number;
  /** Color channels. */
  readonly channels: number;
  /** Classes of the head; absent: no head, the result is the mean over patches. */
  readonly numClasses: number | undefined;
  /** Width. */
  readonly dim: number;
  /** Number of blocks. */
  readonly depth: number;
  /** Attention heads. */
  readonly heads: number;
  /** Width of one head. */
  readonly dimHead: number;
  /** Width of the feed forward, in `dim`s. */
  readonly ffMult: number;
  /** Norm after the patch embedding. */
  readonly postEmbNorm: boolean;
  /** Attention in O(n) memory. */
  readonly attnFlash: boolean;
}

/**
 * Images [b, c, h, w] on the host or on an engine.
 *
 * @category Models
 */
export type ImagesInput = Tensor | ImageTensor | {
  readonly data: Float32Array;
  readonly shape: readonly number[];
};

const fields: Fields<ViTConfig> = {
  reference: choice(["zeta", "x-transformers"], "x-transformers"),
  xTransformersVersion: optional(word()),
  imageSize: integer(),
  patchSize: integer(),
  channels: integer(3),
  numClasses: optional(integer()),
  dim: integer(),
  depth: atMost(MAX_DEPTH, integer()),
  heads: integer(8),
  dimHead: integer(64, 1, "attnDimHead"),
  ffMult: real(4, 0),
  postEmbNorm: flag(false),
  attnFlash: flag(true),
};

/** Options of x-transformers' `ViTransformerWrapper` that no field reads; its layers are an encoder. */
const viTOptions = new Map([...foreignOptions, ["attnLayers", { isInert: false, fallback: "encoder" }]]);

/** Sublayers of one block. */
const ENCODER_ORDER: readonly SublayerKind[] = ["selfAttention", "feedForward"];

/**
 * The network of a vision transformer; parameters `positions.embedding` and `positions.norm`, `patches.norm`,
 * `patches.projection` and `patches.outputNorm`, those of `AttentionLayers`, and `head`.
 */
export class ViTNet {
  readonly #config: ViTConfig;
  readonly #positions: Parameter;
  readonly #patchNorm: Norm;
  readonly #toEmbedding: Linear;
  readonly #embeddingNorm: Norm;
  readonly #postNorm: Norm | undefined;
  readonly #layers: AttentionLayers;
  readonly #head: Linear | undefined;

  constructor(parameters: Parameters, config: ViTConfig) {
    const { reference, imageSize, patchSize, channels, dim, numClasses } = config;
    const patches = (imageSize / patchSize) ** 2;
    const patchDim = channels * patchSize ** 2;
    this.#config = config;
    this.#positions = parameters.values("positions.embedding", [1, patches, dim], normal(1));
    const plan = layerNormPlan(reference);
    this.#patchNorm = new Norm(parameters.in("patches.norm"), plan, patchDim);
    this.#toEmbedding = new Linear(parameters.in("patches.projection"), patchDim, dim);
    this.#embeddingNorm = new Norm(parameters.in("patches.outputNorm"), plan, dim);
    if (config.postEmbNorm) this.#postNorm = new Norm(parameters.in("positions.norm"), plan, dim);
    const encoder = readStackConfig("ViTransformerWrapper", encoderOptions(config));
    this.#layers = new AttentionLayers(parameters, layersPlan(encoder, false, ENCODER_ORDER));
    if (numClasses !== undefined) this.#head = new Linear(parameters.in("head"), dim, numClasses);
  }

  /** Images [b, c, h, w] to patch embeddings after the final norm: (b, patches, dim). */
  encode(backend: Backend, images: Tensor): Tensor {
    const patches = backend.patches(images, this.#config.patchSize); // (b, patches, p · p · c)
    const embedded = this.#toEmbedding.forward(backend, this.#patchNorm.forward(backend, patches));
    const normed = this.#embeddingNorm.forward(backend, embedded); // (b, patches, dim)
    const placed = backend.add(normed, this.#positions.value);
    const x = this.#postNorm?.forward(backend, placed) ?? placed;
    return this.#layers.forward({ backend }, x);
  }

  /** Patch embeddings to class logits (b, numClasses), or without a head to their mean (b, dim). */
  classify(backend: Backend, embeddings: Tensor): Tensor {
    const pooled = backend.meanPool(embeddings);
    return this.#head?.forward(backend, pooled) ?? pooled;
  }
}

/**
 * A vision transformer.
 *
 * @example
 * ```ts
 * import { imageTensor, ViTransformerWrapper } from "../../mod.ts";
 *
 * const model = await ViTransformerWrapper.create({
 *   imageSize: 64,
 *   patchSize: 32,
 *   dim: 64,
 *   depth: 2,
 *   heads: 2,
 *   numClasses: 10,
 * });
 * const image = await imageTensor(await Deno.readFile("tests/fixtures/images/baseline_420.jpg"), {
 *   resize: 64,
 *   crop: 64,
 * });
 * const logits = model.forward(image);
 * const probabilities = model.backend.softmax(logits);
 * console.log(probabilities.shape); // [ 1, 10 ]
 * for (const each of [logits, probabilities, model]) each.dispose();
 * ```
 *
 * @category Models
 */
export class ViTransformerWrapper extends Model {
  /** The class, as `model_type` names it. */
  readonly modelType = "vit";
  /** The configuration, defaults filled in. */
  readonly config: ViTConfig;
  readonly #net: ViTNet;

  private constructor(config: ViTConfig) {
    const parameters = new Parameters(naming(viTNames(config)));
    super(parameters);
    this.config = config;
    this.#net = new ViTNet(parameters, config);
  }

  /**
   * A model with fresh values.
   *
   * @throws {ConfigError} For a configuration that can't work.
   */
  static async create(config: Partial<ViTConfig>, options: ModelOptions = {}): Promise<ViTransformerWrapper> {
    return await Model.initialize(new ViTransformerWrapper(readViTConfig("ViTransformerWrapper", config)), options);
  }

  /**
   * A model from a checkpoint.
   *
   * @throws {WeightsError} Where it can't be read or does not fit its configuration.
   */
  static async load(source: ModelSource, options: ModelOptions = {}): Promise<ViTransformerWrapper> {
    return await ViTransformerWrapper.open(await openCheckpoint(source, options), options);
  }

  /** As `load`, from a checkpoint that is open; it is closed when this ends. */
  static async open(checkpoint: Checkpoint, options: ModelOptions = {}): Promise<ViTransformerWrapper> {
    const { weights } = checkpoint;
    const config = checkpointConfig(checkpoint);
    const read = () => readViTConfig("ViTransformerWrapper", config, weights.tensors);
    return await Model.fill(() => new ViTransformerWrapper(read()), checkpoint, options);
  }

  /**
   * Class logits [b, numClasses], without a head the mean over patches [b, dim], or the patch embeddings [b, patches,
   * dim].
   *
   * @param img Images [b, c, h, w].
   * @throws {ShapeError} For images of another size, or with values that are not finite.
   */
  forward(img: ImagesInput, options: { readonly returnEmbeddings?: boolean | undefined } = {}): Tensor {
    const { backend } = this;
    return backend.scope(() => {
      const embeddings = this.#net.encode(backend, placeImages(backend, img, this.config));
      return options.returnEmbeddings ? embeddings : this.#net.classify(backend, embeddings);
    });
  }
}

/**
 * Reads and checks a vision transformer's configuration.
 *
 * @param tensors The checkpoint's, if it belongs to one.
 */
export function readViTConfig(what: string, given: object, tensors?: TensorShapes): ViTConfig {
  const config = readFields(what, fields, given, { foreign: viTOptions });
  const { imageSize, patchSize } = config;
  if (imageSize % patchSize !== 0) {
    throw new ConfigError(
      `Cannot configure ${what} with imageSize = ${imageSize}: it must be divisible by patchSize = ${patchSize}`,
    );
  }
  const { xTransformersVersion } = readStackConfig(what, encoderOptions(config), tensors);
  return { ...config, xTransformersVersion };
}

/**
 * Images as a tensor in the current scope.
 *
 * @throws {ShapeError} Unless they are [b, channels, imageSize, imageSize] of finite values.
 */
export function placeImages(backend: Backend, images: ImagesInput, { channels, imageSize }: ViTConfig): Tensor {
  checkImages(images);
  const [, c, h, w] = images.shape;
  if (images.shape.length !== 4 || c !== channels || h !== imageSize || w !== imageSize) {
    throw new ShapeError(
      `Cannot encode images of shape [${images.shape}]: expected [b, ${channels}, ${imageSize}, ${imageSize}]; ` +
        `imageTensor resizes and crops`,
    );
  }
  if (isTensor(images)) return images;
  const { data, shape } = images;
  const wrong = data.findIndex((value) => !Number.isFinite(value));
  if (wrong >= 0) {
    throw new ShapeError(`Cannot encode an image with ${data[wrong]} at value ${wrong}: values must be finite`);
  }
  return backend.tensor(data, shape);
}

/** @throws {ShapeError} Unless images are a tensor, or float values with their shape. */
export function checkImages(images: unknown): asserts images is ImagesInput {
  if (isTensor(images)) return;
  const { data, shape } = typeof images === "object" && images !== null ? images as Record<string, unknown> : {};
  if (data instanceof Float32Array && Array.isArray(shape) && data.length === shape.reduce((size, n) => size * n, 1)) {
    return;
  }
  throw new ShapeError(
    `Cannot encode ${show(images)} as images: give a tensor, or { data, shape } of as many float values; ` +
      "imageTensor(image, { resize, crop }) makes them of a PNG or JPEG file, and of pixels",
  );
}

function encoderOptions(config: ViTConfig) {
  const { reference, xTransformersVersion, dim, depth, heads, dimHead, ffMult, attnFlash } = config;
  return { reference, xTransformersVersion, dim, depth, heads, dimHead, ffMult, attnFlash };
}

/** The names of the references' `ViTransformerWrapper`. */
export function viTNames(config: ViTConfig): NamingRules {
  const layers = layersNames(readStackConfig("ViTransformerWrapper", encoderOptions(config)), ENCODER_ORDER);
  const { gain } = conventionsOf(config.reference).layerNorm;
  return {
    ...layers,
    tensors: [
      ["pos_embedding", "positions.embedding"],
      ...layerNormNames("post_emb_norm", "positions.norm", gain),
      ...layerNormNames("patch_to_embedding.0", "patches.norm", gain),
      ...linearNames("patch_to_embedding.1", "patches.projection"),
      ...layerNormNames("patch_to_embedding.2", "patches.outputNorm", gain),
      ...within("attn_layers.", "", layers.tensors),
      ...linearNames("mlp_head", "head"),
    ],
  };
}
