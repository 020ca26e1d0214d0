/**
 * TensorFlow.js on WebAssembly (XNNPACK). In Node it finds no threads.
 *
 * @module
 */

import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { type Engine, LINEAR_SIZE, randomValues, type Settings, time } from "../engine.ts";

/** A tensor of TensorFlow.js. */
interface Tensor {
  data(): Promise<Float32Array>;
  dispose(): void;
}

/** The part of @tensorflow/tfjs-core that is used here. */
interface Tf {
  setBackend(name: "wasm"): Promise<boolean>;
  ready(): Promise<void>;
  tensor(values: Float32Array, shape: readonly number[]): Tensor;
  matMul(x: Tensor, y: Tensor): Tensor;
}

/** Starts the engine. */
export async function open({ packages }: Settings): Promise<Engine> {
  const require = createRequire(new URL("x.js", packages));
  const tf: Tf = require("@tensorflow/tfjs-core");
  const wasm: { setWasmPaths(folder: string): void } = require("@tensorflow/tfjs-backend-wasm");
  wasm.setWasmPaths(fileURLToPath(new URL("@tensorflow/tfjs-backend-wasm/dist/", packages)));
  await tf.setBackend("wasm");
  await tf.ready();
  const weight = tf.tensor(randomValues(LINEAR_SIZE ** 2), [LINEAR_SIZE, LINEAR_SIZE]);
  const multiply = (rows: number) => {
    const x = tf.tensor(randomValues(rows * LINEAR_SIZE), [rows, LINEAR_SIZE]);
    return () =>
      time(async () => {
        const y = tf.matMul(x, weight);
        await y.data();
        y.dispose();
      });
  };
  return { tasks: { "1×2560×2560": multiply(1), "128×2560×2560": multiply(128) } };
}
