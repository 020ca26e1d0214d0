/**
 * Decoding token by token.
 *
 * @module
 */

import { NOTHING_DRAWN } from "../../../backend/operations.ts";
import { isGuided } from "../sampling/guidance.ts";
import type { SequenceBatch } from "../sequences/sequence_batch.ts";
import type { Settings } from "../settings.ts";
import { continuationsOf } from "./continuation.ts";
import { StepQueue } from "./step_queue.ts";

/**
 * Continues the texts of a batch: gives the token of each at every step, undefined for texts that have ended.
 *
 * @param first Index of the first token in what is generated.
 */
export async function* decodeBatch(
  batch: SequenceBatch,
  settings: Settings,
  first = 0,
): AsyncGenerator<(number | undefined)[]> {
  const texts = continuationsOf(batch, isGuided(settings));
  const queue = new StepQueue(batch, texts, settings, first);
  try {
    for (let index = first; index < settings.maxNewTokens; index++) {
      settings.signal?.throwIfAborted();
      batch.checkAlive();
      for (const text of texts) if (text.isFull) text.end();
      if (texts.every((text) => text.hasEnded)) return;
      await queue.fill();
      const drawn = await queue.take(index);
      const tokens = texts.map((text, i) => text.hasEnded ? undefined : drawn[i]);
      const broken = texts[tokens.indexOf(NOTHING_DRAWN)];
      if (broken) throw await batch.explainNothingDrawn(broken.rows);
      for (const [i, text] of texts.entries()) {
        const token = tokens[i];
        if (token === undefined) continue;
        text.push(token);
        if (settings.ends.has(token)) text.end();
      }
      yield tokens;
    }
  } finally {
    queue.dispose();
    batch.settle();
  }
}

/** As `decodeBatch`, for a batch of one text. */
export async function* decodeOne(batch: SequenceBatch, settings: Settings, first = 0): AsyncGenerator<number> {
  for await (const [token] of decodeBatch(batch, settings, first)) if (token !== undefined) yield token;
}
