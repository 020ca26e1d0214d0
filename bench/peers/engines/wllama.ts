/**
 * llama.cpp on WebAssembly, through wllama. Times are llama.cpp's own, so that passing messages to its worker doesn't
 * count.
 *
 * @module
 */

import { type Engine, NEW_TOKENS, readBytes, type Settings } from "../engine.ts";
import { ggufText, ggufTokens } from "../gguf_text.ts";
import { PROMPT, SIZES } from "../gpt.ts";

/** The answer of a completion. */
interface Completion {
  readonly choices: readonly { readonly text: string }[];
  readonly timings: {
    readonly prompt_n: number;
    readonly prompt_ms: number;
    readonly predicted_n: number;
    readonly predicted_ms: number;
  };
}

/** The part of @wllama/wllama that is used here. */
interface WllamaModule {
  readonly Wllama: new (paths: { default: string }, options: object) => {
    loadModel(files: readonly Blob[], options: object): Promise<void>;
    createCompletion(options: object): Promise<Completion>;
    getNumThreads(): number;
  };
  readonly LoggerWithoutDebug: object;
}

/** Starts the engine. */
export async function open({ format, threads, packages, files }: Settings): Promise<Engine> {
  const { Wllama, LoggerWithoutDebug }: WllamaModule = await import(`${packages}@wllama/wllama/esm/index.js`);
  const wllama = new Wllama({ default: `${packages}@wllama/wllama/esm/wasm/wllama.wasm` }, {
    logger: LoggerWithoutDebug,
    suppressNativeLog: true,
  });
  await wllama.loadModel([new Blob([await readBytes(`${files}gpt.${format}.gguf`)])], {
    n_ctx: SIZES.maxLength,
    n_batch: PROMPT.length,
    n_parallel: 1,
    n_gpu_layers: 0,
    n_threads: threads,
  });
  if (wllama.getNumThreads() !== threads) {
    throw new Error(`Cannot run on ${threads} threads: wllama took ${wllama.getNumThreads()}`);
  }
  const complete = async (count: number): Promise<Completion> => {
    const completion = await wllama.createCompletion({
      prompt: ggufText(PROMPT),
      n_predict: count,
      temperature: 0,
      ignore_eos: true,
      cache_prompt: false,
    });
    const { prompt_n, predicted_n } = completion.timings;
    if (prompt_n !== PROMPT.length || predicted_n !== count) {
      throw new Error(`Cannot compare: wllama read ${prompt_n} tokens and wrote ${predicted_n}`);
    }
    return completion;
  };
  return {
    tasks: {
      "prefill, last logits": async () => (await complete(1)).timings.prompt_ms,
      decode: async () => (await complete(NEW_TOKENS + 1)).timings.predicted_ms / NEW_TOKENS,
    },
    answer: async () => ({ logits: [], tokens: ggufTokens((await complete(NEW_TOKENS + 1)).choices[0]?.text ?? "") }),
  };
}
