/**
 * Generation token by token.
 *
 * @module
 */

import type { Tensor } from "../../backend/memory.ts";
import { NOTHING_DRAWN } from "../../backend/operations.ts";
import { ShapeError } from "../../errors.ts";
import { largest } from "../language/largest.ts";
import { Context } from "./context.ts";
import { guide, unconditionalPrompts } from "./guidance.ts";
import { unlessAborted } from "./holdings.ts";
import { type GenerateOptions, readSettings, type Settings } from "./options.ts";
import { type PromptInput, readPrompt } from "./prompts.ts";
import { drawTokens } from "./sampling.ts";
import { speculate } from "./speculative.ts";
import type { TextModel } from "./text_model.ts";
import { Texts, type TextsOptions } from "./texts.ts";

/**
 * Continues one prompt; see `LanguageModel.generate`.
 *
 * @param encode makes the context, of an image
 */
export async function* generate(
  model: TextModel,
  prompt: PromptInput,
  options: GenerateOptions = {},
  encode?: () => Tensor,
): AsyncGenerator<number> {
  const settings = readSettings(model, options);
  const row = await readPrompt(prompt, model.net.numTokens);
  const texts = openTexts(model, [row], settings, encode);
  try {
    texts.endWith(settings.signal);
    yield* continueText(texts, settings);
  } finally {
    texts.dispose();
  }
}

/** Continues the one text of `texts`, with a draft if the settings have one. */
export async function* continueText(texts: Texts, settings: Settings): AsyncGenerator<number> {
  if (settings.draft) return yield* speculate(texts, settings, settings.draft);
  for await (const [token] of continueTexts(texts, settings)) if (token !== undefined) yield token;
}

/**
 * Makes texts of prompts; with guidance, as many unconditional ones follow them.
 *
 * @param encode makes the context, of images
 */
export function openTexts(
  model: TextModel,
  prompts: readonly (readonly number[])[],
  settings: Settings,
  encode?: () => Tensor,
): Texts {
  const { guidanceScale, negativePrompt } = settings;
  const isGuided = guidanceScale !== 1;
  const rows = isGuided
    ? [...prompts, ...unconditionalPrompts(model.net.contextDim !== undefined, prompts, negativePrompt)]
    : prompts;
  const options = textsOptions(model, rows, settings);
  return new Texts(model, rows, {
    ...options,
    context: Context.create(model, prompts.length, settings, isGuided, encode),
  });
}

/**
 * Options of texts that are continued once.
 *
 * @throws {ShapeError} with overflow "stop", for prompts longer than the model can take
 */
export function textsOptions(
  { net: { maxSeqLen } }: TextModel,
  rows: readonly (readonly number[])[],
  { overflow, maxNewTokens, cacheDtype }: Settings,
): Omit<TextsOptions, "context"> {
  const longest = largest(rows.map((row) => row.length));
  if (overflow === "stop") checkFits(longest, maxSeqLen);
  return { overflow, cacheDtype, capacity: Math.min(maxSeqLen, longest + maxNewTokens), isKept: false };
}

/** @throws {ShapeError} for a text longer than the model can take */
export function checkFits(length: number, maxSeqLen: number): void {
  if (length <= maxSeqLen) return;
  throw new ShapeError(
    `Cannot continue a text of ${length} tokens with overflow = stop: maxSeqLen = ${maxSeqLen}; cut it, ` +
      `or let overflow be "slide" or "recompute"`,
  );
}

/** Tokens that were drawn, on the device: int32 [rows]; and what they were drawn from, if anybody asks. */
interface Drawn {
  readonly tokens: Tensor;
  readonly logits: Tensor | undefined;
}

/** Drawn tokens on their way to the host. */
interface Coming extends Drawn {
  readonly values: Promise<Float32Array | Int32Array>;
}

/**
 * Continues texts step by step: gives the token of each row, undefined for rows that have ended.
 *
 * A step can run on tokens that are still on the device. Engines that compute beside the host take several steps at
 * once that way (`BackendInfo.stepsAhead`), and tokens are read while the next ones are made; what was made beyond the
 * end is forgotten.
 *
 * @param first index of the first token in what is generated
 */
