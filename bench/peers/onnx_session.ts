/**
 * The graphs in onnxruntime, on WebAssembly or native, as transformers.js drives it: keys and values go out with each
 * step and in with the next.
 *
 * @module
 */

import {
  argmax,
  type Engine,
  LINEAR_SIZE,
  NEW_TOKENS,
  randomValues,
  readBytes,
  type Settings,
  time,
} from "./engine.ts";
import { PROMPT, SIZES } from "./gpt.ts";

type Values = Float32Array | Int32Array | BigInt64Array;

/** A tensor of onnxruntime. */
interface Tensor {
  readonly data: Values;
}

type Feeds = Readonly<Record<string, Tensor>>;

/** The part of onnxruntime that is used here. */
export interface Ort {
  readonly Tensor: new (type: "float32" | "int32" | "int64", data: Values, shape: readonly number[]) => Tensor;
  readonly InferenceSession: {
    create(model: Uint8Array, options: object): Promise<{ run(feeds: Feeds): Promise<Feeds> }>;
  };
}

/** One step of the model. */
type Step = (tokens: readonly number[], start: number, from: number, past: Feeds) => Promise<Feeds>;

/**
 * Starts a session.
 *
 * @param options More options of the session.
 */
export async function runOnnx(ort: Ort, { what, files }: Settings, options: object = {}): Promise<Engine> {
  const model = await readBytes(`${files}${what === "model" ? "gpt" : "linear"}.onnx`);
  const session = await ort.InferenceSession.create(model, { graphOptimizationLevel: "all", ...options });
  if (what === "linear") {
    const multiply = (rows: number) => {
      const x = new ort.Tensor("float32", randomValues(rows * LINEAR_SIZE), [rows, LINEAR_SIZE]);
      return () => time(() => session.run({ x }));
    };
    return { tasks: { "1×2560×2560": multiply(1), "128×2560×2560": multiply(128) } };
  }
  const step: Step = (tokens, start, from, past) => {
    const n = tokens.length;
    const int64 = (values: readonly number[]) => BigInt64Array.from(values, BigInt);
    return session.run({
      tokens: new ort.Tensor("int64", int64(tokens), [1, n]),
      positions: new ort.Tensor("int64", int64(tokens.map((_, i) => start + i)), [1, n]),
      from: new ort.Tensor("int64", int64([from]), [1]),
      last: new ort.Tensor("int32", Int32Array.of(start + n - 1), [1]),
      length: new ort.Tensor("int32", Int32Array.of(start + n), []),
      ...past,
    });
  };
  const nothing = nothingPast(ort);
  const last = PROMPT.length - 1;
  return {
    tasks: {
      "prefill, all logits": () => time(() => step(PROMPT, 0, 0, nothing)),
      "prefill, last logits": () => time(() => step(PROMPT, 0, last, nothing)),
      decode: async () => (await generate(step, nothing)).milliseconds,
    },
    answer: async () => ({
      logits: [...logitsOf(await step(PROMPT, 0, last, nothing))],
      tokens: (await generate(step, nothing)).tokens,
    }),
  };
}

/** Keys and values of no tokens. */
function nothingPast(ort: Ort): Feeds {
  const names = Array.from({ length: SIZES.depth }, (_, i) => [`past_key_${i}`, `past_value_${i}`]).flat();
  const shape = [1, SIZES.heads, 0, SIZES.dim / SIZES.heads];
  return Object.fromEntries(names.map((name) => [name, new ort.Tensor("float32", new Float32Array(), shape)]));
}

/** The greedy continuation, and milliseconds of each token after the first. */
async function generate(step: Step, nothing: Feeds): Promise<{ tokens: number[]; milliseconds: number }> {
  let out = await step(PROMPT, 0, PROMPT.length - 1, nothing);
  const tokens = [argmax(logitsOf(out))];
  const start = performance.now();
  for (let i = 0; i < NEW_TOKENS; i++) {
    out = await step(tokens.slice(-1), PROMPT.length + i, 0, pastOf(out));
    tokens.push(argmax(logitsOf(out)));
  }
  return { tokens, milliseconds: (performance.now() - start) / NEW_TOKENS };
}

/** The outputs of a step as inputs of the next one. */
function pastOf(out: Feeds): Feeds {
  const present = Object.entries(out).filter(([name]) => name.startsWith("present_"));
  return Object.fromEntries(present.map(([name, tensor]) => [name.replace("present", "past"), tensor]));
}

function logitsOf({ logits }: Feeds): Float32Array {
  if (!(logits?.data instanceof Float32Array)) throw new TypeError("Cannot read logits: onnxruntime gave none");
  return logits.data;
}
