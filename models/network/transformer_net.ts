/**
 * The network behind every text model: embeddings, a stack of layers, logits.
 *
 * @module
 */

import type { Backend } from "../../backend/backend.ts";
import type { CacheFormat, Tensor } from "../../backend/memory.ts";
import { AttentionLayers } from "../layers/attention_layers.ts";
import { Embedding, Linear } from "../layers/linear.ts";
import { type Norm, norm } from "../layers/norm.ts";
import type { PassInputs, Watch } from "../layers/pass.ts";
import type { Architecture, EmbeddingPlan, RotaryPlan } from "./architecture.ts";
import { KvCache, type Step } from "./kv_cache.ts";
import type { Parameter, Parameters } from "./parameters.ts";
import { normal } from "./random.ts";

/** What a pass may be given beside tokens. */
export interface NetInputs {
  /** Tokens to keep: int32 [b, n]. */
  readonly mask?: Tensor | undefined;
  /** Tokens that attention may look at, where they are fewer: int32 [b, n]. */
  readonly keyMask?: Tensor | undefined;
  /** What cross attention looks at: [b, m, contextDim]. */
  readonly context?: Tensor | undefined;
  /** Positions of the context to keep: int32 [b, m]. */
  readonly contextMask?: Tensor | undefined;
  /** Embeddings in front of the tokens: [b, p, embDim]; they count as positions and are part of the output. */
  readonly prependEmbeds?: Tensor | undefined;
  /** Added to the embeddings: [b, n, embDim]. */
  readonly sumEmbeds?: Tensor | undefined;
  /** Ids of learned absolute positions: int32 [b or 1, n]. Default 0 .. n - 1. */
  readonly pos?: Tensor | undefined;
  /** Told what each part of the network gives. */
  readonly watch?: Watch | undefined;
}

/**
 * The network of an architecture; parameters `embedding.tokens`, `embedding.positions`, `embedding.norm`,
 * `embedding.projection` and `embedding.memory`, those of `AttentionLayers`, and `logits`.
 */
export class TransformerNet {
  /** What it computes. */
  readonly architecture: Architecture;
  /** Width of the context that it attends to; undefined without cross attention. */
  readonly contextDim: number | undefined;
  /** Whether hidden states depend on earlier tokens only. */
  readonly isCausal: boolean;
  /** Whether keys and values of earlier tokens stay what they were when the sequence grows. */
  readonly canCache: boolean;
  /** Why the oldest tokens can't be dropped from a cache; undefined where they can. */
  readonly slidingObstacle: string | undefined;
  /** Why padding behind a text would change its values; undefined where a mask hides it. */
  readonly paddingObstacle: string | undefined;
  readonly #tokenEmbedding: Embedding;
  readonly #positionEmbedding: Embedding | undefined;
  readonly #embeddingNorm: Norm | undefined;
  readonly #projectEmbedding: Linear | undefined;
  readonly #memoryTokens: Parameter | undefined;
  readonly #layers: AttentionLayers;
  readonly #toLogits: Linear | undefined;
  readonly #parameters: Parameters;

