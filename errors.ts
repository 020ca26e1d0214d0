/**
 * The errors of the library, by their names. A message says what cannot be done, the rule that forbids it, and what to
 * do.
 *
 * @module
 */

/**
 * Sizes that don't fit together. The message says what was given, what was expected, and what to do.
 *
 * @example
 * ```ts
 * import { createBackend, ShapeError } from "./mod.ts";
 *
 * const backend = await createBackend("wasm");
 * const [x, weight] = [backend.zeros([2, 3], "f32"), backend.zeros([4, 5], "f32")];
 * try {
 *   backend.linear(x, weight);
 * } catch (error) {
 *   if (!(error instanceof ShapeError)) throw error;
 *   console.log(error.message);
 * }
 * backend.dispose();
 * ```
 *
 * @category Errors
 */
export class ShapeError extends Error {
  /** The name of the class. */
  override readonly name = "ShapeError";
}

/**
 * A configuration or an option that can't work.
 *
 * @example
 * ```ts
 * import { Andromeda, ConfigError } from "./mod.ts";
 *
 * try {
 *   await Andromeda.create({ dim: 64, depth: 2, heads: 0 });
 * } catch (error) {
 *   if (!(error instanceof ConfigError)) throw error;
 *   console.log(error.message); // Cannot use heads = 0: it must be a whole number >= 1
 * }
 * ```
 *
 * @category Errors
 */
export class ConfigError extends Error {
  /** The name of the class. */
  override readonly name = "ConfigError";
}

/**
 * A weights file or a state dict that can't be read or does not fit.
 *
 * @example
 * ```ts
 * import { loadModel, WeightsError } from "./mod.ts";
 *
 * try {
 *   await loadModel("examples");
 * } catch (error) {
 *   if (!(error instanceof WeightsError)) throw error;
 *   console.log(error.message);
 * }
 * ```
 *
 * @category Errors
 */
export class WeightsError extends Error {
  /** The name of the class. */
  override readonly name = "WeightsError";
}

/**
 * A tokenizer that can't be read, or text and ids that it can't take.
 *
 * @example
 * ```ts
 * import { AndromedaTokenizer, TokenizerError } from "./mod.ts";
 *
 * const tokenizer = await AndromedaTokenizer.load("examples/shakespeare");
 * try {
 *   tokenizer.decode([tokenizer.vocabSize]);
 * } catch (error) {
 *   if (!(error instanceof TokenizerError)) throw error;
 *   console.log(error.message);
 * }
 * ```
 *
 * @category Errors
 */
export class TokenizerError extends Error {
  /** The name of the class. */
  override readonly name = "TokenizerError";
}

/**
 * A dataset that can't be read or made.
 *
 * @example
 * ```ts
 * import { DatasetError } from "./mod.ts";
 *
 * async function* lines(file: string): AsyncGenerator<string> {
 *   const text = await Deno.readTextFile(file);
 *   if (text === "") {
 *     throw new DatasetError(`Cannot read texts from ${file}: it is empty; give a file with a text on each line`);
 *   }
 *   yield* text.trim().split("\n");
 * }
 *
 * const [first] = await Array.fromAsync(lines("LICENSE"));
 * console.log(first); // Apache License
 * ```
 *
 * @category Errors
 */
export class DatasetError extends Error {
  /** The name of the class. */
  override readonly name = "DatasetError";
}

/**
 * An engine that can't start on this host. The message says why, and what would make it start.
 *
 * @example
 * ```ts
 * import { BackendUnavailableError, createBackend } from "./mod.ts";
 *
 * try {
 *   const backend = await createBackend("webgpu");
 *   console.log(backend.info.description);
 *   backend.dispose();
 * } catch (error) {
 *   if (!(error instanceof BackendUnavailableError)) throw error;
 *   console.log(error.message);
 * }
 * ```
 *
 * @category Errors
 */
export class BackendUnavailableError extends Error {
  /** The name of the class. */
  override readonly name = "BackendUnavailableError";
}

/**
 * The loss of what was computing: the GPU's device, or a worker of the CPU engine. A model can be moved to a new
 * backend.
 *
 * @example
 * ```ts
 * import { Andromeda, createBackend, DeviceLostError } from "./mod.ts";
 *
 * const model = await Andromeda.load("examples/shakespeare");
 * try {
 *   for await (const token of model.generate([1, 2, 3], { maxNewTokens: 2 })) console.log(token);
 * } catch (error) {
 *   if (!(error instanceof DeviceLostError)) throw error;
 *   await model.to(await createBackend("wasm"));
 * }
 * model.dispose();
 * ```
 *
 * @category Errors
 */
export class DeviceLostError extends Error {
  /** The name of the class. */
  override readonly name = "DeviceLostError";
}

/**
 * Memory that the engine or the host refused. The message says how much was asked, and how much is held by what.
 *
 * @example
 * ```ts
 * import { createBackend, OutOfMemoryError } from "./mod.ts";
 *
 * const backend = await createBackend("wasm");
 * try {
 *   backend.zeros([1 << 15, 1 << 15], "f32");
 * } catch (error) {
 *   if (!(error instanceof OutOfMemoryError)) throw error;
 *   console.log(error.message);
 * }
 * backend.dispose();
 * ```
 *
 * @category Errors
 */
export class OutOfMemoryError extends Error {
  /** The name of the class. */
  override readonly name = "OutOfMemoryError";
}

/**
 * A tensor, model or engine that was used after it was disposed.
 *
 * @example
 * ```ts
 * import { createBackend, DisposedError } from "./mod.ts";
 *
 * const backend = await createBackend("wasm");
 * const x = backend.zeros([2, 3], "f32");
 * x.dispose();
 * try {
 *   await x.data();
 * } catch (error) {
 *   if (!(error instanceof DisposedError)) throw error;
 *   console.log(error.message);
 * }
 * backend.dispose();
 * ```
 *
 * @category Errors
 */
export class DisposedError extends Error {
  /** The name of the class. */
  override readonly name = "DisposedError";
}
