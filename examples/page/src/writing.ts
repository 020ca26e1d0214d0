/**
 * Text as it comes from a model, with the tokens that it is made of and those that might have come instead.
 *
 * @module
 */

import type { AndromedaTokenizer, SamplingOptions } from "@andromeda/runtime";
import type { LoadedModel } from "./model.ts";

/** Alternatives that are kept of each token. */
const MOST = 10;

/** A token that might have come. */
export interface Alternative {
  readonly token: number;
  readonly text: string;
  readonly probability: number;
}

/** A piece of text that can be shown: one token, or several that only together are characters. */
export interface Piece {
  readonly text: string;
  readonly tokens: readonly number[];
  /** The likeliest tokens in the place of the last one, the likeliest first; none in a prompt. */
  readonly alternatives: readonly Alternative[];
  /** The probability of the token that came, and its rank among all, from 1 on. */
  readonly probability: number;
  readonly rank: number;
}

/** What else could have come in the place of a token. */
export type Judged = Pick<Piece, "alternatives" | "probability" | "rank">;

/** A token that was given, of which nothing is known. */
const GIVEN: Judged = { alternatives: [], probability: NaN, rank: NaN };

/** The pieces of tokens that are there, with what is known of those that were written. */
export function piecesOf(
  tokenizer: AndromedaTokenizer,
  tokens: readonly number[],
  known: ReadonlyMap<number, Judged>,
): AsyncGenerator<Piece> {
  return pieces(tokenizer, tokens, (_, index) => known.get(index) ?? GIVEN);
}

/** Continues a prompt, piece by piece. */
export async function* write(
  { model, tokenizer }: LoadedModel,
  prompt: readonly number[],
  options: SamplingOptions,
): AsyncGenerator<Piece> {
  const waiting = new Map<number, Float32Array>();
  const stopTokens = tokenizer.eosId === undefined ? [] : [tokenizer.eosId];
  const tokens = model.generate(prompt, {
    ...options,
    stopTokens,
    onLogits: (logits, index) => void waiting.set(index, logits),
  });
  yield* pieces(tokenizer, tokens, (token, index) => {
    const logits = waiting.get(index);
    waiting.delete(index);
    return logits ? judge(logits, token, tokenizer) : GIVEN;
  });
}

/** What else could have come, by the logits that a token was drawn from. */
function judge(logits: Float32Array, token: number, tokenizer: AndromedaTokenizer): Judged {
  const own = logits[token] ?? NaN;
  let largest = -Infinity;
  let rank = 1;
  for (const logit of logits) {
    if (logit > largest) largest = logit;
    if (logit > own) rank++;
  }
  let sum = 0;
  for (const logit of logits) sum += Math.exp(logit - largest);
  const probabilityOf = (logit: number) => Math.exp(logit - largest) / sum;
  const alternatives = largestOf(logits, MOST).map((other) => ({
    token: other,
    text: textOf(tokenizer, other),
    probability: probabilityOf(logits[other] ?? NaN),
  }));
  return { alternatives, probability: probabilityOf(own), rank };
}

/** The text of a token alone. Models can have more tokens than their tokenizers, which have no text. */
function textOf(tokenizer: AndromedaTokenizer, token: number): string {
  return token < tokenizer.vocabSize ? tokenizer.decode([token]) : "";
}

/** Indices of the largest values, the largest first. */
function largestOf(values: Float32Array, count: number): number[] {
  const found: number[] = [];
  const at = (place: number) => values[found[place] ?? -1] ?? -Infinity;
  for (const [index, value] of values.entries()) {
    if (found.length === count && value <= at(count - 1)) continue;
    if (found.length === count) found.pop();
    let place = found.length;
    while (place > 0 && at(place - 1) < value) place--;
    found.splice(place, 0, index);
  }
  return found;
}

/** Texts of tokens. Tokens that end within a character wait for those that complete it. */
async function* pieces(
  tokenizer: AndromedaTokenizer,
  tokens: Iterable<number> | AsyncIterable<number>,
  look: (token: number, index: number) => Judged,
): AsyncGenerator<Piece> {
  let held: number[] = [];
  let count = 0;
  let last = GIVEN;
  async function* watched(): AsyncGenerator<number> {
    for await (const token of tokens) {
      last = look(token, count++);
      held.push(token);
      yield token;
    }
  }
  for await (const text of tokenizer.decodeStream(watched(), { skipSpecialTokens: true })) {
    yield { ...last, text, tokens: held };
    held = [];
  }
}
