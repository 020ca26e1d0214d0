/**
 * The options of generation. `settings.ts` has the rule of each.
 *
 * @module
 */

import type { CacheFormat } from "../../backend/memory.ts";
import type { ContextInput } from "../language/context.ts";
import type { Strategy } from "./sampling/filters.ts";
import type { Overflow } from "./sequences/overflow.ts";
import type { TextModel } from "./text_model.ts";

/**
 * Options that every way of generating has.
 *
 * @category Generation
 */
export interface SamplingOptions extends StrategyOptions {
  /** Most tokens to make. Default 256. */
  readonly maxNewTokens?: number | undefined;
  /** Divides the logits after filtering; 0 is greedy. Default 1. */
  readonly temperature?: number | undefined;
  /** Keep the k largest logits. */
  readonly topK?: number | undefined;
  /** Keep the smallest set of tokens of at least this probability together. */
  readonly topP?: number | undefined;
  /** Keep tokens of at least this share of the largest probability. */
  readonly minP?: number | undefined;
  /** Keep probabilities of at least max(p)^power · ratio; a number is the ratio, with power 2. */
  readonly topA?: number | { readonly power: number; readonly ratio: number } | undefined;
  /** Penalty on tokens of the prompt and of what was made (arXiv 1909.05858); 1 is none. Default 1. */
  readonly repetitionPenalty?: number | undefined;
  /**
   * Subtracted from the logits of tokens that were made already, not of those of the prompt; negative values favor
   * them. Default 0.
   */
  readonly presencePenalty?: number | undefined;
  /** Subtracted from the logits of tokens for each time that they were made. Default 0. */
  readonly frequencyPenalty?: number | undefined;
  /** Added to the logits of tokens, by their ids: -100 all but forbids a token, 100 all but forces it. */
  readonly logitBias?: Readonly<Record<number, number>> | ReadonlyMap<number, number> | undefined;
  /** Seed of the draws: the same seed gives the same tokens. Default: another one each time. */
  readonly seed?: number | undefined;
  /** Tokens that end the text. The one that ends it is its last token. */
  readonly stopTokens?: readonly number[] | undefined;
  /** One more token that ends the text, by its documented name. */
  readonly eosToken?: number | undefined;
  /**
   * A smaller model on the same backend with the same vocabulary. It drafts tokens that this model verifies together
   * (arXiv 2211.17192).
   */
  readonly draft?: TextModel | undefined;
  /** Tokens that are drafted at a time. Default 5. */
  readonly gamma?: number | undefined;
  /** Told after each verification how many of the drafted tokens were accepted. */
  readonly onDraft?: ((accepted: number, drafted: number) => void) | undefined;
  /** Told the logits [numTokens] that each token is drawn from, before penalty and filters; this reads them back. */
  readonly onLogits?: ((logits: Float32Array, index: number, row: number) => void) | undefined;
  /** Ends the generation: it rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * A documented strategy of filtering, with its thresholds: see `FilterThresholds`.
 *
 * @category Generation
 */
export interface StrategyOptions {
  /** The strategy. Default: "top_k" where `filterThres` is given, else none. */
  readonly strategy?: Strategy | undefined;
  /** Threshold of the strategy: top_k keeps ⌈(1 - filterThres) · numTokens⌉ tokens, top_p a mass of filterThres. */
  readonly filterThres?: number | undefined;
  /** Power of strategy "top_a". Default 2. */
  readonly minPPow?: number | undefined;
  /** Ratio of strategy "top_a". Default 0.02. */
  readonly minPRatio?: number | undefined;
}

/**
 * Options of one sequence, which hold as long as it is continued.
 *
 * @category Generation
 */
export interface SequenceOptions {
  /** What happens beyond `maxSeqLen`. Default: "slide" where the model can, else "recompute". */
  readonly overflow?: Overflow | undefined;
  /**
   * How keys and values of the text are kept; a draft keeps its own as f32. "f16" halves their memory, and what a token
   * must read of it, at an error of 0.05 % of each value; "q8_0" takes 27 % of it, at an error of 0.4 % of the largest
   * of 32 values, and needs heads whose width 32 divides. Engines that don't have a format say so. Default "f32".
   */
  readonly cacheDtype?: CacheFormat | undefined;
}

/**
 * Options of classifier-free guidance.
 *
 * @category Generation
 */
export interface GuidanceOptions {
  /** Logits are uncond + guidanceScale · (cond - uncond); 1 is no guidance. Default 1. */
  readonly guidanceScale?: number | undefined;
  /**
   * The unconditional text. Default: the prompt without its context, or the prompt's last token where there is no
   * context.
   */
  readonly negativePrompt?: readonly number[] | undefined;
}

/**
 * Options of a session.
 *
 * @typeParam Context The options that say what the text looks at.
 *
 * @category Generation
 */
export type SessionOptions<Context extends object = ContextInput> = SequenceOptions & Context;

/**
 * Options of `generate` and `generateBatch`.
 *
 * @typeParam Context The options that say what the texts look at.
 *
 * @category Generation
 */
export type GenerateOptions<Context extends object = ContextInput> =
  & SamplingOptions
  & SequenceOptions
  & GuidanceOptions
  & Context;
