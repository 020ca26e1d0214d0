/**
 * What the texts of a model with cross attention look at.
 *
 * @module
 */

import type { Backend } from "../../backend/backend.ts";
import type { Tensor } from "../../backend/memory.ts";
import { ConfigError } from "../../errors.ts";
import { isTensor, type MaskInput, maskTensor, readMask } from "../language/tokens.ts";
import { checkContext } from "../network/transformer_net.ts";
import type { TextModel } from "./text_model.ts";

/** A context as it is given. */
export interface ContextInput {
  /** [b, m, contextDim]; it stays its giver's. */
  readonly context?: Tensor | undefined;
  /** Positions of the context to keep: true, or 1 in an int32 tensor [b, m]. */
  readonly contextMask?: MaskInput | undefined;
}

/** A context on the device: [b, m, contextDim] and int32 [b, m]. */
interface ContextTensors {
  readonly context: Tensor | undefined;
  readonly contextMask: Tensor | undefined;
}

/** A context on the device, for as long as texts are continued. */
export class Context {
  /** What the network is given. */
  readonly inputs: ContextTensors;
  readonly #owned: readonly Tensor[];

  private constructor(context: Tensor | undefined, contextMask: Tensor | undefined, owned: readonly Tensor[]) {
    this.inputs = { context, contextMask };
    this.#owned = owned;
  }

  /**
   * Brings a context onto the device.
   *
   * @param rows texts
   * @param isGuided whether as many texts follow that don't see it
   * @param encode makes the context instead, of an image
   * @throws {ConfigError} for a context that the model has no use for, or none where it needs one
   * @throws {ShapeError} if it does not fit
   */
  static create(
    model: TextModel,
    rows: number,
    { context: given, contextMask }: ContextInput,
    isGuided: boolean,
    encode?: () => Tensor,
  ): Context {
    checkUse(model, given !== undefined || encode !== undefined, contextMask !== undefined);
    const { backend } = model;
    const made = backend.scope(() => {
      const context = encode?.() ?? given;
      if (!context) return {};
      checkContext(model.net.contextDim, context, rows);
      const [, m = 0] = context.shape;
      if (isGuided) return { context: twice(context), contextMask: beforeHidden(backend, contextMask, [rows, m]) };
      return { context, contextMask: maskTensor(backend, contextMask, [rows, m], "contextMask") };
    });
    const owned = Object.values(made).filter((tensor): tensor is Tensor =>
      tensor !== undefined && tensor !== given && tensor !== contextMask
    );
    return new Context(made.context, made.contextMask, owned);
  }

  /** The same contents, to be disposed by itself. */
  fork(): Context {
    const [first] = this.#owned;
    if (!first) return this;
    const copies = first.backend.scope(() => this.#owned.map((tensor) => tensor.backend.clone(tensor)));
    const copy = (tensor: Tensor | undefined) => tensor && (copies[this.#owned.indexOf(tensor)] ?? tensor);
    return new Context(copy(this.inputs.context), copy(this.inputs.contextMask), copies);
  }

  /** The context of one row, on its own. */
  ofRow(row: number): Context {
    const { context } = this.inputs;
    const made = context && context.backend.scope(() => this.row(row));
    return new Context(
      made?.context,
      made?.contextMask,
      Object.values(made ?? {}).filter((tensor) => tensor !== undefined),
    );
  }

  /** What one row looks at, in the current scope. */
  row(row: number): ContextTensors {
    const { context, contextMask } = this.inputs;
    return { context: context && contextRow(context, row), contextMask: contextMask && maskRow(contextMask, row) };
  }

  /** Frees what was made here. */
  dispose(): void {
    for (const tensor of this.#owned) tensor.dispose();
  }
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

function checkUse({ net: { contextDim } }: TextModel, isGiven: boolean, isMasked: boolean): void {
  if (contextDim !== undefined && !isGiven) {
    throw new ConfigError(
      "Cannot generate with crossAttend and no context: give a context [b, m, contextDim], or PalmE an image",
    );
  }
  if (contextDim === undefined && isGiven) {
    throw new ConfigError("Cannot attend to a context: configure the model with crossAttend, or leave it out");
  }
  if (isMasked && !isGiven) {
    throw new ConfigError("Cannot use a contextMask without a context: give both, or leave it out");
  }
}

/** [b, m, dim] and the same again: [2b, m, dim]. */
function twice(context: Tensor): Tensor {
  const { backend, shape: [b = 0, m = 0, dim = 0] } = context;
  const rows = backend.reshape(context, [1, b * m, dim]);
  return backend.reshape(backend.concat([rows, rows]), [2 * b, m, dim]);
}

/** A mask [b, m], or one that shows everything, and one that hides everything: int32 [2b, m]. */
function beforeHidden(
  backend: Backend,
  mask: MaskInput | undefined,
  [b, m]: readonly [number, number],
): Tensor {
  if (isTensor(mask)) {
    throw new ConfigError("Cannot guide with a contextMask on the device: give rows of booleans");
  }
  const values = new Int32Array(2 * b * m);
  if (mask) values.set(readMask(mask, [b, m], "contextMask"));
  else values.fill(1, 0, b * m);
  return backend.tensor(values, [2 * b, m]);
}
