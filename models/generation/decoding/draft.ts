/**
 * Drafts: the tokens that a small model proposes.
 *
 * @module
 */

import type { Tensor } from "../../../backend/memory.ts";
import { NOTHING_DRAWN } from "../../../backend/operations.ts";
import { distribution, distributionTemperature, needsHistory } from "../sampling/sampling.ts";
import { Context } from "../sequences/context.ts";
import { unlessAborted } from "../sequences/resources.ts";
import { SequenceBatch } from "../sequences/sequence_batch.ts";
import type { Settings } from "../settings.ts";
import type { TextModel } from "../text_model.ts";

/** A drafted token, int32 [1], and the logits [1, V] of the distribution that it was drawn from. */
export interface DraftToken {
  readonly token: Tensor;
  readonly logits: Tensor;
}

/** A copy of a sequence for the draft model, which may grow by `maxNewTokens`. */
export function openDraft(draft: TextModel, row: readonly number[], maxNewTokens: number): SequenceBatch {
  return new SequenceBatch(draft, [row], {
    overflow: "stop",
    cacheDtype: "f32",
    capacity: Math.min(draft.net.maxSeqLen, row.length + maxNewTokens),
    context: Context.create(draft, 1, {}, false),
    isKept: true,
  });
}

/**
 * Appends drafted tokens to the draft model's sequence.
 *
 * @param drafted Is given them; the caller disposes of what it holds, also after an error.
 * @param index Index of the first one in what is generated.
 */
export async function draftTokens(
  batch: SequenceBatch,
  settings: Settings,
  drafted: DraftToken[],
  { index, count }: { readonly index: number; readonly count: number },
): Promise<void> {
  const { backend, rows: [row = []] } = batch;
  const isHistoryNeeded = needsHistory(settings);
  let known = 0;
  const readTokens = async () => {
    for (const { token } of drafted.slice(known)) {
      const [id = NOTHING_DRAWN] = await unlessAborted(token.data(), settings.signal);
      if (id === NOTHING_DRAWN) throw await batch.explainNothingDrawn([0], "the draft");
      row.push(id);
    }
    known = drafted.length;
  };
  const draw = (logits: Tensor): DraftToken => {
    const from = distribution(backend, logits, settings, [{ tokens: row, made: index + drafted.length }]);
    const temperature = distributionTemperature(settings);
    const draw = { temperature, seed: settings.seed, counter: index + drafted.length };
    return { token: backend.sample(from, draw), logits: from };
  };
  while (drafted.length < count) {
    const last = drafted.at(-1);
    if (last && batch.canRunAhead && !isHistoryNeeded) {
      drafted.push(batch.stepAhead(last.token, draw));
      continue;
    }
    await readTokens();
    await batch.prepare(settings.signal);
    drafted.push(batch.step(draw));
  }
  await readTokens();
}
