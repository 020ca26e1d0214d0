/**
 * jax-js on WebAssembly. Where it finds workers, as in Deno, it takes as many threads as there are cores; in Node one.
 *
 * @module
 */

import { type Engine, LINEAR_SIZE, randomValues, type Settings, time } from "../engine.ts";

/** An array of jax-js; a call takes what it is given, `ref` keeps it. */
interface JaxArray {
  readonly ref: JaxArray;
  transpose(): JaxArray;
  data(): Promise<Float32Array>;
}

/** The part of @jax-js/jax that is used here. */
interface Jax {
  init(device: "wasm"): Promise<readonly string[]>;
  defaultDevice(device: "wasm"): void;
  jit(fn: (x: JaxArray, weight: JaxArray) => JaxArray): (x: JaxArray, weight: JaxArray) => JaxArray;
  readonly numpy: {
    array(values: Float32Array, options: { shape: readonly number[] }): JaxArray;
    matmul(x: JaxArray, y: JaxArray): JaxArray;
  };
}

/** Starts the engine. */
export async function open({ packages }: Settings): Promise<Engine> {
  const { init, defaultDevice, jit, numpy }: Jax = await import(`${packages}@jax-js/jax/dist/index.js`);
  const devices = await init("wasm");
  if (!devices.includes("wasm")) throw new Error(`Cannot run on WebAssembly: jax-js found ${devices.join(", ")}`);
  defaultDevice("wasm");
  const weight = numpy.array(randomValues(LINEAR_SIZE ** 2), { shape: [LINEAR_SIZE, LINEAR_SIZE] });
  // With a transposed weight it is three times as fast for one row, and a fifth as fast for many.
  const product = jit((x, weight) => numpy.matmul(x, weight.transpose()));
  const multiply = (rows: number) => {
    const x = numpy.array(randomValues(rows * LINEAR_SIZE), { shape: [rows, LINEAR_SIZE] });
    return () => time(() => product(x.ref, weight.ref).data());
  };
  return { tasks: { "1×2560×2560": multiply(1), "128×2560×2560": multiply(128) } };
}