  constructor(parameters: Parameters, architecture: Architecture) {
    const { numTokens, maxSeqLen, embedding, layers, logits } = architecture;
    const { width, isNormalized, memoryTokens = 0 } = embedding;
    const { dim } = layers;
    this.architecture = architecture;
    this.#parameters = parameters;
    const sublayers = layers.blocks.flatMap(({ sublayers }) => sublayers);
    const attentions = (kind: "selfAttention" | "crossAttention") =>
      sublayers.flatMap((plan) => plan.kind === kind ? [plan.attention] : []);
    const [cross] = attentions("crossAttention");
    this.contextDim = cross && (cross.sourceDim ?? dim);
    this.isCausal = attentions("selfAttention").every(({ isCausal }) => isCausal);
    const rotaries = attentions("selfAttention").flatMap(({ rotary }) => rotary ? [rotary] : []);
    this.canCache = this.isCausal && rotaries.every(({ xPos }) => xPos?.center !== "sequence");
    this.slidingObstacle = this.canCache
      ? slidingObstacle(embedding, rotaries)
      : "its keys and values change with the length of the text, so that none can be kept";
    this.paddingObstacle = this.isCausal && !this.canCache
      ? "this model's values change with the length of the text"
      : sublayers.some(({ shifts = [] }) => shifts.some((shift) => shift < 0))
      ? "this model shifts features of the padding behind a text into it"
      : undefined;
    const own = parameters.in("embedding");
    if (memoryTokens > 0) this.#memoryTokens = own.values("memory", [memoryTokens, dim], normal(1));
    const drawTokens = normal(isNormalized ? 1e-5 : Math.sqrt(2 / width)); // kaiming normal
    this.#tokenEmbedding = new Embedding(own.in("tokens"), numTokens, width, drawTokens);
    if (embedding.positions) {
      const draw = normal(isNormalized ? 1e-5 : 1);
      this.#positionEmbedding = new Embedding(own.in("positions"), maxSeqLen, width, draw, true);
    }
    this.#embeddingNorm = norm(own.in("norm"), embedding.norm, width);
    if (width !== dim) this.#projectEmbedding = new Linear(own.in("projection"), width, dim);
    this.#layers = new AttentionLayers(parameters, layers);
    if (!logits.isTied) {
      this.#toLogits = new Linear(parameters.in("logits"), dim, numTokens, { bias: logits.hasBias ?? false });
    }
  }

  /** Vocabulary size. */
  get numTokens(): number {
    return this.architecture.numTokens;
  }

  /** Longest sequence. */
  get maxSeqLen(): number {
    return this.architecture.maxSeqLen;
  }

  /** Memory tokens in front of every sequence: positions that are no tokens. */
  get prefixLength(): number {
    return this.architecture.embedding.memoryTokens ?? 0;
  }

  /** The table of token embeddings [numTokens, width]. */
  get tokenTable(): Parameter {
    return this.#tokenEmbedding.weight;
  }

  /**
   * A cache without tokens; the caller disposes of it.
   *
   * @param capacity Tokens that a row can hold.
   * @param format How keys and values are kept.
   */
  createCache(backend: Backend, rows: number, capacity: number, format?: CacheFormat): KvCache {
    return KvCache.create(backend, this.architecture.layers, rows, capacity, this.prefixLength, format);
  }

  /** Tokens int32 [b, n] to hidden states after the final norm, (b, p + n, dim); memory tokens are cut off. */
  hidden(backend: Backend, tokens: Tensor, inputs: NetInputs = {}): Tensor {
    const embedded = this.#embed(backend, tokens, inputs, [0]);
    const memory = this.prefixLength;
    const x = this.#memoryTokens ? this.#prependMemory(backend, embedded) : embedded; // (b, memory + p + n, dim)
    const [b = 0, length = 0] = x.shape;
    const extend = (mask: Tensor | undefined) => mask && this.#extendMask(backend, mask, b, length);
    const masks = { mask: extend(inputs.mask), keyMask: extend(inputs.keyMask) };
    const out = this.#layers.forward(this.#pass(backend, { ...inputs, ...masks }), x);
    return memory > 0 ? backend.slice(out, memory, length) : out;
  }

  /**
   * One cached step: tokens int32 [b, n] that follow what the cache holds, to hidden states (b, n, dim).
   *
   * @param counts Tokens of each row, where rows are padded on the right.
   */
  step(
    backend: Backend,
    tokens: Tensor,
    cache: KvCache,
    inputs: NetInputs = {},
    counts?: readonly number[],
  ): StepResult {
    const n = tokens.shape[1] ?? 0;
    const memory = cache.isEmpty ? this.prefixLength : 0;
    const textStarts = cache.lengths.map((length) => Math.max(0, length - this.prefixLength));
    const embedded = this.#embed(backend, tokens, inputs, textStarts);
    const x = memory > 0 ? this.#prependMemory(backend, embedded) : embedded;
    const rowCounts = (counts ?? cache.lengths.map(() => n)).map((count) => count + memory);
    const step = cache.begin(backend, rowCounts, n + memory);
    const { context, contextMask, watch } = inputs;
    const given = { context, contextMask, watch, cache: step, starts: cache.lengths };
    const out = this.#layers.forward(this.#pass(backend, given), x);
    return { hidden: memory > 0 ? backend.slice(out, memory, memory + n) : out, step };
  }

