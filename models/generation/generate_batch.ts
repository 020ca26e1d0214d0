/**
 * Generation of several texts at once.
 *
 * @module
 */

import type { Tensor } from "../../backend/memory.ts";
import { Context } from "./context.ts";
import { continueText, continueTexts, openTexts, textsOptions } from "./generate.ts";
import { type GenerateOptions, readSettings, type Settings } from "./options.ts";
import { type PromptsInput, readPrompts } from "./prompts.ts";
import type { TextModel } from "./text_model.ts";
import { Texts } from "./texts.ts";

/**
 * Continues several prompts of any lengths; see `LanguageModel.generateBatch`.
 *
 * @param encode makes the context, of images
 */
export async function generateBatch(
  model: TextModel,
  prompts: PromptsInput,
  options: GenerateOptions = {},
  encode?: () => Tensor,
): Promise<number[][]> {
  const settings = readSettings(model, options);
  const rows = await readPrompts(prompts, model.net.numTokens);
  if (rows.length === 0) return [];
  if (settings.draft) return await oneByOne(model, rows, settings, encode);
  const texts = openTexts(model, rows, settings, encode);
  const results = rows.map((): number[] => []);
  try {
    texts.endWith(settings.signal);
    for await (const tokens of continueTexts(texts, settings)) {
      for (const [row, token] of tokens.entries()) if (token !== undefined) results[row]?.push(token);
    }
    return results;
  } finally {
    texts.dispose();
  }
}

/** With a draft, where each text accepts another number of guesses. */
async function oneByOne(
  model: TextModel,
  rows: readonly (readonly number[])[],
  settings: Settings,
  encode: (() => Tensor) | undefined,
): Promise<number[][]> {
  const all = Context.create(model, rows.length, settings, false, encode);
  const results: number[][] = [];
  try {
    for (const [r, row] of rows.entries()) {
      const { seed, onLogits } = settings;
      const own = { ...settings, seed: (seed + r) >>> 0, onLogits: onLogits && tellRow(onLogits, r) };
      const texts = new Texts(model, [row], { ...textsOptions(model, [row], settings), context: all.ofRow(r) });
      try {
        texts.endWith(settings.signal);
        results.push(await Array.fromAsync(continueText(texts, own)));
      } finally {
        texts.dispose();
      }
    }
    return results;
  } finally {
    all.dispose();
  }
}

function tellRow(onLogits: NonNullable<Settings["onLogits"]>, row: number): Settings["onLogits"] {
  return (logits, index) => onLogits(logits, index, row);
}
