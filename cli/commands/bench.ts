/**
 * `andromeda bench`: how fast a model reads and writes on this machine.
 *
 * @module
 */

import type { Backend, LanguageModel } from "../../mod.ts";
import { defineCommand } from "../command.ts";
import { fallingBack, type Values } from "../flags/flag.ts";
import { keyOf, wholeNumber } from "../flags/readers.ts";
import { cacheDtype, engine, ENGINES, json, model } from "../flags/shared.ts";
import { UsageError } from "../flags/usage_error.ts";
import { type EngineOutcome, onEngines } from "../support/engines.ts";
import { openLanguageModel, placeOf, withBar } from "../support/open.ts";
import { Timing } from "../support/timing.ts";
import { print, printJson } from "../terminal/output.ts";

const flags = {
  model,
  backend: fallingBack(
    "<engine>",
    "what computes: as generate chooses it, one, or all that start here",
    keyOf({ ...ENGINES, all: true }),
    "auto",
  ),
  threads: engine.threads,
  dtype: engine.dtype,
  cacheDtype,
  promptTokens: fallingBack("<n>", "tokens of the prompt", wholeNumber(1), 128),
  newTokens: fallingBack("<n>", "tokens that are written", wholeNumber(2), 64),
  rounds: fallingBack("<n>", "times that both are measured; the median counts", wholeNumber(1), 5),
  json,
};

/** The command. */
export const bench = defineCommand({
  name: "bench",
  summary: "Measure how many tokens a second a model reads and writes here",
  examples: [
    "./mine",
    "./mine --backend wasm --threads 1 --dtype q8_0",
    "org/name --backend all --prompt-tokens 512 --json",
  ],
  flags,
  bare: "model",
  run: async (values, { signal }) => {
    const place = placeOf(values.model);
    const { promptTokens, newTokens, rounds } = values;
    const engines = await onEngines(values.backend, values.threads, async (backend) => {
      const model = await openLanguageModel(place, { backend, dtype: values.dtype, signal });
      return await measure(backend, model, values, signal);
    });
    if (values.json) await printJson({ model: place, promptTokens, newTokens, rounds, engines });
    else await print(engines.map((each) => showFigures(each, values)).join(""));
    return 0;
  },
});

/** Speeds in tokens a second. */
interface Figures {
  readonly threads: number;
  /** Reading the prompt, up to the first new token. */
  readonly prefill: number;
  /** Writing further tokens. */
  readonly decode: number;
  /** Milliseconds to the first new token. */
  readonly firstToken: number;
}

/** @throws {UsageError} For more tokens than the model takes. */
async function measure(
  backend: Backend,
  model: LanguageModel,
  { promptTokens, newTokens, rounds, cacheDtype }: Values<typeof flags>,
  signal: AbortSignal,
): Promise<Figures> {
  const { maxSeqLen, numTokens } = model.net;
  if (promptTokens + newTokens > maxSeqLen) {
    throw new UsageError(
      `--prompt-tokens and --new-tokens are at most ${maxSeqLen} together with this model, not ` +
        `${promptTokens + newTokens}`,
    );
  }
  const prompt = Array.from({ length: promptTokens }, (_, i) => (i * 7919 + 1) % numTokens);
  const timings: Timing[] = [];
  await withBar(async (show) => {
    // The first round warms up, and is not counted.
    for (let round = 0; round <= rounds; round++) {
      show({ stage: "measure", file: backend.name, loaded: round, total: rounds + 1 });
      const timing = new Timing(promptTokens);
      const options = { maxNewTokens: newTokens, temperature: 0, cacheDtype, signal };
      for await (const token of model.generate(prompt, options)) timing.add(token);
      if (round > 0) timings.push(timing);
    }
  });
  return {
    threads: backend.info.threads,
    prefill: median(timings.map(({ prefill }) => prefill.tokensPerSecond)),
    decode: median(timings.map(({ decode }) => decode.tokensPerSecond)),
    firstToken: median(timings.map(({ prefill }) => prefill.milliseconds)),
  };
}

/** The middle of some values, or the mean of the two that are closest to it. */
function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const [low = NaN, high = low] = sorted.slice((sorted.length - 1) >> 1, (sorted.length >> 1) + 1);
  return (low + high) / 2;
}

function showFigures(outcome: EngineOutcome<Figures>, { promptTokens, newTokens }: Values<typeof flags>): string {
  if ("unavailable" in outcome) return `${outcome.backend}: ${outcome.unavailable}\n`;
  const { description, prefill, decode, firstToken } = outcome;
  return `${description}: prompt of ${promptTokens} ${prefill.toFixed(0)} tokens/s (${firstToken.toFixed(0)} ms), ` +
    `text of ${newTokens} ${decode.toFixed(1)} tokens/s\n`;
}
