/**
 * The ways to continue a text: with a draft model or token by token.
 *
 * @module
 */

import type { SequenceBatch } from "../sequences/sequence_batch.ts";
import type { Settings } from "../settings.ts";
import { speculate } from "./speculative.ts";
import { decodeOne } from "./token_by_token.ts";

/** Continues the one text of a batch, with a draft model if the settings have one. */
export function decode(batch: SequenceBatch, settings: Settings): AsyncGenerator<number> {
  return settings.draft ? speculate(batch, settings, settings.draft) : decodeOne(batch, settings);
}
