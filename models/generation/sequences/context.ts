/**
 * The context that the sequences of a batch look at, for as long as they are continued.
 *
 * @module
 */

import type { Backend } from "../../../backend/backend.ts";
import type { Tensor } from "../../../backend/memory.ts";
import { ConfigError } from "../../../errors.ts";
import { checkContext, type ContextTensors, placeContext } from "../../language/context.ts";
import { isTensor, type MaskInput, readMask } from "../../language/tokens.ts";
import type { TextModel } from "../text_model.ts";

/** A context that is given, or made when it is needed. */
export interface ContextSource {
  /** [rows, m, contextDim]: a tensor of the caller's, or what makes one in the current scope. */
  readonly context?: Tensor | (() => Tensor) | undefined;
  /** Positions of the context to keep. */
  readonly contextMask?: MaskInput | undefined;
}

/** A context on an engine. It owns the tensors that were made for it, and not those of the caller. */
export class Context {
  /** The tensors that the network is given. */
  readonly inputs: ContextTensors;
  readonly #owned: readonly Tensor[];

  private constructor(inputs: ContextTensors, owned: readonly Tensor[]) {
    this.inputs = inputs;
    this.#owned = owned;
  }

  /**
   * Brings a context onto the engine of a model.
   *
   * @param rows Sequences that look at it.
   * @param isGuided Whether as many follow that don't see it.
   * @throws {ConfigError} For a context that the model has no use for, or none where it needs one.
   * @throws {ShapeError} If it does not fit.
   */
  static create({ backend, net }: TextModel, rows: number, source: ContextSource, isGuided: boolean): Context {
    const { contextMask } = source;
    const made = backend.scope((): ContextTensors => {
      const context = typeof source.context === "function" ? source.context() : source.context;
      if (!context || !isGuided) return placeContext(backend, net.contextDim, rows, { context, contextMask });
      checkContext(net.contextDim, rows, { context, contextMask });
      const [, m = 0] = context.shape;
      return { context: twice(context), contextMask: beforeHidden(backend, contextMask, [rows, m]) };
    });
    const given: readonly unknown[] = [source.context, contextMask];
    return new Context(made, tensorsOf(made).filter((tensor) => !given.includes(tensor)));
  }

  /** The same contents, to be disposed by itself. */
  fork(): Context {
    const [first] = this.#owned;
    if (!first) return this;
    const copies = first.backend.scope(() => this.#owned.map((tensor) => tensor.backend.clone(tensor)));
    const copy = (tensor: Tensor | undefined) => tensor && (copies[this.#owned.indexOf(tensor)] ?? tensor);
    const { context, contextMask } = this.inputs;
    return new Context({ context: copy(context), contextMask: copy(contextMask) }, copies);
  }

  /** The context of one row, on its own. */
  ofRow(row: number): Context {
    const inputs = this.inputs.context?.backend.scope(() => this.row(row)) ?? this.inputs;
    return new Context(inputs, tensorsOf(inputs));
  }

  /** The context of one row, made in the current scope. */
  row(row: number): ContextTensors {
    const { context, contextMask } = this.inputs;
    return { context: context && contextRow(context, row), contextMask: contextMask && maskRow(contextMask, row) };
  }

  /** Frees the tensors that it owns. */
  dispose(): void {
    for (const tensor of this.#owned) tensor.dispose();
  }
}

/** The tensors of a context. */
export function tensorsOf({ context, contextMask }: ContextTensors): Tensor[] {
  return [context, contextMask].filter((tensor) => tensor !== undefined);
}

/** Row `row` of a context [b, m, dim], in the current scope: [1, m, dim]. */
function contextRow(context: Tensor, row: number): Tensor {
  const { backend, shape: [b = 0, m = 0, dim = 0] } = context;
  const part = backend.slice(backend.reshape(context, [1, b, m * dim]), row, row + 1);
  return backend.reshape(part, [1, m, dim]);
}

/** Row `row` of a mask [b, m], in the current scope: [1, m]. */
function maskRow(mask: Tensor, row: number): Tensor {
  const { backend, shape: [b = 0, m = 0] } = mask;
  return backend.reshape(backend.slice(backend.reshape(mask, [1, b, m]), row, row + 1), [1, m]);
}

/** [b, m, dim] and the same again: [2b, m, dim]. */
function twice(context: Tensor): Tensor {
  const { backend, shape: [b = 0, m = 0, dim = 0] } = context;
  const rows = backend.reshape(context, [1, b * m, dim]);
  return backend.reshape(backend.concat([rows, rows]), [2 * b, m, dim]);
}

/** A mask [b, m], or one that shows everything, and one that hides everything: int32 [2b, m]. */
function beforeHidden(backend: Backend, mask: MaskInput | undefined, [b, m]: readonly [number, number]): Tensor {
  if (isTensor(mask)) {
    throw new ConfigError("Cannot guide with a contextMask on the device: give rows of booleans");
  }
  const values = new Int32Array(2 * b * m);
  if (mask) values.set(readMask(mask, [b, m], "contextMask"));
  else values.fill(1, 0, b * m);
  return backend.tensor(values, [2 * b, m]);
}
