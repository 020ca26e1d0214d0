/**
 * The interface of every engine of the comparison.
 *
 * @module
 */

import type { WeightFormat } from "../../backend/memory.ts";

/**
 * The tasks that are timed: passes over a prompt of 128 tokens with the logits of each token or of the last, one token
 * after the other, products.
 */
export type Task = "prefill, all logits" | "prefill, last logits" | "decode" | "1×2560×2560" | "128×2560×2560";

/** The tasks of the model. */
export const MODEL_TASKS: readonly Task[] = ["prefill, all logits", "prefill, last logits", "decode"];
/** The tasks without a model. */
export const LINEAR_TASKS: readonly Task[] = ["1×2560×2560", "128×2560×2560"];

/** Features in and out of the products. */
export const LINEAR_SIZE = 2560;

/** Tokens that a decode makes after the first. */
export const NEW_TOKENS = 32;

/** How an engine is started. */
export interface Settings {
  /** The model, or the products alone. */
  readonly what: "model" | "linear";
  readonly format: WeightFormat;
  readonly threads: number;
  /** URL of the folder that the peers' packages are in. */
  readonly packages: string;
  /** URL of the folder that the model's files are in. */
  readonly files: string;
}

/** The answer of an engine to the prompt, which shows whether all run the same model. */
export interface Answer {
  /** Logits at the prompt's last token; empty for engines that give none. */
  readonly logits: readonly number[];
  /** The likeliest tokens that follow: 1 + `NEW_TOKENS`. */
  readonly tokens: readonly number[];
}

/** An engine that runs. */
export interface Engine {
  /** Runs a task once: milliseconds, for decode those of one token. Absent: the engine can't. */
  readonly tasks: { readonly [task in Task]?: () => Promise<number> };
  /** Absent where the model's weights are not the others'. */
  answer?(): Promise<Answer>;
}

/** The prefix of the lines that are answers, as JSON, because engines print lines of their own. */
export const ANSWER = "@answer ";

/** Times a call. */
export async function time(call: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await call();
  return performance.now() - start;
}

/** Reads a file by URL in any host. */
export async function readBytes(url: string): Promise<Uint8Array<ArrayBuffer>> {
  if (!url.startsWith("file:")) return new Uint8Array(await (await fetch(url)).arrayBuffer());
  const { readFile } = await import("node:fs/promises");
  return new Uint8Array(await readFile(new URL(url)));
}

/** Values between -0.5 and 0.5. */
export function randomValues(count: number): Float32Array<ArrayBuffer> {
  return Float32Array.from({ length: count }, () => Math.random() - 0.5);
}

/** Index of the largest. */
export function argmax(values: Float32Array): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if ((values[i] ?? 0) > (values[best] ?? 0)) best = i;
  return best;
}
