/**
 * Log-probabilities of tokens, from logits that were read back. Only requests that ask for them pay for that.
 *
 * @module
 */

import type { ScoredToken } from "./text_job.ts";

/**
 * Scores a token: log softmax of its logit, and the likeliest tokens in its place.
 *
 * @param logits [numTokens].
 * @param count How many of the likeliest.
 */
export function scoreToken(logits: Float32Array, token: number, count: number): ScoredToken {
  let largest = -Infinity;
  for (const logit of logits) if (logit > largest) largest = logit;
  let sum = 0;
  for (const logit of logits) sum += Math.exp(logit - largest);
  const normalizer = largest + Math.log(sum);
  const logprobOf = (id: number) => (logits[id] ?? -Infinity) - normalizer;
  return {
    token,
    logprob: logprobOf(token),
    top: largestLogits(logits, count).map((id) => ({ token: id, logprob: logprobOf(id) })),
  };
}

/** Ids of the `count` largest logits, the largest first; of equal ones the lower id. */
function largestLogits(logits: Float32Array, count: number): number[] {
  const ids: number[] = [];
  for (let id = 0; id < logits.length; id++) {
    const logit = logits[id] ?? -Infinity;
    if (ids.length === count && !(logit > (logits[ids.at(-1) ?? 0] ?? -Infinity))) continue;
    let at = ids.length;
    while (at > 0 && logit > (logits[ids[at - 1] ?? 0] ?? -Infinity)) at -= 1;
    ids.splice(at, 0, id);
    if (ids.length > count) ids.pop();
  }
  return ids;
}
