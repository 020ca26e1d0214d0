/**
 * The network behind every text model: embeddings, a stack of layers, logits.
 *
 * @module
 */

import type { Backend } from "../../backend/backend.ts";
import type { CacheFormat, Tensor } from "../../backend/memory.ts";
import { type TransformerConfig, usesAbsolutePositions, usesRotary } from "../config/transformer_config.ts";
import { tiedLogitsScale } from "../config/x_transformers/versions.ts";
import { AttentionLayers, slopesOf, type SublayerKind } from "../layers/attention_layers.ts";
import { Embedding, Linear } from "../layers/linear.ts";
import { layerNorm, type Norm } from "../layers/norm.ts";
import type { CacheStep, Pass, Watch } from "../layers/pass.ts";
import { Rotary } from "../layers/rotary.ts";
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

/** The network of a configuration. State-dict names are the references' `TransformerWrapper`'s. */
export class TransformerNet {
  readonly #config: TransformerConfig;
  readonly #tokenEmbedding: Embedding;
  readonly #positionEmbedding: Embedding | undefined;
  readonly #embeddingNorm: Norm | undefined;
  readonly #projectEmbedding: Linear | undefined;
  readonly #memoryTokens: Parameter | undefined;
  readonly #rotary: Rotary | undefined;
  readonly #layers: AttentionLayers;
  readonly #toLogits: Linear | undefined;

  /** @param order sublayers of one block, where they differ from self attention, cross attention if configured, feed forward */
  constructor(parameters: Parameters, config: TransformerConfig, order: readonly SublayerKind[] = blockOrder(config)) {
    const { numTokens, maxSeqLen, dim, embDim = dim, reference, numMemoryTokens } = config;
    this.#config = config;
    if (numMemoryTokens > 0) this.#memoryTokens = parameters.values("memory_tokens", [numMemoryTokens, dim], normal(1));
    const drawTokens = normal(config.l2normEmbed ? 1e-5 : Math.sqrt(2 / embDim)); // kaiming normal
    this.#tokenEmbedding = new Embedding(parameters.in("token_emb.emb"), numTokens, embDim, drawTokens);
    if (usesAbsolutePositions(config)) {
      const draw = normal(config.l2normEmbed ? 1e-5 : 1);
      this.#positionEmbedding = new Embedding(parameters.in("pos_emb.emb"), maxSeqLen, embDim, draw, true);
    }
    if (config.postEmbNorm) this.#embeddingNorm = layerNorm(parameters.in("post_emb_norm"), reference, embDim);
    if (embDim !== dim) this.#projectEmbedding = new Linear(parameters.in("project_emb"), embDim, dim);
    if (Rotary.isUsedBy(config)) this.#rotary = new Rotary(parameters.in("attn_layers.rotary_pos_emb"), config);
    this.#layers = new AttentionLayers(parameters.in("attn_layers"), config, order);
    if (!config.tieEmbedding) {
      this.#toLogits = new Linear(parameters.in("to_logits"), dim, numTokens, { bias: reference === "zeta" });
    }
  }

  /** The table of token embeddings [numTokens, embDim]. */
  get tokenTable(): Parameter {
    return this.#tokenEmbedding.weight;
  }

  /** What each sublayer does, in order. */
  get sublayers(): SublayerKind[] {
    return this.#layers.kinds;
  }

  /** Size of the vocabulary. */
  get numTokens(): number {
    return this.#config.numTokens;
  }

  /** Longest sequence. */
  get maxSeqLen(): number {
    return this.#config.maxSeqLen;
  }

  /** Width of the context that cross attention looks at; undefined where there is none. */
  get contextDim(): number | undefined {
    const { crossAttend, contextDim, dim } = this.#config;
    return crossAttend ? contextDim ?? dim : undefined;
  }

  /** Memory tokens, which stand in front of every sequence. */
  get prefixLength(): number {
    return this.#config.numMemoryTokens;
  }

  /** Whether tokens attend to earlier ones only. */
  get isCausal(): boolean {
    return this.#config.attnLayers === "decoder";
  }

