/**
 * Who owns which tensor: scopes, shared storage, memory accounting, and who watches. Both engines build on it.
 *
 * @module
 */

import type { BackendInfo } from "../backend/backend.ts";
import type { Result } from "../backend/description/operation.ts";
import { refuse, refuseValue } from "../backend/description/refusals.ts";
import { rows } from "../backend/description/rules.ts";
import { Sizes } from "../backend/description/sizes.ts";
import type { DType, MemoryUse, Tensor } from "../backend/memory.ts";
import type { Watched, WatchedCommand } from "../backend/training.ts";
import { sizeOf } from "../common/shape.ts";
import { show } from "../common/show.ts";
import { ConfigError, DisposedError } from "../errors.ts";
import type { Command } from "./commands.ts";
import type { Performing, Unfinished } from "./method.ts";
import { checkSizes, EngineTensor, type Layout, type Owner, type Storage } from "./tensor.ts";

type Observer = (command: WatchedCommand) => void;

const checkViewed = rows("...").bind({ op: "reshape", name: "x", sizes: new Sizes() });

/** Tensors and scopes of an engine; what an engine adds is how it allocates and records. */
export abstract class Ownership<S extends Storage> implements Performing {
  abstract readonly name: "wasm" | "webgpu";
  abstract readonly info: BackendInfo;

  /** How many tensors have a storage, where it is more than one. */
  readonly #holders = new Map<S, number>();
  /** Tensors that no scope frees. */
  readonly #outside = new Set<EngineTensor<S>>();
  /** Tensors of the scopes that run, the innermost last. */
  readonly #scopes: Set<EngineTensor<S>>[] = [];
  #tensors = 0;
  /** Who watches what is recorded, and what would have been freed meanwhile. */
  #watch: { readonly observer: Observer; readonly kept: EngineTensor<S>[] } | undefined;
  #bytesInUse = 0;
  #peakBytes = 0;
  #disposed = false;

  /**
   * Takes memory for values of a shape.
   *
   * @throws {OutOfMemoryError}
   */
  protected abstract allocate(shape: readonly number[], dtype: DType, layout: Layout): S;
  /** Gives memory back. Commands already recorded may still use it; those recorded later may overwrite it. */
  protected abstract release(storage: S): void;
  /**
   * Appends a command to what is to be run.
   *
   * @throws {OutOfMemoryError} If it needs memory that there is not.
   */
  protected abstract append(command: Command<EngineTensor<S>>): void;
  /** Frees all that the engine holds. */
  protected abstract shutDown(): void;
  /** This engine as the owner of its tensors. */
  protected abstract readonly owner: Owner<S>;

  abstract flush(): void;

  reshape(x: Tensor, shape: readonly number[]): Tensor {
    checkViewed(x, this);
    const viewed = this.own(x);
    checkSizes("a view", shape);
    if (viewed.size !== sizeOf(shape)) refuse("reshape", "x", viewed.shape, `${sizeOf(shape)} values`);
    const { dtype, layout, storage } = viewed;
    const view = this.#adopt(shape, dtype, layout, storage, this.#innermost);
    this.#holders.set(storage, (this.#holders.get(storage) ?? 1) + 1);
    this.#watch?.observer({ op: "reshape", x, shape: view.shape, out: view });
    return view;
  }

  scope<T>(fn: () => T): T {
    this.checkAlive();
    if (typeof fn !== "function") refuseValue("scope", "fn", fn, "a function");
    const made = new Set<EngineTensor<S>>();
    this.#scopes.push(made);
    let kept: Set<unknown> | undefined;
    try {
      const result = fn();
      if (result instanceof Promise) {
        result.catch(() => {});
        throw new ConfigError("Cannot wait inside a scope: what it made would be freed before it is used");
      }
      kept = tensorsIn(result);
      return result;
    } finally {
      this.#scopes.pop();
      const outer = this.#innermost;
      for (const tensor of made) {
        if (kept?.has(tensor)) tensor.move(outer);
        else tensor.dispose();
      }
    }
  }

