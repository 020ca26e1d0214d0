/**
 * Generation: a batch of prompts that is continued once.
 *
 * @module
 */

import type { Tensor } from "../../backend/memory.ts";
import { largest } from "../language/largest.ts";
import { decode } from "./decoding/decode.ts";
import { decodeBatch } from "./decoding/token_by_token.ts";
import type { GenerateOptions } from "./options.ts";
import { isGuided, withUnconditional } from "./sampling/guidance.ts";
import { Context } from "./sequences/context.ts";
import { checkFits } from "./sequences/overflow.ts";
import { type PromptInput, type PromptsInput, readPrompt, readPrompts } from "./sequences/prompts.ts";
import { SequenceBatch, type SequenceBatchOptions } from "./sequences/sequence_batch.ts";
import { readSettings, type Settings } from "./settings.ts";
import type { TextModel } from "./text_model.ts";

/**
 * Continues one prompt; see `GenerativeModel.generate`.
 *
 * @param encode Makes the context, where a model makes its own.
 */
export async function* generate(
  model: TextModel,
  prompt: PromptInput,
  options: GenerateOptions = {},
  encode?: () => Tensor,
): AsyncGenerator<number> {
  const settings = readSettings(model, options, encode);
  const row = await readPrompt(prompt, model.net.numTokens);
  const batch = openBatch(model, [row], settings);
  try {
    batch.disposeOnAbort(settings.signal);
    yield* decode(batch, settings);
  } finally {
    batch.dispose();
  }
}

/**
 * Continues several prompts of any lengths; see `GenerativeModel.generateBatch`.
 *
 * @param encode Makes the context, where a model makes its own.
 */
export async function generateBatch(
  model: TextModel,
  prompts: PromptsInput,
  options: GenerateOptions = {},
  encode?: () => Tensor,
): Promise<number[][]> {
  const settings = readSettings(model, options, encode);
  const rows = await readPrompts(prompts, model.net.numTokens);
  if (rows.length === 0) return [];
  if (settings.draft) return await oneByOne(model, rows, settings);
  const batch = openBatch(model, rows, settings);
  const results = rows.map((): number[] => []);
  try {
    batch.disposeOnAbort(settings.signal);
    for await (const tokens of decodeBatch(batch, settings)) {
      for (const [row, token] of tokens.entries()) if (token !== undefined) results[row]?.push(token);
    }
    return results;
  } finally {
    batch.dispose();
  }
}

/** Continues each prompt by itself, because with a draft each accepts another number of tokens at a time. */
async function oneByOne(
  model: TextModel,
  prompts: readonly (readonly number[])[],
  settings: Settings,
): Promise<number[][]> {
  const context = Context.create(model, prompts.length, settings, false);
  const results: number[][] = [];
  try {
    for (const [row, prompt] of prompts.entries()) {
      const options = batchOptions(model, [prompt], settings);
      const batch = new SequenceBatch(model, [prompt], { ...options, context: context.ofRow(row) });
      try {
        batch.disposeOnAbort(settings.signal);
        const tokens: number[] = [];
        for await (const token of decode(batch, settingsOfRow(settings, row))) tokens.push(token);
        results.push(tokens);
      } finally {
        batch.dispose();
      }
    }
    return results;
  } finally {
    context.dispose();
  }
}

/** Settings of one row of a batch that is continued by itself: its own seed, and logits told with its number. */
function settingsOfRow(settings: Settings, row: number): Settings {
  const { seed, onLogits } = settings;
  return {
    ...settings,
    seed: (seed + row) >>> 0,
    onLogits: onLogits && ((logits, index) => onLogits(logits, index, row)),
  };
}

/** A batch of prompts, with their unconditional rows where they are guided. */
function openBatch(model: TextModel, prompts: readonly (readonly number[])[], settings: Settings): SequenceBatch {
  const guided = isGuided(settings);
  const rows = guided ? withUnconditional(model.net, prompts, settings.negativePrompt) : prompts;
  const options = batchOptions(model, rows, settings);
  return new SequenceBatch(model, rows, {
    ...options,
    context: Context.create(model, prompts.length, settings, guided),
  });
}

/**
 * Options of a batch whose rows are continued once.
 *
 * @throws {ShapeError} With overflow "stop", for rows longer than the model can take.
 */
function batchOptions(
  { net: { maxSeqLen } }: TextModel,
  rows: readonly (readonly number[])[],
  { overflow, maxNewTokens, cacheDtype }: Settings,
): Omit<SequenceBatchOptions, "context"> {
  const longest = largest(rows.map((row) => row.length));
  checkFits(longest, maxSeqLen, overflow);
  return { overflow, cacheDtype, capacity: Math.min(maxSeqLen, longest + maxNewTokens), isKept: false };
}