  /** Whether keys and values of earlier tokens stay what they were when the sequence grows. */
  get canCache(): boolean {
    return this.isCausal && !Rotary.dependsOnLength(this.#config);
  }

  /** Why a cache can't drop its oldest keys and values; undefined where it can. */
  get slidingObstacle(): string | undefined {
    if (!this.canCache) return "its keys and values change with the length of the text, so that none can be kept";
    if (usesAbsolutePositions(this.#config)) return "learned absolute positions end at maxSeqLen";
    if (this.#config.rotaryEmbedValues && usesRotary(this.#config)) {
      return "rotated values carry absolute positions, which the model knows up to maxSeqLen";
    }
    if (this.prefixLength > 0) return "the memory tokens in front of the text would be dropped first";
    return undefined;
  }

  /** A cache for `rows` sequences of up to `capacity` tokens; the caller disposes of it. */
  createCache(backend: Backend, rows: number, capacity: number, format?: CacheFormat): KvCache {
    return KvCache.create(backend, this.#config, this.sublayers, rows, capacity, format);
  }

  /** Tokens int32 [b, n] to hidden states after the final norm, (b, p + n, dim); memory tokens are cut off. */
  hidden(backend: Backend, tokens: Tensor, inputs: NetInputs = {}): Tensor {
    const embedded = this.#embed(backend, tokens, inputs, [0]);
    const memory = this.#config.numMemoryTokens;
    const x = this.#memoryTokens ? this.#prependMemory(backend, embedded) : embedded; // (b, memory + p + n, dim)
    const [b = 0, length = 0] = x.shape;
    const extend = (mask: Tensor | undefined) => mask && this.#extendMask(backend, mask, b, length);
    const masks = { mask: extend(inputs.mask), keyMask: extend(inputs.keyMask) };
    const out = this.#layers.forward(this.#pass(backend, [0], length, { ...inputs, ...masks }), x);
    return memory > 0 ? backend.slice(out, memory, length) : out;
  }

  /**
   * One cached step: tokens int32 [b, n] that follow what the cache holds, to hidden states (b, n, dim).
   *
   * @param counts tokens of each row, where rows are padded on the right
   */
  step(
    backend: Backend,
    tokens: Tensor,
    cache: KvCache,
    inputs: NetInputs = {},
    counts?: readonly number[],
  ): StepResult {
    const n = tokens.shape[1] ?? 0;
    const memory = cache.isEmpty ? this.#config.numMemoryTokens : 0;
    const textStarts = cache.lengths.map((length) => Math.max(0, length - this.#config.numMemoryTokens));
    const embedded = this.#embed(backend, tokens, inputs, textStarts);
    const x = memory > 0 ? this.#prependMemory(backend, embedded) : embedded;
    const rowCounts = (counts ?? cache.lengths.map(() => n)).map((count) => count + memory);
    const step = cache.begin(backend, rowCounts, n + memory);
    const { context, contextMask, watch } = inputs;
    const pass = this.#pass(backend, cache.lengths, n + memory, { context, contextMask, watch }, step);
    const out = this.#layers.forward(pass, x);
    return { hidden: memory > 0 ? backend.slice(out, memory, memory + n) : out, step };
  }

  /** Hidden states (..., dim) to logits (..., numTokens). */
  logits(backend: Backend, hidden: Tensor): Tensor {
    if (this.#toLogits) return this.#toLogits.forward(backend, hidden);
    const scale = tiedLogitsScale(this.#config);
    const scaled = scale === 1 ? hidden : backend.multiply(hidden, backend.tensor(Float32Array.of(scale), [1]));
    return backend.linear(scaled, this.#tokenEmbedding.weight.value);
  }

  /** Token ids to what the first layer sees, without memory tokens: (b, p + n, dim). */
  #embed(backend: Backend, tokens: Tensor, inputs: NetInputs, starts: readonly number[]): Tensor {
    const { l2normEmbed, embDim, dim } = this.#config;
    let x = this.#tokenEmbedding.forward(backend, tokens); // (b, n, embDim)
    if (l2normEmbed) x = backend.l2Norm(x);
    if (this.#positionEmbedding) {
      const ids = inputs.pos ?? positionIds(backend, starts, tokens.shape[1] ?? 0);
      const positions = this.#positionEmbedding.forward(backend, ids);
      x = l2normEmbed
        ? backend.add(x, backend.l2Norm(positions))
        : backend.add(x, positions, { factor: (embDim ?? dim) ** -0.5 });
    }
    if (inputs.sumEmbeds) x = backend.add(x, inputs.sumEmbeds);
    x = this.#embeddingNorm?.forward(backend, x) ?? x;
    if (inputs.prependEmbeds) x = backend.concat([inputs.prependEmbeds, x]);
    x = this.#projectEmbedding?.forward(backend, x) ?? x;
    inputs.watch?.("token_emb", x);
    return x;
  }

  #prependMemory(backend: Backend, x: Tensor): Tensor {
    if (!this.#memoryTokens) return x;
    const { numMemoryTokens, dim } = this.#config;
    return backend.concat([backend.reshape(this.#memoryTokens.value, [1, numMemoryTokens, dim]), x]);
  }

  /** A mask over the tokens as one over all positions: those in front are kept. */
  #extendMask(backend: Backend, mask: Tensor, b: number, length: number): Tensor {
    const n = mask.shape[1] ?? 0;
    if (n === length) return mask;
    const ones = backend.tensor(new Int32Array(b * (length - n)).fill(1), [b, length - n, 1]);
    return backend.reshape(backend.concat([ones, backend.reshape(mask, [b, n, 1])]), [b, length]);
  }

  #pass(
    backend: Backend,
    starts: readonly number[],
    n: number,
    inputs: NetInputs,
    cache?: CacheStep,
  ): Pass {
    const { mask, keyMask, context, contextMask, watch } = inputs;
    const rotary = this.#rotary?.tables(backend, starts, n);
    const slopes = slopesOf(backend, this.#config);
    return { backend, rotary, slopes, mask, keyMask, context, contextMask, cache, watch };
  }
}

/** Result of a cached step. */
export interface StepResult {
  /** Hidden states of the step's tokens: (b, n, dim). */
  readonly hidden: Tensor;
  /** To be committed to the cache; its `kept` tensors must outlive the scope. */
  readonly step: Step;
}

/** Sublayers of one block. */
export function blockOrder({ crossAttend }: TransformerConfig): SublayerKind[] {
  return crossAttend ? ["selfAttention", "crossAttention", "feedForward"] : ["selfAttention", "feedForward"];
}

/** int32 [rows, n]: start + 0 .. n - 1 of each row. */
function positionIds(backend: Backend, starts: readonly number[], n: number): Tensor {
  const ids = Int32Array.from({ length: starts.length * n }, (_, i) => (starts[Math.floor(i / n)] ?? 0) + i % n);
  return backend.tensor(ids, [starts.length, n]);
}
