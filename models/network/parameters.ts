/**
 * Named parameters: what a model consists of, declared by its layers before any memory is taken.
 *
 * @module
 */

import type { Backend } from "../../backend/backend.ts";
import type { Tensor, WeightFormat } from "../../backend/memory.ts";
import { ConfigError, DisposedError } from "../../errors.ts";
import { WEIGHT_FORMATS } from "../../formats/formats.ts";
import { type Naming, NO_NAMES } from "../weights/naming.ts";
import { Random } from "../../common/random.ts";
import type { Initializer } from "./random.ts";

/** Values a chunk of a parameter is drawn or copied in. */
const CHUNK = 1 << 20;

/**
 * How a parameter is held: as plain f32 values; as a weight [out, in] in the engine's own layout and the model's
 * format; or as such a weight in f32 whatever the model's format.
 */
export type ParameterKind = "values" | "matrix" | "f32 matrix";

/** A learned tensor: declared with a name and a shape, given memory by `allocate`. */
export class Parameter {
  #value: Tensor | undefined;
  #format: WeightFormat = "f32";

  /**
   * @param name Its name in the state dict.
   * @param shape As in the state dict.
   * @param kind How it is held.
   * @param initialize Draws fresh values.
   */
  constructor(
    readonly name: string,
    readonly shape: readonly number[],
    readonly kind: ParameterKind,
    readonly initialize: Initializer,
  ) {}

  /**
   * The tensor.
   *
   * @throws {DisposedError} Before it has memory or after it was disposed.
   */
  get value(): Tensor {
    if (this.#value === undefined) {
      throw new DisposedError(
        `Cannot use parameter ${this.name} after its model was disposed: load or create the model`,
      );
    }
    return this.#value;
  }

  /** Number of values. */
  get size(): number {
    return this.shape.reduce((product, size) => product * size, 1);
  }

  /** The format that its values are held in. */
  get format(): WeightFormat {
    return this.#format;
  }

  /** Takes memory, all zeros, in a format that counts for matrices; f32 on an engine that has no kernels for it. */
  allocate(backend: Backend, format: WeightFormat): void {
    this.#format = this.#formatOn(backend, format);
    this.#value = this.#zeros(backend, this.#format);
  }

  /** Draws fresh values. */
  draw(seed: number): void {
    const random = new Random(seed, this.name);
    const width = this.shape.at(-1) ?? 1;
    const rows = this.size / width;
    const step = Math.max(1, Math.floor(CHUNK / width));
    const values = new Float32Array(Math.min(rows, step) * width);
    for (let row = 0; row < rows; row += step) {
      const chunk = values.subarray(0, Math.min(step, rows - row) * width);
      this.initialize(chunk, random);
      this.value.backend.writeRows(this.value, row, chunk);
    }
  }

  /**
   * Takes over values, row-major.
   *
   * @throws {ConfigError} Unless there are as many as it has.
   */
  write(values: Float32Array): void {
    if (values.length !== this.size) {
      throw new ConfigError(
        `Cannot fill ${this.name} of shape [${this.shape}] with ${values.length} values: give ${this.size}`,
      );
    }
    this.value.backend.writeRows(this.value, 0, values);
  }

  /**
   * Copies its values to another backend or format, a chunk at a time, and returns the tensor it had; on failure it
   * keeps that.
   */
  async move(backend: Backend, format: WeightFormat = this.#format): Promise<Tensor> {
    const old = this.value;
    const target = this.#formatOn(backend, format);
    const width = this.shape.at(-1) ?? 1;
    const rows = this.size / width;
    const step = Math.max(1, Math.floor(CHUNK / width));
    const copy = this.#zeros(backend, target);
    try {
      for (let row = 0; row < rows; row += step) {
        const count = Math.min(step, rows - row);
        const values = target === this.#format
          ? await old.backend.readStored(old, row, count)
          : await old.backend.readRows(old, row, count);
        backend.writeRows(copy, row, values);
      }
    } catch (error) {
      copy.dispose();
      throw error;
    }
    this.#format = target;
    this.#value = copy;
    return old;
  }