export async function* continueTexts(
  texts: Texts,
  settings: Settings,
  first = 0,
): AsyncGenerator<(number | undefined)[]> {
  const { backend } = texts;
  const { guidanceScale, repetitionPenalty, maxNewTokens, onLogits, signal } = settings;
  const isGuided = guidanceScale !== 1;
  const rowCount = isGuided ? texts.rows.length / 2 : texts.rows.length;
  const rows = Array.from({ length: rowCount }, (_, row) => row);
  const ahead = isGuided || repetitionPenalty !== 1 || onLogits ? 0 : backend.info.stepsAhead ?? 0;
  const coming: Coming[] = [];
  let made = first;
  const draw = (all: Tensor): Drawn => {
    const logits = isGuided ? guide(backend, all, guidanceScale) : all;
    const tokens = drawTokens(backend, logits, settings, texts.rows.slice(0, rowCount), made);
    return { tokens, logits: onLogits && logits };
  };
  try {
    for (let index = first; index < maxNewTokens; index++) {
      signal?.throwIfAborted();
      texts.checkAlive();
      for (const row of rows) if (texts.isFull(row) || texts.isFull(row + rowCount)) endRow(texts, row, rowCount);
      if (rows.every((row) => texts.hasEnded(row))) return;
      if (coming.length === 0) {
        await texts.prepare(signal);
        coming.push(fetchTokens(texts, texts.step(draw)));
        made += 1;
      }
      for (
        let last = coming.at(-1);
        last && coming.length <= ahead && made < maxNewTokens && texts.canRunAhead;
        made++
      ) {
        coming.push(last = fetchTokens(texts, texts.stepOn(last.tokens, draw)));
      }
      const tokens = await takeFirst(texts, coming, index, settings);
      const alive = rows.map((row) => texts.hasEnded(row) ? undefined : tokens[row]);
      const broken = alive.indexOf(NOTHING_DRAWN);
      if (broken >= 0) throw await texts.explain(isGuided ? [broken, broken + rowCount] : [broken]);
      for (const [row, token] of alive.entries()) {
        if (token === undefined) continue;
        texts.rows[row]?.push(token);
        texts.rows[row + rowCount]?.push(token);
        if (settings.ends.has(token)) endRow(texts, row, rowCount);
      }
      yield alive;
    }
  } finally {
    for (const { tokens, logits } of coming) texts.free(tokens, logits);
    texts.settle();
  }
}

/** Ends a row and the unconditional one that goes with it. */
function endRow(texts: Texts, row: number, rowCount: number): void {
  texts.end(row);
  if (row + rowCount < texts.rows.length) texts.end(row + rowCount);
}

/** Asks for tokens as soon as they are drawn: then reading them waits for their own step, and no later one. */
function fetchTokens(texts: Texts, drawn: Drawn): Coming {
  texts.hold(drawn.tokens, drawn.logits);
  const values = drawn.tokens.data();
  // What becomes of tokens beyond the end nobody hears.
  values.catch(() => {});
  return { ...drawn, values };
}

/** Waits for the oldest tokens and takes them off the list. */
async function takeFirst(
  texts: Texts,
  coming: Coming[],
  index: number,
  { onLogits, signal }: Settings,
): Promise<Float32Array | Int32Array> {
  const [oldest] = coming;
  if (!oldest) return new Int32Array();
  const tokens = await unlessAborted(oldest.values, signal);
  const logits = oldest.logits && await unlessAborted(oldest.logits.data(), signal);
  coming.shift();
  texts.free(oldest.tokens, oldest.logits);
  if (logits instanceof Float32Array) {
    const width = logits.length / tokens.length;
    for (const row of tokens.keys()) {
      if (!texts.hasEnded(row)) onLogits?.(logits.slice(row * width, (row + 1) * width), index, row);
    }
  }
  return tokens;
}
