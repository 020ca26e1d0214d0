/**
 * `deno task generate`: continues a text on the command line. `--help` lists the flags.
 *
 * @module
 */

import { AndromedaTokenizer, createBackend, type LanguageModel, loadLanguageModel } from "../mod.ts";
import { type GenerateFlags, helpText, readFlags, UsageError } from "./flags.ts";
import { keepMesaQuiet } from "./mesa.ts";
import { LoadingBar } from "./progress.ts";
import { Timing } from "./timing.ts";

/** The model that comes with the repository. */
const BUNDLED_MODEL = "../examples/shakespeare/";

/** The exit code of a program that Ctrl-C ended: 128 + SIGINT. */
const INTERRUPTED = 130;

/** A text model and its tokenizer. */
interface Loaded {
  readonly model: LanguageModel;
  readonly tokenizer: AndromedaTokenizer;
  /** Milliseconds that loading took, the engine's start included. */
  readonly milliseconds: number;
  dispose(): void;
}

async function load(flags: GenerateFlags, signal: AbortSignal): Promise<Loaded> {
  const start = performance.now();
  const source = flags.model ?? new URL(BUNDLED_MODEL, import.meta.url);
  keepMesaQuiet();
  const backend = await createBackend(flags.backend ?? "auto");
  const bar = new LoadingBar();
  try {
    const onProgress = bar.show.bind(bar);
    const model = await loadLanguageModel(source, { backend, dtype: flags.dtype, signal, onProgress });
    const tokenizer = await AndromedaTokenizer.load(source, { signal, onProgress });
    const dispose = () => {
      model.dispose();
      backend.dispose();
    };
    return { model, tokenizer, milliseconds: performance.now() - start, dispose };
  } catch (error) {
    backend.dispose();
    throw error;
  } finally {
    bar.stop();
  }
}

/** Continues the prompt: prints the text as it comes, or JSON at its end. */
async function generate(flags: GenerateFlags, signal: AbortSignal): Promise<void> {
  const { prompt } = flags;
  if (prompt === undefined) throw new UsageError("Nothing to continue: give --prompt <text> (--help lists all flags)");
  const loaded = await load(flags, signal);
  const { model, tokenizer } = loaded;
  try {
    const seed = flags.seed ?? crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
    const { eosId } = tokenizer;
    const ids = tokenizer.encode(prompt);
    const { maxSeqLen } = model.net;
    const timing = new Timing(Math.min(ids.length, maxSeqLen));
    const isCut = ids.length > maxSeqLen;
    if (isCut) {
      await printNote(`note: the prompt has ${ids.length} tokens, of which the model reads the last ${maxSeqLen}`);
    }
    const tokens = timing.count(model.generate(ids, {
      maxNewTokens: flags.maxNewTokens ?? 256,
      temperature: flags.temperature ?? 0.8,
      topK: flags.topK,
      topP: flags.topP,
      minP: flags.minP,
      repetitionPenalty: flags.repetitionPenalty,
      seed,
      stopTokens: eosId !== undefined && eosId < model.net.numTokens ? [eosId] : [],
      signal,
    }));
    const pieces = tokenizer.decodeStream(tokens, { skipSpecialTokens: true });
    if (flags.json) {
      const text = (await Array.fromAsync(pieces)).join("");
      await print(JSON.stringify(report(loaded, { prompt, text, seed }, timing), null, 2) + "\n");
    } else {
      await printText(pieces, prompt, `${describe(loaded)}, seed ${seed}\n`, timing);
    }
  } finally {
    loaded.dispose();
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

/** Writes to stdout, all of it. */
async function print(text: string): Promise<void> {
  const bytes = new TextEncoder().encode(text);
  for (let written = 0; written < bytes.length;) written += await Deno.stdout.write(bytes.subarray(written));
}

/** Writes a line to stderr; nothing is thrown where nobody reads it, because it matters less than the text. */
async function printNote(line: string): Promise<void> {
  const bytes = new TextEncoder().encode(line + "\n");
  try {
    for (let written = 0; written < bytes.length;) written += await Deno.stderr.write(bytes.subarray(written));
  } catch (error) {
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
}

/** Runs the command line; gives the exit code. */
async function main(args: readonly string[]): Promise<number> {
  const interrupt = new AbortController();
  const onInterrupt = () => {
    interrupt.abort();
    Deno.removeSignalListener("SIGINT", onInterrupt); // a second one ends the process as usual
  };
  Deno.addSignalListener("SIGINT", onInterrupt);
  try {
    const flags = readFlags(args);
    if (flags.help) await print(helpText() + "\n");
    else await generate(flags, interrupt.signal);
    return 0;
  } catch (error) {
    if (interrupt.signal.aborted) return INTERRUPTED;
    // The reader of the text has closed the pipe, as in `generate | head`.
    if (error instanceof Deno.errors.BrokenPipe) return 0;
    await printNote(`error: ${error instanceof Error ? error.message : String(error)}`);
    return error instanceof UsageError ? 2 : 1;
  } finally {
    Deno.removeSignalListener("SIGINT", onInterrupt);
  }
}

if (import.meta.main) Deno.exitCode = await main(Deno.args);
