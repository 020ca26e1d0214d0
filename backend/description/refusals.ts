/**
 * How a call that can't be right is refused: each message names the operation, the argument and what was expected.
 *
 * @module
 */

import { formatShape, sameShape } from "../../common/shape.ts";
import { show } from "../../common/show.ts";
import { ConfigError, ShapeError } from "../../errors.ts";
import type { DType } from "../memory.ts";

/** @throws {ShapeError} Always: `op` can't take `shape` for `name`. */
export function refuse(op: string, name: string, shape: readonly number[], expected: string): never {
  throw new ShapeError(`Cannot run ${op} with ${name} of shape ${formatShape(shape)}: expected ${expected}`);
}

/** @throws {ConfigError} Always: `op` can't take `value` for `name`. */
export function refuseValue(op: string, name: string, value: unknown, expected: string): never {
  throw new ConfigError(`Cannot run ${op} with ${name} = ${show(value)}: expected ${expected}`);
}

/** @throws {ShapeError} Unless the tensor has this shape. */
export function expectShape(
  op: string,
  name: string,
  tensor: { readonly shape: readonly number[] },
  shape: readonly number[],
): void {
  if (!sameShape(tensor.shape, shape)) refuse(op, name, tensor.shape, formatShape(shape));
}

/** @throws {ShapeError} Unless the tensor holds this type. */
export function expectDType(op: string, name: string, tensor: { readonly dtype: DType }, dtype: DType): void {
  if (tensor.dtype === dtype) return;
  throw new ShapeError(`Cannot run ${op} with ${name} of dtype ${tensor.dtype}: expected ${dtype}`);
}