  /** Takes back the tensor that `move` replaced. */
  restore(old: Tensor): void {
    this.#value?.dispose();
    this.#value = old;
  }

  /** Frees the memory. */
  dispose(): void {
    this.#value?.dispose();
    this.#value = undefined;
  }

  /** A format that there is not is left to the engine to refuse. */
  #formatOn({ formats }: Backend, format: WeightFormat): WeightFormat {
    if (this.kind !== "matrix") return "f32";
    return WEIGHT_FORMATS.includes(format) && !formats.includes(format) ? "f32" : format;
  }

  #zeros(backend: Backend, format: WeightFormat): Tensor {
    const [rows = 0, columns = 0] = this.shape;
    return this.kind === "values" ? backend.zeros(this.shape, "f32") : backend.weight([rows, columns], format);
  }
}

/** A tensor of a checkpoint that follows from the configuration: written on saving, compared on loading. */
export interface StateBuffer {
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: () => Float32Array;
}

/**
 * The parameters of a model. Layers declare them by paths such as `blocks.0.selfAttention.q.weight`; `in` gives a view
 * whose paths start with a prefix. A family's naming says by which names its checkpoints know them.
 */
export class Parameters {
  /** What the family's checkpoints call them. */
  readonly naming: Naming;
  /**
   * All parameters by state-dict name, in the order they were declared: the checkpoints' name, or the path of one that
   * a checkpoint holds in another arrangement.
   */
  readonly byName: Map<string, Parameter>;
  /** All parameters by path. */
  readonly byPath: Map<string, Parameter>;
  /** All buffers that checkpoints hold, by name, in the order they were declared. */
  readonly buffers: Map<string, StateBuffer>;
  readonly #prefix: string;

  /** The root, whose prefixed views come from `in`. */
  constructor(naming: Naming = NO_NAMES, root?: Parameters, prefix = "") {
    this.naming = naming;
    this.byName = root?.byName ?? new Map();
    this.byPath = root?.byPath ?? new Map();
    this.buffers = root?.buffers ?? new Map();
    this.#prefix = prefix;
  }

  /** The same parameters under a longer prefix. */
  in(path: string): Parameters {
    return new Parameters(this.naming, this, `${this.#prefix}${path}.`);
  }

  /** Declares a weight [out, in], of the model's format unless `isExact`. */
  matrix(path: string, shape: readonly [number, number], initialize: Initializer, isExact = false): Parameter {
    return this.#declare(path, shape, isExact ? "f32 matrix" : "matrix", initialize);
  }

  /** Declares plain values of any shape. */
  values(path: string, shape: readonly number[], initialize: Initializer): Parameter {
    return this.#declare(path, shape, "values", initialize);
  }

  /** Declares a buffer; without effect where checkpoints hold none. */
  buffer(path: string, shape: readonly number[], values: () => Float32Array): void {
    const name = this.naming.names.get(this.#prefix + path);
    if (name !== undefined) this.buffers.set(name, { name, shape, values });
  }

  /** Number of learned values. */
  get count(): number {
    return [...this.byName.values()].reduce((sum, parameter) => sum + parameter.size, 0);
  }

  /**
   * What messages call the part of a network that has been declared under this prefix: where checkpoints' names of it
   * agree.
   */
  get label(): string {
    const own = [...this.byPath.keys()].filter((path) => path.startsWith(this.#prefix));
    const [first = [], ...others] = own.flatMap((path) => this.naming.holders.get(path) ?? []).map((name) =>
      name.split(".")
    );
    const isShared = (word: string, i: number) => i < first.length - 1 && others.every((name) => name[i] === word);
    const end = first.findIndex((word, i) => !isShared(word, i));
    return first.slice(0, Math.max(0, end)).join(".") || this.#prefix.slice(0, -1);
  }

  #declare(path: string, shape: readonly number[], kind: ParameterKind, initialize: Initializer): Parameter {
    const full = this.#prefix + path;
    const parameter = new Parameter(this.naming.names.get(full) ?? full, shape, kind, initialize);
    this.byName.set(parameter.name, parameter);
    this.byPath.set(full, parameter);
    return parameter;
  }
}
