/**
 * How fast a model reads and writes on this machine.
 *
 * @module
 */

import type { LoadedModel } from "./model.ts";

/** Tokens of the prompt that is read. */
const PROMPT = 128;

/** Tokens that are written at most. */
const TEXT = 64;

/** Milliseconds that either measurement takes about. */
const TIME = 1500;

/** Tokens per second. */
export interface Measured {
  readonly prefill: number;
  readonly decode: number;
}

/** Measures both, each as the best of the rounds that fit into its time; the first round only warms up. */
export async function measure(loaded: LoadedModel, signal: AbortSignal): Promise<Measured> {
  const { numTokens, maxSeqLen } = loaded.model.net;
  const length = Math.min(PROMPT, maxSeqLen);
  const prompt = Array.from({ length }, (_, index) => (index * 7 + 1) % numTokens);
  const prefill = await best(signal, async () => {
    const logits = loaded.model.forward(prompt, { positions: "last" });
    await logits.data();
    logits.dispose();
    return length;
  });
  const decode = await best(signal, async () => {
    let count = 0;
    let start = 0;
    for await (const _token of loaded.model.generate([1], { maxNewTokens: TEXT + 1, temperature: 0, signal })) {
      if (count++ === 0) start = performance.now();
      else if (performance.now() - start > TIME) break;
    }
    return count - 1;
  });
  return { prefill, decode };
}

/** The best speed of a task that says how many tokens it took. */
async function best(signal: AbortSignal, task: () => Promise<number>): Promise<number> {
  await task();
  let fastest = 0;
  const end = performance.now() + TIME;
  do {
    signal.throwIfAborted();
    const start = performance.now();
    const tokens = await task();
    fastest = Math.max(fastest, tokens * 1000 / (performance.now() - start));
  } while (performance.now() < end);
  return fastest;
}
