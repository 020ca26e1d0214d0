/**
 * What every model does: it is created or loaded, holds parameters on a backend, is saved, moved and disposed.
 *
 * @module
 */

import type { Backend } from "../backend/backend.ts";
import type { Tensor, WeightFormat } from "../backend/memory.ts";
import type { HubOptions } from "../data/hub/hub_options.ts";
import { eventLoopTurn } from "../common/event_loop.ts";
import { DeviceLostError, DisposedError, ShapeError, WeightsError } from "../errors.ts";
import { WEIGHT_FORMATS } from "../formats/formats.ts";
import { toSnakeCase } from "./config/fields.ts";
import { type BackendLease, leaseBackend } from "./default_backend.ts";
import type { Parameter, Parameters, StateBuffer } from "./network/parameters.ts";
import { Backlog } from "./weights/backlog.ts";
import type { Checkpoint } from "./weights/checkpoint.ts";
import { HostTensor } from "./weights/host_tensor.ts";
import { type Matched, matchNames } from "./weights/match.ts";
import type { WeightsReader } from "./weights/reader.ts";
import { formatOf } from "./weights/safetensors/dtypes.ts";
import type { SaveOptions } from "./weights/safetensors/write.ts";
import type { SaveTarget } from "./weights/save.ts";

/** Values that take some milliseconds to draw. */
const LONG = 1 << 20;

/**
 * Options of creating and loading a model.
 *
 * @category Models
 */
export interface ModelOptions extends HubOptions {
  /** The engine that holds the parameters; it is never disposed by the model. Default: one that all models share. */
  readonly backend?: Backend | undefined;
  /**
   * The format that matrices and the token embedding are held in; values are converted to it as they are read or drawn,
   * so that the model is never in memory in f32; what a file holds in this format keeps its bits. Norms, biases and
   * absolute positions stay in f32, and so do matrices on an engine without kernels for the format. Default: that of
   * the file for each matrix that engines hold as the file does, "f32" for all others and for fresh values.
   */
  readonly dtype?: WeightFormat | undefined;
  /** Seed of fresh values. Default 0. */
  readonly seed?: number | undefined;
  /** A branch, tag or commit of a hub repository. Default "main". */
  readonly revision?: string | undefined;
}

/**
 * Values for `loadStateDict`.
 *
 * @category Models
 */
export type StateDict = ReadonlyMap<string, Tensor | HostTensor>;

/**
 * A model: named parameters on a backend.
 *
 * @example
 * ```ts
 * import { createBackend, loadModel, type Model } from "../mod.ts";
 *
 * const model: Model = await loadModel("examples/shakespeare");
 * console.log(model.modelType, model.parameterCount); // andromeda 4665984
 * console.log(model.stateDict().get("token_emb.emb.weight")?.shape); // [ 1024, 256 ]
 * const backend = await createBackend("wasm", { threads: 1 });
 * await model.to(backend);
 * model.dispose();
 * backend.dispose();
 * ```
 *
 * @category Models
 */
export abstract class Model {
  /** The class's name in `config.json`. */
  abstract readonly modelType: string;
  /** The configuration, defaults filled in. */
  abstract readonly config: object;

  readonly #parameters: Parameters;
  #lease: BackendLease | undefined;
  #isTraining = false;
  /** Gives the parameters the values that they had at first; undefined once they have others. */
  #refill: ((backend: Backend) => Promise<void>) | undefined;

  /**
   * A model without memory yet.
   * @internal
   * @param parameters Declared by the layers of the class.
   */
  protected constructor(parameters: Parameters) {
    this.#parameters = parameters;
  }

