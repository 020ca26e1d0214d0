/**
 * Speculative decoding (Leviathan et al. 2022, arXiv 2211.17192): a small model drafts tokens, the large one verifies
 * them in one step. Tokens are distributed as the large model alone would draw them.
 *
 * @module
 */

import type { Tensor } from "../../../backend/memory.ts";
import { NOTHING_DRAWN } from "../../../backend/operations.ts";
import { distribution, distributionTemperature } from "../sampling/sampling.ts";
import { unlessAborted } from "../sequences/resources.ts";
import type { SequenceBatch } from "../sequences/sequence_batch.ts";
import type { Settings } from "../settings.ts";
import type { TextModel } from "../text_model.ts";
import { type DraftToken, draftTokens, openDraft } from "./draft.ts";
import { decodeOne } from "./token_by_token.ts";

/**
 * Continues the one text of a batch with a draft model; the last tokens before either model's `maxSeqLen`, and those
 * beyond, without it.
 */
export async function* speculate(
  batch: SequenceBatch,
  settings: Settings,
  draftModel: TextModel,
): AsyncGenerator<number> {
  const [row = []] = batch.rows;
  const { maxNewTokens, gamma, ends } = settings;
  const limit = Math.min(batch.maxSeqLen, draftModel.net.maxSeqLen);
  const draft = openDraft(draftModel, row, maxNewTokens);
  let index = 0;
  try {
    draft.disposeOnAbort(settings.signal);
    for (;;) {
      const count = Math.min(gamma, maxNewTokens - index - 1);
      if (count < 1 || row.length + count + 1 > limit) break;
      const round = await speculateOnce(batch, draft, settings, { index, count });
      const end = round.tokens.findIndex((token) => ends.has(token));
      const tokens = end < 0 ? round.tokens : round.tokens.slice(0, end + 1);
      row.splice(row.length - round.tokens.length); // Each belongs to the text when it is given out.
      try {
        for (const [given, token] of tokens.entries()) {
          settings.signal?.throwIfAborted();
          batch.checkAlive();
          settings.onLogits?.(round.logits[given] ?? new Float32Array(), index + given, 0);
          row.push(token);
          yield token;
        }
      } finally {
        batch.truncate(0, row.length);
      }
      if (end >= 0) return;
      index += tokens.length;
    }
  } finally {
    draft.dispose();
    batch.settle();
  }
  yield* decodeOne(batch, settings, index);
}

/** Tokens that one round adds to the text. */
interface Round {
  readonly tokens: readonly number[];
  /** Logits that each was drawn from, if they are wanted. */
  readonly logits: readonly Float32Array[];
}

/**
 * Drafts `count` tokens, verifies them and appends those that are accepted, and one more, to both models' sequences.
 */
async function speculateOnce(
  batch: SequenceBatch,
  draft: SequenceBatch,
  settings: Settings,
  { index, count }: { readonly index: number; readonly count: number },
): Promise<Round> {
  const { rows: [row = []] } = batch;
  const { length } = row;
  const drafted: DraftToken[] = [];
  try {
    await draftTokens(draft, settings, drafted, { index, count });
    row.push(...draft.rows[0]?.slice(length) ?? []);
    await batch.prepare(settings.signal, count + 1);
    const verified = verify(batch, settings, drafted, index);
    const [[accepted = 0, next = NOTHING_DRAWN], logits] = await readAll(verified, settings.signal);
    for (const each of [batch, draft]) each.truncate(0, length + accepted);
    if (next === NOTHING_DRAWN) throw await batch.explainNothingDrawn([0]);
    for (const each of [batch, draft]) each.rows[0]?.push(next);
    settings.onDraft?.(accepted, count);
    return { tokens: row.slice(length), logits };
  } catch (error) {
    batch.truncate(0, length);
    throw error;
  } finally {
    for (const { token, logits } of drafted) for (const tensor of [token, logits]) tensor.dispose();
  }
}

/**
 * How many drafted tokens were accepted and the token after them, int32 [2]; and the logits [count + 1, V], if they are
 * wanted.
 */
interface Verification {
  readonly result: Tensor;
  readonly logits: Tensor | undefined;
}

/** One step over the drafted tokens, which are the last ones of the text. */
function verify(
  batch: SequenceBatch,
  settings: Settings,
  drafted: readonly DraftToken[],
  index: number,
): Verification {
  const { backend, rows: [row = []] } = batch;
  const count = drafted.length;
  const length = row.length - count;
  return batch.step((logits) => {
    const histories = Array.from(
      { length: count + 1 },
      (_, i) => ({ tokens: row.slice(0, length + i), made: index + i }),
    );
    const target = distribution(backend, logits, settings, histories); // [count + 1, V]
    const parts = drafted.map(({ logits }) => backend.reshape(logits, [1, ...logits.shape]));
    const draft = backend.reshape(backend.concat(parts), [count, logits.shape[1] ?? 0]);
    const ids = backend.tensor(Int32Array.from(row.slice(length)), [count]);
    const temperature = distributionTemperature(settings);
    const result = backend.acceptDraft(target, draft, ids, { temperature, seed: settings.seed, counter: index });
    return { result, logits: settings.onLogits && logits };
  }, count + 1);
}

/** Reads and frees the result of a verification. */
async function readAll(
  { result, logits }: Verification,
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
