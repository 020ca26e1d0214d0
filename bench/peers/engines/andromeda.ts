/**
 * This repository's engine.
 *
 * @module
 */

import { createBackend } from "../../../create_backend.ts";
import { Transformer } from "../../../models/families/transformer.ts";
import { type Engine, LINEAR_SIZE, NEW_TOKENS, randomValues, type Settings, time } from "../engine.ts";
import { CONFIG, PROMPT, SEED } from "../gpt.ts";

/** Starts the engine. */
export async function open({ what, format, threads }: Settings): Promise<Engine> {
  const backend = await createBackend("wasm", { threads });
  if (backend.info.threads !== threads) {
    throw new Error(`Cannot run on ${threads} threads: ${backend.info.description}`);
  }
  if (what === "linear") {
    const weight = backend.weight([LINEAR_SIZE, LINEAR_SIZE], format);
    backend.writeRows(weight, 0, randomValues(LINEAR_SIZE ** 2));
    const multiply = (rows: number) => {
      const x = backend.tensor(randomValues(rows * LINEAR_SIZE), [rows, LINEAR_SIZE]);
      return () =>
        time(async () => {
          const y = backend.linear(x, weight);
          await y.data();
          y.dispose();
        });
    };
    return { tasks: { "1×2560×2560": multiply(1), "128×2560×2560": multiply(128) } };
  }
  const model = await Transformer.create(CONFIG, { backend, dtype: format, seed: SEED });
  return {
    tasks: {
      "prefill, all logits": () => time(() => logits(model, "all")),
      "prefill, last logits": () => time(() => logits(model, "last")),
      decode: async () => (await generate(model)).milliseconds,
    },
    answer: async () => ({ logits: [...await logits(model, "last")], tokens: (await generate(model)).tokens }),
  };
}

async function logits(model: Transformer, positions: "all" | "last"): Promise<Float32Array | Int32Array> {
  const tensor = model.forward(PROMPT, { positions });
  const values = await tensor.data();
  tensor.dispose();
  return values;
}

/** The greedy continuation, and milliseconds of each token after the first. */
async function generate(model: Transformer): Promise<{ tokens: number[]; milliseconds: number }> {
  const tokens: number[] = [];
  let start = 0;
  for await (const token of model.generate(PROMPT, { maxNewTokens: NEW_TOKENS + 1, temperature: 0 })) {
    tokens.push(token);
    if (tokens.length === 1) start = performance.now();
  }
  return { tokens, milliseconds: (performance.now() - start) / NEW_TOKENS };
}