  /**
   * The engine that holds the parameters.
   *
   * @throws {DisposedError} After `dispose()`.
   */
  get backend(): Backend {
    if (!this.#lease) throw new DisposedError("Cannot use a model after it was disposed: create or load one");
    return this.#lease.backend;
  }

  /**
   * What the layers have declared.
   * @internal
   */
  get parameters(): Parameters {
    return this.#parameters;
  }

  /** Number of learned values. */
  get parameterCount(): number {
    return this.#parameters.count;
  }

  /** Whether `train()` was called last, rather than `eval()`. */
  get isTraining(): boolean {
    return this.#isTraining;
  }

  /**
   * Marks the model as being trained. `forward` and `loss` stay what they are: dropout belongs to the steps of a
   * training.
   */
  train(): this {
    this.#isTraining = true;
    return this;
  }

  /** Marks the model as being used, which is how models start. */
  eval(): this {
    this.#isTraining = false;
    return this;
  }

  /**
   * The parameters by the names of the class's checkpoints; one that a checkpoint holds in another arrangement, such as
   * joined with others or transposed, by a name of its own. They stay the model's: don't dispose of them.
   */
  stateDict(): Map<string, Tensor> {
    return new Map([...this.#parameters.byName].map(([name, parameter]) => [name, parameter.value]));
  }

  /**
   * Replaces parameters by the tensors of a checkpoint, or by those of another model's `stateDict()`.
   *
   * @param options Strict (default true) refuses missing and unexpected names.
   * @throws {WeightsError} That lists what is missing, unexpected or misshapen; nothing is changed then.
   */
  async loadStateDict(entries: StateDict, options: { readonly strict?: boolean } = {}): Promise<void> {
    const matched = matchNames(this.#parameters, entries, options.strict ?? true);
    this.#refill = undefined;
    const valuesOf = async (found: string) => {
      const entry = entries.get(found);
      const values = entry instanceof HostTensor ? entry.values() : await entry?.data();
      if (values instanceof Float32Array) return values;
      throw new WeightsError(`Cannot load ${found} from int32 values: expected floats`);
    };
    for (const [found, buffer] of matched.buffers) {
      checkBuffer(buffer, entries.get(found)?.dtype, 0, await valuesOf(found));
    }
    for (const [found, parameter] of matched.parameters) {
      const entry = entries.get(found);
      const isHeldSo = entry instanceof HostTensor && formatOf(entry.dtype).name === parameter.format;
      const rows = isHeldSo ? { format: parameter.format, bytes: entry.bytes } : await valuesOf(found);
      this.backend.writeRows(parameter.value, 0, rows);
    }
    for (const [found, tensor] of matched.arranged) tensor.writer()(0, await valuesOf(found));
  }

  /**
   * Writes `config.json` and `model.safetensors` into a folder, or the weights alone into a stream.
   *
   * @param options `shardBytes` cuts the weights into files of at most that size, with an index.
   * @throws {WeightsError} Where it can't be written; no half-written file is left.
   */
  async save(target: SaveTarget, options: SaveOptions = {}): Promise<void> {
    const config = this.savedConfig;
    const { saveModel, tensorsOf } = await import("./weights/save.ts");
    await saveModel(
      target,
      config,
      tensorsOf(this.#parameters),
      [...this.#parameters.buffers.values()],
      { ...options, metadata: { format: "pt", ...versionOf(config), ...options.metadata } },
    );
  }

  /** What `config.json` says of it. */
  protected get savedConfig(): Record<string, unknown> {
    return { model_type: this.modelType, ...toSnakeCase(this.config) };
  }

  /**
   * Moves the parameters to another backend; if it refuses them, the model stays where it was. After the loss of a GPU
   * device they are loaded or drawn once more, where they came from something that can be read again.
   *
   * @throws {DeviceLostError} Where the only copy was on the device that is lost: load the model anew.
   */
  async to(backend: Backend): Promise<void> {
    const lease = this.#lease;
    if (!lease || lease.backend === backend) return;
    const moved: [Parameter, Tensor][] = [];
    try {
      for (const parameter of this.#parameters.byName.values()) {
        moved.push([parameter, await parameter.move(backend)]);
      }
    } catch (error) {
      for (const [parameter, old] of moved) parameter.restore(old);
      if (!(error instanceof DeviceLostError)) throw error;
      moved.splice(0, moved.length, ...await this.#makeAnew(backend, error));
    }
    for (const [, old] of moved) old.dispose();
    lease.release();
    this.#lease = { backend, release: () => {} };
  }

  /** Frees the parameters. A second call does nothing. */
  dispose(): void {
    for (const parameter of this.#parameters.byName.values()) parameter.dispose();
    this.#lease?.release();
    this.#lease = undefined;
  }

  /** The same as `dispose()`, for `using`. */
  [Symbol.dispose](): void {
    this.dispose();
  }

  /** Gives the parameters their first values on another backend; returns the tensors that they had. */
  async #makeAnew(backend: Backend, cause: DeviceLostError): Promise<[Parameter, Tensor][]> {
    if (!this.#refill) {
      throw new DeviceLostError(
        "Cannot move a model whose values were on the lost device alone, for they came from a stream or were changed: load it anew",
        { cause },
      );
    }
    const replaced: [Parameter, Tensor][] = [];
    try {
      for (const parameter of this.#parameters.byName.values()) {
        const old = parameter.value;
        parameter.allocate(backend, parameter.format);
        replaced.push([parameter, old]);
      }
      await this.#refill(backend);
      return replaced;
    } catch (error) {
      for (const [parameter, old] of replaced) parameter.restore(old);
      throw error;
    }
  }

  /**
   * Gives a declared model memory and fresh values; large models leave the host's event loop a turn after each matrix.
   *
   * @param tables Makers of whole parameters, for those that are not drawn by their own initializer.
   */
  protected static async initialize<M extends Model>(
    model: M,
    options: ModelOptions,
    tables: ReadonlyMap<Parameter, () => Float32Array> = new Map(),
  ): Promise<M> {
    const total = model.parameterCount * 4;
    let { signal } = options; // of this call; values that are drawn once more, later, don't heed it
    return await Model.#start(model, options, async (backend) => {
      const backlog = new Backlog(backend);
      let loaded = 0;
      for (const parameter of model.#parameters.byName.values()) {
        signal?.throwIfAborted();
        const table = tables.get(parameter);
        if (table) parameter.write(table());
        else parameter.draw(options.seed ?? 0);
        loaded += parameter.size * 4;
        options.onProgress?.({ stage: "create", file: parameter.name, loaded, total, whole: { loaded, total } });
        await backlog.add(parameter.size * 4);
        if (parameter.size > LONG) await eventLoopTurn();
      }
      signal = undefined;
    });
  }

  /**
   * Declares a model by a checkpoint's configuration and gives it memory and the checkpoint's values, a chunk at a
   * time.
   */
  protected static async fill<M extends Model>(
    declare: () => M,
    { weights, reopen }: Checkpoint,
    options: ModelOptions,
  ): Promise<M> {
    let opened: WeightsReader | undefined = weights;
    try {
      // What runs for the first time is slow: a page is drawn before and after.
      await eventLoopTurn();
      const model = declare();
      const matched = matchNames(model.#parameters, weights.tensors, true);
      await eventLoopTurn();
      await Model.#start(model, options, async (backend) => {
        const reader = opened ?? await reopen?.() ?? weights;
        opened = undefined;
        const writers = new Map([...matched.arranged].map(([name, tensor]) => [name, tensor.writer()]));
        const backlog = new Backlog(backend);
        for await (const chunk of reader.chunks()) {
          const { name, format, offset, bytes } = chunk;
          await backlog.add(bytes.byteLength);
          const buffer = matched.buffers.get(name);
          if (buffer) checkBuffer(buffer, format, offset, chunk.values);
          writers.get(name)?.(offset, chunk.values);
          const parameter = matched.parameters.get(name);
          if (!parameter) continue;
          const rows = format === parameter.format ? chunk : chunk.values;
          backend.writeRows(parameter.value, offset / (parameter.shape.at(-1) ?? 1), rows);
        }
      }, storedFormats(matched.parameters, weights));
      if (!reopen) model.#refill = undefined;
      return model;
    } finally {
      await weights.close();
    }
  }

  static async #start<M extends Model>(
    model: M,
    options: ModelOptions,
    fill: (backend: Backend) => Promise<void>,
    stored: ReadonlyMap<Parameter, WeightFormat> = new Map(),
  ): Promise<M> {
    options.signal?.throwIfAborted();
    const lease = await leaseBackend(options.backend);
    model.#lease = lease;
    try {
      for (const parameter of model.#parameters.byName.values()) {
        parameter.allocate(lease.backend, options.dtype ?? stored.get(parameter) ?? "f32");
      }
      await fill(lease.backend);
      model.#refill = fill;
      return model;
    } catch (error) {
      model.dispose();
      throw error;
    }
  }
}

/** The formats in which a checkpoint holds parameters, where engines know these. */
function storedFormats(parameters: Matched["parameters"], { tensors }: WeightsReader): Map<Parameter, WeightFormat> {
  const formats = new Map<Parameter, WeightFormat>();
  for (const [name, parameter] of parameters) {
    const format = WEIGHT_FORMATS.find((format) => format === tensors.get(name)?.format);
    if (format) formats.set(parameter, format);
  }
  return formats;
}

/** What weights carry of the configuration, for files that are parted from it. */
function versionOf({ x_transformers_version: version }: Record<string, unknown>): Record<string, string> {
  return typeof version === "string" ? { x_transformers_version: version } : {};
}

/** @throws {WeightsError} Where a checkpoint's buffer has other values than the configuration gives. */
function checkBuffer(
  { name, values }: StateBuffer,
  format: string | undefined,
  offset: number,
  found: Float32Array,
): void {
  const expected = values().subarray(offset, offset + found.length);
  const isExact = ["f32", "f64"].includes(format?.toLowerCase() ?? "");
  const tolerance = isExact ? 1e-4 : 1e-2; // of half precision
  const wrong = expected.findIndex((value, i) => !(Math.abs((found[i] ?? NaN) - value) <= tolerance * Math.abs(value)));
  if (wrong < 0) return;
  throw new WeightsError(
    `Cannot load ${name}: its value ${offset + wrong} is ${found[wrong]}, and the configuration gives ` +
      `${
        expected[wrong]
      }; the model was made with options that the configuration does not name, or that are not supported`,
  );
}

/** The value of a tensor of one float. */
export async function scalar(tensor: Tensor): Promise<number> {
  const [value] = await tensor.data();
  if (value === undefined) throw new ShapeError("Cannot read a number from an empty tensor");
  return value;
}
