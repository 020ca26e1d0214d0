/**
 * Native llama.cpp through node-llama-cpp, in the build that llama.cpp has for this processor. Times are llama.cpp's
 * own, so that neither Node's event loop nor node-llama-cpp's sampling counts.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import { type Engine, NEW_TOKENS, type Settings } from "../engine.ts";
import { PROMPT, SIZES } from "../gpt.ts";

/** A sequence of a context. */
interface Sequence {
  clearHistory(): Promise<void>;
  evaluate(tokens: readonly number[], options: object): AsyncIterable<number>;
}

/** A context of a model. */
interface Context {
  readonly currentThreads: number;
  getSequence(): Sequence;
  /** Hands the times since its last call to the logger. */
  printTimings(): Promise<void>;
}

/** The part of node-llama-cpp that is used here. */
interface NodeLlamaCpp {
  getLlama(options: object): Promise<{
    loadModel(options: object): Promise<{ createContext(options: object): Promise<Context> }>;
  }>;
}

/** What llama.cpp did, and its milliseconds. */
interface Timings {
  readonly prompt: number;
  readonly promptMs: number;
  readonly steps: number;
  readonly stepsMs: number;
}

/** Starts the engine. */
export async function open({ format, threads, packages, files }: Settings): Promise<Engine> {
  const { getLlama }: NodeLlamaCpp = await import(`${packages}node-llama-cpp/dist/index.js`);
  const log: string[] = [];
  const llama = await getLlama({
    gpu: false,
    build: "never",
    skipDownload: true,
    progressLogs: false,
    // No limit: with one, `threads` is only a hint.
    maxThreads: 0,
    logLevel: "info",
    logger: (_level: string, message: string) => log.push(message),
  });
  const model = await llama.loadModel({ modelPath: fileURLToPath(`${files}gpt.${format}.gguf`) });
  const context = await model.createContext({
    contextSize: SIZES.maxLength,
    batchSize: PROMPT.length,
    threads,
    performanceTracking: true,
  });
  const sequence = context.getSequence();
  const generate = async (count: number): Promise<{ tokens: number[]; timings: Timings }> => {
    await sequence.clearHistory();
    const tokens: number[] = [];
    for await (const token of sequence.evaluate(PROMPT, { temperature: 0, yieldEogToken: true })) {
      tokens.push(token);
      if (tokens.length === count) break;
    }
    log.length = 0;
    await context.printTimings();
    const timings = timingsOf(log.join(""));
    if (timings.prompt !== PROMPT.length || timings.steps !== Math.max(count - 1, 1)) {
      throw new Error(`Cannot compare: llama.cpp read ${timings.prompt} tokens and ran ${timings.steps} steps`);
    }
    if (context.currentThreads !== threads) {
      throw new Error(`Cannot run on ${threads} threads: llama.cpp took ${context.currentThreads}`);
    }
    return { tokens, timings };
  };
  return {
    tasks: {
      "prefill, last logits": async () => (await generate(1)).timings.promptMs,
      decode: async () => (await generate(NEW_TOKENS + 1)).timings.stepsMs / NEW_TOKENS,
    },
    answer: async () => ({ logits: [], tokens: (await generate(NEW_TOKENS + 1)).tokens }),
  };
}

/** Reads the lines "prompt eval time = 71.08 ms / 128 tokens (…)" and "eval time = 71.94 ms / 32 runs (…)". */
function timingsOf(log: string): Timings {
  const read = (line: RegExp): number[] => line.exec(log)?.slice(1).map(Number) ?? [NaN, NaN];
  const [promptMs = NaN, prompt = NaN] = read(/prompt eval time =\s*([\d.]+) ms \/\s*(\d+) tokens/);
  const [stepsMs = NaN, steps = NaN] = read(/: \s*eval time =\s*([\d.]+) ms \/\s*(\d+) runs/);
  return { prompt, promptMs, steps, stepsMs };
}