  /** Hidden states (..., dim) to logits (..., numTokens). */
  logits(backend: Backend, hidden: Tensor): Tensor {
    if (this.#toLogits) return this.#toLogits.forward(backend, hidden);
    const { scale = 1 } = this.architecture.logits;
    const scaled = scale === 1 ? hidden : backend.multiply(hidden, backend.tensor(Float32Array.of(scale), [1]));
    return backend.linear(scaled, this.#tokenEmbedding.weight.value);
  }

  /** Token ids to what the first layer sees, without memory tokens: (b, p + n, dim). */
  #embed(backend: Backend, tokens: Tensor, inputs: NetInputs, starts: readonly number[]): Tensor {
    const { isNormalized, positions } = this.architecture.embedding;
    let x = this.#tokenEmbedding.forward(backend, tokens); // (b, n, width)
    if (isNormalized) x = backend.l2Norm(x);
    if (this.#positionEmbedding) {
      const ids = inputs.pos ?? positionIds(backend, starts, tokens.shape[1] ?? 0);
      const found = this.#positionEmbedding.forward(backend, ids);
      x = backend.add(x, isNormalized ? backend.l2Norm(found) : found, { factor: positions?.factor });
    }
    if (inputs.sumEmbeds) x = backend.add(x, inputs.sumEmbeds);
    x = this.#embeddingNorm?.forward(backend, x) ?? x;
    if (inputs.prependEmbeds) x = backend.concat([inputs.prependEmbeds, x]);
    x = this.#projectEmbedding?.forward(backend, x) ?? x;
    inputs.watch?.(this.#parameters.in("embedding.tokens").label, x);
    return x;
  }

  #prependMemory(backend: Backend, x: Tensor): Tensor {
    if (!this.#memoryTokens) return x;
    const { value, shape: [memory = 0, dim = 0] } = this.#memoryTokens;
    return backend.concat([backend.reshape(value, [1, memory, dim]), x]);
  }

  /** A mask over the tokens as one over all positions: those in front are kept. */
  #extendMask(backend: Backend, mask: Tensor, b: number, length: number): Tensor {
    const n = mask.shape[1] ?? 0;
    if (n === length) return mask;
    const ones = backend.tensor(new Int32Array(b * (length - n)).fill(1), [b, length - n, 1]);
    return backend.reshape(backend.concat([ones, backend.reshape(mask, [b, n, 1])]), [b, length]);
  }

  #pass(backend: Backend, { mask, keyMask, context, contextMask, watch, cache, starts }: Omit<PassInputs, "backend">) {
    return { backend, starts, mask, keyMask, context, contextMask, cache, watch };
  }
}

/** Result of a cached step. */
export interface StepResult {
  /** Hidden states of the step's tokens: (b, n, dim). */
  readonly hidden: Tensor;
  /** To be committed to the cache; its `kept` tensors must outlive the scope. */
  readonly step: Step;
}

/** Why the oldest tokens of a text can't be dropped from a cache; undefined where they can. */
function slidingObstacle(
  { positions, memoryTokens = 0 }: EmbeddingPlan,
  rotaries: readonly RotaryPlan[],
): string | undefined {
  if (positions) return "learned absolute positions end at maxSeqLen";
  if (rotaries.some(({ rotatesValues }) => rotatesValues)) {
    return "rotated values carry absolute positions, which the model knows up to maxSeqLen";
  }
  return memoryTokens > 0 ? "the memory tokens in front of the text would be dropped first" : undefined;
}

/** int32 [rows, n]: start + 0 .. n - 1 of each row. */
function positionIds(backend: Backend, starts: readonly number[], n: number): Tensor {
  const ids = Int32Array.from({ length: starts.length * n }, (_, i) => (starts[Math.floor(i / n)] ?? 0) + i % n);
  return backend.tensor(ids, [starts.length, n]);
}