  watch<T>(fn: () => T, observer: Observer): Watched<T> {
    this.checkAlive();
    if (typeof observer !== "function") refuseValue("watch", "observer", observer, "a function");
    if (this.#watch) throw new ConfigError("Cannot watch inside of what is watched: let its observer see it");
    const kept: EngineTensor<S>[] = [];
    const release = () => {
      for (const tensor of kept.splice(0)) tensor.dispose();
    };
    this.#watch = { observer, kept };
    try {
      const result = this.scope(fn);
      this.#watch = undefined;
      return { result, release };
    } catch (error) {
      this.#watch = undefined;
      release();
      throw error;
    }
  }

  defer(tensor: EngineTensor<S>): boolean {
    if (!this.#watch) return false;
    tensor.move(this.#outside);
    this.#watch.kept.push(tensor);
    return true;
  }

  /** For engines that have nothing to prepare, and the check of those that have. */
  warmUp(work: () => unknown): Promise<void> {
    return new Promise((resolve) => {
      this.checkAlive();
      if (typeof work !== "function") refuseValue("warmUp", "work", work, "a function");
      resolve();
    });
  }

  memory(): MemoryUse {
    return { bytesInUse: this.#bytesInUse, peakBytes: this.#peakBytes, tensors: this.#tensors };
  }

  dispose(): void {
    if (this.#disposed) return;
    for (const made of [this.#outside, ...this.#scopes]) for (const tensor of made) tensor.dispose();
    this.#disposed = true;
    this.shutDown();
  }

  /** Takes back a disposed tensor; its memory goes when nobody else shares it. */
  forget(tensor: EngineTensor<S>): void {
    this.#tensors -= 1;
    const storage = tensor.storage;
    const holders = this.#holders.get(storage) ?? 1;
    if (holders > 1) {
      if (holders === 2) this.#holders.delete(storage);
      else this.#holders.set(storage, holders - 1);
      return;
    }
    this.#bytesInUse -= storage.bytes;
    this.release(storage);
  }

  /** A result of an operation: uninitialized, belonging to the innermost scope. */
  protected create(shape: readonly number[], dtype: DType = "f32", layout: Layout = "rows"): EngineTensor<S> {
    checkSizes("a result", shape);
    return this.#allocate(shape, dtype, layout, this.#innermost);
  }

  /** A tensor that no scope frees, uninitialized. */
  protected createOutside(shape: readonly number[], dtype: DType, layout: Layout): EngineTensor<S> {
    return this.#allocate(shape, dtype, layout, this.#outside);
  }

  /** Appends a command; if that fails, its result is freed. */
  protected record(command: Command<EngineTensor<S>>): void {
    try {
      this.append(command);
    } catch (error) {
      if ("out" in command) command.out.dispose();
      throw error;
    }
  }

  perform(command: Unfinished, result: Result | undefined): EngineTensor<S> | undefined {
    const out = result && this.create(result.shape, result.dtype, result.layout);
    if (out) command.out = out;
    // A description says what a command holds, from which `Command` and `WatchedCommand` derive what is known of it.
    if (out?.size !== 0) this.record(command as unknown as Command<EngineTensor<S>>);
    this.#watch?.observer(command as unknown as WatchedCommand);
    return out;
  }

  /**
   * A tensor as this engine's own.
   *
   * @throws {ConfigError} If it is another engine's, or none.
   */
  own(tensor: unknown): EngineTensor<S> {
    this.checkAlive();
    if (!this.#isOwn(tensor)) {
      throw new ConfigError(
        `Cannot use ${
          tensor instanceof EngineTensor ? "a tensor of another backend" : show(tensor)
        } on ${this.name}: make a tensor of its values with tensor(); data() reads those of another backend's`,
      );
    }
    tensor.checkAlive();
    return tensor;
  }

  get #innermost(): Set<EngineTensor<S>> {
    return this.#scopes.at(-1) ?? this.#outside;
  }

  #isOwn(tensor: unknown): tensor is EngineTensor<S> {
    return tensor instanceof EngineTensor && tensor.backend === this.owner;
  }

  /** @throws {DisposedError} After `dispose()`. */
  protected checkAlive(): void {
    if (this.#disposed) throw this.disposal();
  }

  /** What is said of every use after `dispose()`. */
  protected disposal(): DisposedError {
    return new DisposedError(`Cannot use the ${this.name} backend after it was disposed: create one`);
  }

  /** A tensor in memory of its own. */
  #allocate(
    shape: readonly number[],
    dtype: DType,
    layout: Layout,
    scope: Set<EngineTensor<S>>,
  ): EngineTensor<S> {
    const storage = this.allocate(shape, dtype, layout);
    this.#bytesInUse += storage.bytes;
    this.#peakBytes = Math.max(this.#peakBytes, this.#bytesInUse);
    return this.#adopt(shape, dtype, layout, storage, scope);
  }

  #adopt(
    shape: readonly number[],
    dtype: DType,
    layout: Layout,
    storage: S,
    scope: Set<EngineTensor<S>>,
  ): EngineTensor<S> {
    this.#tensors += 1;
    return new EngineTensor(this.owner, shape, dtype, layout, storage, scope);
  }
}

/** The tensors in what a scope returns: one, an array, a map or a plain object of them, nested. */
function tensorsIn(value: unknown, met = new Set<unknown>()): Set<unknown> {
  if (typeof value !== "object" || value === null || met.has(value)) return met;
  met.add(value);
  if (value instanceof EngineTensor) return met;
  const parts = Array.isArray(value)
    ? value
    : value instanceof Map
    ? value.values()
    : isPlainObject(value)
    ? Object.values(value)
    : [];
  for (const part of parts) tensorsIn(part, met);
  return met;
}

function isPlainObject(value: object): boolean {
  return Object.getPrototypeOf(value) === Object.prototype;
}
