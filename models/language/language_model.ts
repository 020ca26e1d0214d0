/**
 * What every transformer over tokens does: logits, loss and generation.
 *
 * @module
 */

import type { Tensor } from "../../backend/memory.ts";
import { type Architecture, attentionsOf } from "../network/architecture.ts";
import type { KvCache } from "../network/kv_cache.ts";
import type { Parameters } from "../network/parameters.ts";
import { TransformerNet } from "../network/transformer_net.ts";
import { type PromptInput, type PromptsInput, readPrompt, readPrompts } from "../generation/sequences/prompts.ts";
import { attentionProbabilities } from "./attention_probabilities.ts";
import type { ContextInput } from "./context.ts";
import { embed, type EmbedInput, type EmbedOptions } from "./embed.ts";
import { GenerativeModel } from "./generative_model.ts";
import { type ForwardOptions, LanguageHead, type LossOptions } from "./language_head.ts";
import { scoreRows } from "./score.ts";
import type { TokensInput } from "./tokens.ts";

/**
 * A transformer over tokens.
 *
 * @example
 * ```ts
 * import { Andromeda, AndromedaTokenizer, type LanguageModel } from "../../mod.ts";
 *
 * async function perplexity(model: LanguageModel, tokens: number[]): Promise<number> {
 *   const loss = model.loss(tokens);
 *   const [nats = NaN] = await loss.data();
 *   loss.dispose();
 *   return Math.exp(nats);
 * }
 *
 * const tokenizer = await AndromedaTokenizer.load("examples/shakespeare");
 * const model = await Andromeda.load("examples/shakespeare");
 * const [verse, noise] = [tokenizer.encode("To be, or not to be"), tokenizer.encode("be be or not To, to")];
 * console.log(await perplexity(model, verse) < await perplexity(model, noise)); // true
 * model.dispose();
 * ```
 *
 * @category Models
 */
export abstract class LanguageModel extends GenerativeModel<KvCache> {
  /**
   * The network.
   * @internal
   */
  override readonly net: TransformerNet;
  readonly #head: LanguageHead;

  /**
   * Declares the network of a class.
   * @internal
   * @param parameters To which the network adds its own.
   */
  protected constructor(parameters: Parameters, architecture: Architecture) {
    super(parameters);
    this.net = new TransformerNet(parameters, architecture);
    this.#head = new LanguageHead(this.net);
  }

  /**
   * Logits of the next token at each position.
   *
   * @param tokens One row, several rows, a tokenizer's batch, or an int32 tensor [b, n].
   * @returns [b, n, numTokens], or fewer positions as asked; the caller disposes of it.
   * @throws {ShapeError} For rows of different lengths, no tokens or more than maxSeqLen.
   * @throws {ConfigError} For an id outside the vocabulary.
   * @throws {OutOfMemoryError} Where the logits would not fit: ask for fewer `positions`.
   */
  forward(tokens: TokensInput, options: ForwardOptions = {}): Tensor {
    return this.#head.forward(this.backend, tokens, options);
  }

  /**
   * Mean cross entropy, in nats, of predicting tokens[1:] from tokens[:-1].
   *
   * @returns A scalar; the caller disposes of it.
   * @throws As `forward`; {ShapeError} for rows of a single token.
   */
  loss(tokens: TokensInput, options: LossOptions = {}): Tensor {
    return this.#head.loss(this.backend, tokens, options);
  }

  /**
   * A vector for each text: the hidden states of its tokens after the final norm, pooled. Rows may have any lengths;
   * each gets what it gets alone.
   *
   * @param texts Texts, with a `tokenizer` among the options, or their token ids.
   * @returns [b, dim]; the caller disposes of it.
   * @throws {ShapeError} For a row without a token that counts, and as `forward`.
   * @throws {ConfigError} For texts without a tokenizer, an id outside the vocabulary, and options that can't work.
   *
   * @example
   * ```ts
   * import { AndromedaTokenizer, loadLanguageModel } from "../../mod.ts";
   *
   * const tokenizer = await AndromedaTokenizer.load("examples/shakespeare");
   * const model = await loadLanguageModel("examples/shakespeare");
   * const texts = ["Good morrow, cousin.", "Is the day so young?"];
   * const vectors = model.embed(texts, { tokenizer, normalize: true });
   * console.log(vectors.shape); // [ 2, 256 ]
   * vectors.dispose();
   * model.dispose();
   * ```
   */
  embed(texts: EmbedInput, options: EmbedOptions = {}): Tensor {
    return embed(this, texts, options);
  }

  /** How many attentions the network has: one for each block, or two where blocks attend to a context as well. */
  get attentionCount(): number {
    return attentionsOf(this.net.architecture.layers).length;
  }

  /**
   * Where one of the attentions looks: the probability that each head gives to each key, for each token. A row sums
   * to 1; columns are the keys of memory, where the model has some, and then the tokens.
   *
   * @param layer Which attention, from 0 to `attentionCount` - 1, in the order in which they are computed.
   * @param options The context of models that attend to one.
   * @returns [b, heads, n, keys], which is large for long texts; the caller disposes of it.
   * @throws {ConfigError} For an attention that there is not.
   * @throws As `forward`.
   *
   * @example
   * ```ts
   * import { loadLanguageModel } from "../../mod.ts";
   *
   * const model = await loadLanguageModel("examples/shakespeare");
   * const probabilities = model.attentionProbabilities([7, 11, 13], 0);
   * console.log(probabilities.shape); // [ 1, 8, 3, 3 ]
   * const [first] = await probabilities.data();
   * console.log(first); // 1
   * probabilities.dispose();
   * model.dispose();
   * ```
   */
  attentionProbabilities(tokens: TokensInput, layer: number, options: ContextInput = {}): Tensor {
    return attentionProbabilities(
      this.backend,
      layer,
      this.attentionCount,
      () => this.forward(tokens, { ...options, returnEmbeddings: true }),
    );
  }

  /**
   * How likely the model finds a text: the log-probability, in nats, of each token given those before it.
   *
   * @param tokens Token ids of one text; its first token, of which there is none before, gets no value.
   * @returns For n tokens, n - 1 values: value i is that of token i + 1. Their sum is the log-probability of the text,
   * and minus their mean is `loss`.
   * @throws {ShapeError} For fewer than two tokens or more than maxSeqLen + 1.
   * @throws {ConfigError} For an id outside the vocabulary, and for a model that is not causal.
   */
  async score(tokens: PromptInput, options: ContextInput = {}): Promise<Float32Array> {
    const row = await readPrompt(tokens, this.net.numTokens, "score");
    const [scores = new Float32Array(0)] = await scoreRows(this.backend, this.net, [row], options);
    return scores;
  }

  /**
   * The same of several texts at once, of any lengths: each gets the values that `score` gives it.
   *
   * @throws As `score`.
   */
  async scoreBatch(texts: PromptsInput, options: ContextInput = {}): Promise<Float32Array[]> {
    const rows = await readPrompts(texts, this.net.numTokens, "score");
    return await scoreRows(this.backend, this.net, rows, options);
  }
}
