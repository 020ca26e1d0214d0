/**
 * Speculative decoding (Leviathan et al. 2022, arXiv 2211.17192): a small model guesses, the large one verifies its
 * guesses in one step. Tokens are distributed as the large model alone would draw them.
 *
 * @module
 */

import type { Tensor } from "../../backend/memory.ts";
import { NOTHING_DRAWN } from "../../backend/operations.ts";
import { Context } from "./context.ts";
import { continueTexts } from "./generate.ts";
import { unlessAborted } from "./holdings.ts";
import type { Settings } from "./options.ts";
import { distribution, distributionTemperature } from "./sampling.ts";
import type { TextModel } from "./text_model.ts";
import { Texts } from "./texts.ts";

/**
 * Continues the one text of `texts` with a draft model; the last tokens before either model's `maxSeqLen`, and beyond,
 * without.
 */
export async function* speculate(
  texts: Texts,
  settings: Settings,
  draft: TextModel,
): AsyncGenerator<number> {
  const [row = []] = texts.rows;
  const { maxNewTokens, gamma, ends } = settings;
  const limit = Math.min(texts.maxSeqLen, draft.net.maxSeqLen);
  const guesser = openGuesser(draft, row, maxNewTokens);
  let index = 0;
  try {
    guesser.endWith(settings.signal);
    for (;;) {
      const count = Math.min(gamma, maxNewTokens - index - 1);
      if (count < 1 || row.length + count + 1 > limit) break;
      const round = await speculateOnce(texts, guesser, settings, { index, count });
      const end = round.tokens.findIndex((token) => ends.has(token));
      const tokens = end < 0 ? round.tokens : round.tokens.slice(0, end + 1);
      row.splice(row.length - round.tokens.length); // each belongs to the text when it is given out
      try {
        for (const [given, token] of tokens.entries()) {
          settings.signal?.throwIfAborted();
          texts.checkAlive();
          settings.onLogits?.(round.logits[given] ?? new Float32Array(), index + given, 0);
          row.push(token);
          yield token;
        }
      } finally {
        texts.truncate(0, row.length);
      }
      if (end >= 0) return;
      index += tokens.length;
    }
  } finally {
    guesser.dispose();
    texts.settle();
  }
  for await (const [token] of continueTexts(texts, settings, index)) if (token !== undefined) yield token;
}

/** The draft's own copy of the text. */
function openGuesser(draft: TextModel, row: readonly number[], maxNewTokens: number): Texts {
  return new Texts(draft, [row], {
    overflow: "stop",
    cacheDtype: "f32",
    capacity: Math.min(draft.net.maxSeqLen, row.length + maxNewTokens),
    context: Context.create(draft, 1, {}, false),
    isKept: true,
  });
}

/** Tokens that one round adds to the text. */
interface Round {
  readonly tokens: readonly number[];
  /** Logits that each was drawn from, if anybody asks. */
  readonly logits: readonly Float32Array[];
}

/** Guesses `count` tokens, verifies them and appends what is accepted, and one more, to both texts. */
async function speculateOnce(
  texts: Texts,
  guesser: Texts,
  settings: Settings,
  { index, count }: { readonly index: number; readonly count: number },
): Promise<Round> {
  const { backend, rows: [row = []] } = texts;
  const length = row.length;
  const guesses: Guess[] = [];
  try {
    await guess(guesser, settings, guesses, { index, count });
    const guessed = guesser.rows[0]?.slice(length) ?? [];
    row.push(...guessed);
    await texts.prepare(settings.signal, count + 1);
    const verified = texts.step((logits) => {
      const texts = Array.from({ length: count + 1 }, (_, i) => row.slice(0, length + i));
      const target = distribution(backend, logits, settings, texts); // [count + 1, V]
      const parts = guesses.map(({ logits }) => backend.reshape(logits, [1, ...logits.shape]));
      const draft = backend.reshape(backend.concat(parts), [count, logits.shape[1] ?? 0]);
      const ids = backend.tensor(Int32Array.from(guessed), [count]);
      const temperature = distributionTemperature(settings);
      const result = backend.acceptDraft(target, draft, ids, { temperature, seed: settings.seed, counter: index });
      return { result, logits: settings.onLogits && logits };
    }, count + 1);
    const [[accepted = 0, next = NOTHING_DRAWN], logits] = await readAll(verified, settings.signal);
    for (const each of [texts, guesser]) each.truncate(0, length + accepted);
    if (next === NOTHING_DRAWN) throw await texts.explain([0]);
    for (const each of [texts, guesser]) each.rows[0]?.push(next);
    settings.onDraft?.(accepted, count);
    return { tokens: row.slice(length), logits };
  } catch (error) {
    texts.truncate(0, length);
    throw error;
  } finally {
    for (const { token, logits } of guesses) for (const tensor of [token, logits]) tensor.dispose();
  }
}

/** A guessed token int32 [1] and the logits [1, V] of the distribution that it was drawn from. */
interface Guess {
  readonly token: Tensor;
  readonly logits: Tensor;
}

/** Appends `count` guessed tokens to the draft's text, and what they were drawn from to `guesses`. */
async function guess(
  guesser: Texts,
  settings: Settings,
  guesses: Guess[],
  { index, count }: { readonly index: number; readonly count: number },
): Promise<void> {
  const { backend, rows: [row = []] } = guesser;
  const isHistoryNeeded = settings.repetitionPenalty !== 1;
  let known = 0;
  const readGuesses = async () => {
    for (const { token } of guesses.slice(known)) {
      const [id = NOTHING_DRAWN] = await unlessAborted(token.data(), settings.signal);
      if (id === NOTHING_DRAWN) throw await guesser.explain([0], "the draft");
      row.push(id);
    }
    known = guesses.length;
  };
  const draw = (logits: Tensor): Guess => {
    const from = distribution(backend, logits, settings, [row]);
    const temperature = distributionTemperature(settings);
    const draw = { temperature, seed: settings.seed, counter: index + guesses.length };
    return { token: backend.sample(from, draw), logits: from };
  };
  while (guesses.length < count) {
    const last = guesses.at(-1);
    if (last && guesser.canRunAhead && !isHistoryNeeded) {
      guesses.push(guesser.stepOn(last.token, draw));
      continue;
    }
    await readGuesses();
    await guesser.prepare(settings.signal);
    guesses.push(guesser.step(draw));
  }
  await readGuesses();
}

/** Reads and frees the result of a verification. */
async function readAll(
  { result, logits }: { readonly result: Tensor; readonly logits: Tensor | undefined },
  signal: AbortSignal | undefined,
): Promise<[result: readonly number[], logits: Float32Array[]]> {
  try {
    const numbers = Array.from(await unlessAborted(result.data(), signal));
    const values = logits && await unlessAborted(logits.data(), signal);
    const width = logits?.shape[1] ?? 1;
    const rows = values instanceof Float32Array ? values.length / width : 0;
    const slice = (row: number) => Float32Array.from(values?.subarray(row * width, (row + 1) * width) ?? []);
    return [numbers, Array.from({ length: rows }, (_, row) => slice(row))];
  } finally {
    result.dispose();
    logits?.dispose();
  }
}
