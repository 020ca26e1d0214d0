/**
 * `andromeda generate`: continues a text.
 *
 * @module
 */

import type { AndromedaTokenizer, LanguageModel } from "../../mod.ts";
import { defineCommand } from "../command.ts";
import { fallingBack, optional, required, type Values } from "../flags/flag.ts";
import { number, text, wholeNumber } from "../flags/readers.ts";
import { cacheDtype, engine, json, model } from "../flags/shared.ts";
import { library } from "../library.ts";
import { openLanguageModel, openTokenizer, placeOf, withEngine } from "../support/open.ts";
import { Timing } from "../support/timing.ts";
import { print, printJson, printNote } from "../terminal/output.ts";

const flags = {
  model,
  prompt: required("<text>", "the text to continue", text),
  maxNewTokens: fallingBack("<n>", "most tokens to make", wholeNumber(1), 256),
  temperature: fallingBack(
    "<x>",
    "0 always takes the likeliest token",
    number((x) => x >= 0, "a number from 0 on"),
    0.8,
  ),
  topK: optional("<n>", "draw from the n likeliest tokens", wholeNumber(1)),
  topP: optional(
    "<x>",
    "draw from the likeliest tokens that together reach this probability",
    number((x) => x > 0 && x <= 1, "a number above 0 and up to 1"),
  ),
  minP: optional(
    "<x>",
    "draw from tokens of at least this share of the likeliest one's probability",
    number((x) => x >= 0 && x <= 1, "a number from 0 to 1"),
  ),
  repetitionPenalty: optional(
    "<x>",
    "above 1: makes tokens that came before less likely",
    number((x) => x > 0, "a number above 0"),
  ),
  stop: optional("<text>", "end the text before this one", text),
  seed: optional("<n>", "the same seed gives the same text; default: another one each time", wholeNumber(0)),
  ...engine,
  cacheDtype,
  json,
};

/** The command. */
export const generate = defineCommand({
  name: "generate",
  summary: "Continue a text",
  details: "The text comes as it is written; Ctrl-C ends it where it is.",
  examples: [
    '--prompt "ROMEO:"',
    '--model org/name --dtype q4_0 --prompt "Once upon a time" --max-new-tokens 100',
    '--model ./mine --prompt "To be" --temperature 0 --stop "." --json',
  ],
  flags,
  run: async (values, { signal }) => {
    const place = placeOf(values.model);
    const start = performance.now();
    return await withEngine(values, async (backend) => {
      const model = await openLanguageModel(place, { backend, dtype: values.dtype, signal });
      try {
        const tokenizer = await openTokenizer(place, signal);
        await write({ model, tokenizer, milliseconds: performance.now() - start }, values, signal);
        return 0;
      } finally {
        model.dispose();
      }
    });
  },
});

/** A text model and its tokenizer. */
interface Loaded {
  readonly model: LanguageModel;
  readonly tokenizer: AndromedaTokenizer;
  /** Milliseconds that loading took, the engine's start included. */
  readonly milliseconds: number;
}

/** Continues the prompt: prints the text as it comes, or JSON at its end. */
async function write(loaded: Loaded, values: Values<typeof flags>, signal: AbortSignal): Promise<void> {
  const { model, tokenizer } = loaded;
  const { prompt, maxNewTokens, temperature, topK, topP, minP, repetitionPenalty, stop, cacheDtype } = values;
  const seed = values.seed ?? crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
  const ids = tokenizer.encode(prompt);
  const { maxSeqLen } = model.net;
  const timing = new Timing(Math.min(ids.length, maxSeqLen));
  if (ids.length > maxSeqLen) {
    await printNote(`note: the prompt has ${ids.length} tokens, of which the model reads the last ${maxSeqLen}`);
  }
  const { generateText } = await library();
  const sampling = { maxNewTokens, temperature, topK, topP, minP, repetitionPenalty, seed };
  const onToken = (token: number) => timing.add(token);
  const options = { ...sampling, stop, cacheDtype, signal, onToken };
  const pieces = generateText(model, tokenizer, ids.slice(-maxSeqLen), options);
  if (values.json) {
    let text = "";
    for await (const piece of pieces) text += piece;
    await printJson(report(loaded, { prompt, text, seed }, timing));
  } else {
    await printText(pieces, prompt, `${describe(loaded)}, seed ${seed}\n`, timing);
  }
}

/** Prints a text as it comes, with its prompt in front and notes around it; nothing, if it fails before it begins. */
async function printText(pieces: AsyncIterable<string>, prompt: string, note: string, timing: Timing): Promise<void> {
  let hasBegun = false;
  const begin = async () => {
    if (hasBegun) return;
    hasBegun = true;
    await printNote(note);
    await print(prompt);
  };
  try {
    for await (const piece of pieces) {
      await begin();
      await print(piece);
    }
    await begin(); // also where no piece came
  } finally {
    if (hasBegun) await printNote(`\n\n${timing.summary()}`);
  }
}

function describe({ model, milliseconds }: Loaded): string {
  const millions = (model.parameterCount / 1e6).toFixed(2);
  return `${model.modelType}, ${millions} million parameters, on ${model.backend.info.description}, ` +
    `loaded in ${Math.round(milliseconds)} ms`;
}

/** The object that `--json` prints. */
function report(
  { model, milliseconds }: Loaded,
  result: { readonly prompt: string; readonly text: string; readonly seed: number },
  timing: Timing,
): object {
  return {
    ...result,
    tokens: timing.tokens,
    model: { type: model.modelType, parameters: model.parameterCount },
    backend: { name: model.backend.name, ...model.backend.info },
    loadMilliseconds: milliseconds,
    prefill: timing.prefill,
    decode: timing.decode,
  };
}
