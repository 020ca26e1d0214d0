/**
 * Contexts, which the tokens of a model with cross attention look at.
 *
 * @module
 */

import type { Backend } from "../../backend/backend.ts";
import type { Tensor } from "../../backend/memory.ts";
import { ConfigError, ShapeError } from "../../errors.ts";
import type { Fields } from "../config/fields.ts";
import { maskField, type MaskInput, maskTensor, tensorField } from "./tokens.ts";

/**
 * A context as it is given.
 *
 * @category Generation
 */
export interface ContextInput {
  /** What cross attention looks at: [b, m, contextDim]. It stays its giver's. */
  readonly context?: Tensor | undefined;
  /** Positions of the context to keep: true, or 1 in an int32 tensor [b, m]. Default: all. */
  readonly contextMask?: MaskInput | undefined;
}

/** A context on an engine: [b, m, contextDim] and int32 [b, m]. */
export interface ContextTensors {
  readonly context: Tensor | undefined;
  readonly contextMask: Tensor | undefined;
}

/** The options that give a context. */
export const contextFields: Fields<ContextInput> = { context: tensorField, contextMask: maskField };

/**
 * Checks that a context is given where a model attends to one, and only there, and that it fits.
 *
 * @param contextDim Width of what the model attends to; undefined for one that attends to nothing.
 * @throws {ConfigError} For a context that is missing, or that the model has no use for.
 * @throws {ShapeError} For one of another shape.
 */
export function checkContext(
  contextDim: number | undefined,
  rows: number,
  { context, contextMask }: ContextInput,
): void {
  const expected = `[${rows}, m, ${contextDim}]`;
  if (contextDim !== undefined && !context) {
    throw new ConfigError(
      `Cannot run a model with crossAttend and no context: it attends to one; give a context ${expected}, ` +
        "or PalmE an image",
    );
  }
  if (contextDim === undefined && context) {
    throw new ConfigError(
      "Cannot attend to a context: the model has no cross attention; configure the model with crossAttend, " +
        "or leave the context out",
    );
  }
  if (contextMask && !context) {
    throw new ConfigError("Cannot use a contextMask without a context: give both, or leave it out");
  }
  if (!context) return;
  const { shape } = context;
  if (shape.length === 3 && shape[0] === rows && shape[2] === contextDim) return;
  throw new ShapeError(`Cannot attend to a context of shape [${shape}]: expected ${expected}`);
}

/**
 * Checks a context and puts its mask on an engine, in the current scope.
 *
 * @throws As `checkContext`; {ShapeError} for a mask of another shape.
 */
export function placeContext(
  backend: Backend,
  contextDim: number | undefined,
  rows: number,
  given: ContextInput,
): ContextTensors {
  checkContext(contextDim, rows, given);
  const { context, contextMask } = given;
  const [, m = 0] = context?.shape ?? [];
  return { context, contextMask: maskTensor(backend, contextMask, [rows, m], "contextMask") };
}
