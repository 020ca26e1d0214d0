/**
 * `andromeda eval`: how well a model foresees a text.
 *
 * @module
 */

import { readFile } from "node:fs/promises";
import type { LanguageModel } from "../../mod.ts";
import { defineCommand } from "../command.ts";
import { optional, required } from "../flags/flag.ts";
import { path, wholeNumber } from "../flags/readers.ts";
import { engine, json, model } from "../flags/shared.ts";
import { UsageError } from "../flags/usage_error.ts";
import { openLanguageModel, openTokenizer, placeOf, withBar, withEngine } from "../support/open.ts";
import { print, printJson } from "../terminal/output.ts";

/** Tokens of a window of models whose context is longer. */
const LONGEST_WINDOW = 2048;

/** The command. */
export const evaluate = defineCommand({
  name: "eval",
  summary: "Measure a model's perplexity on a text file",
  details:
    "The text is cut into windows of --context-length tokens; each token but the first is predicted once, from those before it in its window.",
  examples: ["./book.txt --model ./mine", "--text ./book.txt --model org/name --dtype q4_0 --json"],
  flags: {
    text: required("<file>", "the text, in UTF-8", path),
    model,
    contextLength: optional(
      "<n>",
      `tokens of a window; default: what the model takes, up to ${LONGEST_WINDOW}`,
      wholeNumber(2),
    ),
    ...engine,
    json,
  },
  bare: "text",
  run: async ({ text: file, model: named, contextLength, backend, threads, dtype, json }, { signal }) => {
    const place = placeOf(named);
    const text = new TextDecoder().decode(await readFile(file));
    return await withEngine({ backend, threads }, async (backend) => {
      const model = await openLanguageModel(place, { backend, dtype, signal });
      const tokens = (await openTokenizer(place, signal)).encode(text);
      if (tokens.length < 2) {
        throw new UsageError(`--text ${file} has too few tokens to predict any: give a longer text`);
      }
      const window = windowOf(model, contextLength);
      const { crossEntropy, predictions, milliseconds } = await measure(model, tokens, window, signal);
      const bytes = new TextEncoder().encode(text).byteLength;
      const report = {
        ...{ perplexity: Math.exp(crossEntropy), crossEntropy },
        bitsPerByte: crossEntropy * predictions / Math.LN2 / bytes,
        ...{ tokens: tokens.length, predictions, contextLength: window, milliseconds },
        backend: { name: backend.name, ...backend.info },
      };
      if (json) await printJson(report);
      else await print(showReport(report));
      return 0;
    });
  },
});

/** @throws {UsageError} For a window that the model can't see at once. */
function windowOf({ net: { maxSeqLen } }: LanguageModel, asked: number | undefined): number {
  if (asked === undefined) return Math.min(maxSeqLen, LONGEST_WINDOW);
  if (asked <= maxSeqLen) return asked;
  throw new UsageError(`--context-length is at most ${maxSeqLen} with this model, not ${asked}`);
}

/** The mean cross entropy in nats. A window begins with the last token of the one before, which it does not predict. */
async function measure(
  model: LanguageModel,
  tokens: readonly number[],
  window: number,
  signal: AbortSignal,
): Promise<{ crossEntropy: number; predictions: number; milliseconds: number }> {
  const start = performance.now();
  const predictions = tokens.length - 1;
  let sum = 0;
  await withBar(async (show) => {
    for (let first = 0; first < predictions; first += window - 1) {
      signal.throwIfAborted();
      const row = tokens.slice(first, first + window);
      const loss = model.loss(row);
      const [nats = NaN] = await loss.data();
      loss.dispose();
      sum += nats * (row.length - 1);
      show({ stage: "eval", file: "tokens", loaded: Math.min(first + window, tokens.length), total: tokens.length });
    }
  });
  return { crossEntropy: sum / predictions, predictions, milliseconds: performance.now() - start };
}

function showReport(report: {
  readonly perplexity: number;
  readonly crossEntropy: number;
  readonly bitsPerByte: number;
  readonly predictions: number;
  readonly contextLength: number;
  readonly milliseconds: number;
}): string {
  const { perplexity, crossEntropy, bitsPerByte, predictions, contextLength, milliseconds } = report;
  return `perplexity ${perplexity.toFixed(4)} (${crossEntropy.toFixed(4)} nats a token, ${
    bitsPerByte.toFixed(4)
  } bits ` +
    `a byte) over ${predictions} tokens, in windows of ${contextLength}, in ${(milliseconds / 1000).toFixed(1)} s\n`;
}
