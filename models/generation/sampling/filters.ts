/**
 * The documented strategies of sampling as filters of logits. A threshold means something else in each of them.
 *
 * @module
 */

import type { LogitsFilter } from "../../../backend/operations/sampling.ts";

/**
 * Thresholds of the strategies.
 *
 * @category Generation
 */
export interface FilterThresholds {
  /** The threshold of top_k, top_p and min_p. Default: the strategy's own. */
  readonly filterThres: number | undefined;
  /** Power of top_a. Default 2. */
  readonly minPPow: number;
  /** Ratio of top_a. Default 0.02. */
  readonly minPRatio: number;
  /** Size of the vocabulary. */
  readonly numTokens: number;
}

/**
 * Makes a filter from thresholds.
 *
 * @category Generation
 */
export type FilterLogitsFn = (thresholds: FilterThresholds) => LogitsFilter;

/**
 * Keeps the ⌈(1 - filterThres) · numTokens⌉ largest logits, at least one; filterThres is 0.9 by default.
 *
 * @category Generation
 */
export function topK({ filterThres = 0.9, numTokens }: FilterThresholds): LogitsFilter {
  return { topK: Math.max(1, Math.ceil((1 - filterThres) * numTokens)) };
}

/**
 * Keeps the nucleus of mass filterThres, 0.9 by default (arXiv 1904.09751).
 *
 * @category Generation
 */
export function topP({ filterThres = 0.9 }: FilterThresholds): LogitsFilter {
  return { topP: filterThres };
}

/**
 * Keeps probabilities of at least max(p)^minPPow · minPRatio.
 *
 * @category Generation
 */
export function topA({ minPPow, minPRatio }: FilterThresholds): LogitsFilter {
  return { topA: { power: minPPow, ratio: minPRatio } };
}

/**
 * Keeps probabilities of at least filterThres · max(p), 0.1 by default (arXiv 2407.01082).
 *
 * @category Generation
 */
export function minP({ filterThres = 0.1 }: FilterThresholds): LogitsFilter {
  return { minP: filterThres };
}

/**
 * A documented strategy; "temperature" filters nothing.
 *
 * @category Generation
 */
export type Strategy = "temperature" | "top_k" | "top_p" | "top_a" | "min_p";

/** The filters by strategy. */
export const strategies: { readonly [name in Strategy]: FilterLogitsFn } = {
  temperature: () => ({}),
  top_k: topK,
  top_p: topP,
  top_a: topA,
  min_p: minP,
};
