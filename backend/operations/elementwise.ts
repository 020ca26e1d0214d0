/**
 * Operations on each value by itself.
 *
 * @module
 */

import { formatShape, sameShape } from "../../common/shape.ts";
import { type DescriptionsOf, operation } from "../description/operation.ts";
import { refuse } from "../description/refusals.ts";
import { byDefault, f32, oneOf, optional, real } from "../description/rules.ts";
import type { Tensor } from "../memory.ts";
import { type Activation, ACTIVATIONS } from "../operations.ts";

/**
 * Options of `Backend.add`.
 *
 * @category Backends
 */
export interface AddOptions {
  /** Factors of y's features: [dim]. Absent: 1. */
  readonly scale?: Tensor | undefined;
  /** Factor of y. Default 1. */
  readonly factor?: number | undefined;
}

/**
 * Options of `Backend.multiply`.
 *
 * @category Backends
 */
export interface MultiplyOptions {
  /** Applied to y. */
  readonly activation?: Activation | undefined;
}

/**
 * Sums, products, activations and gates.
 *
 * @category Backends
 */
export interface ElementwiseOperations {
  /** An activation by itself. */
  activate(x: Tensor, activation: Activation): Tensor;
  /** Gated linear unit (arXiv 2002.05202): [..., 2·n] to [..., n], first half · activation(second half). */
  glu(x: Tensor, activation: Activation): Tensor;
  /** x + y · scale · factor: shapes equal, or y [1 or n, dim] repeated over x [b, n, dim]; scale [dim]. */
  add(x: Tensor, y: Tensor, options?: AddOptions): Tensor;
  /** x · activation(y): y of x's shape; or one factor for each head, [..., heads] or [heads], of x [..., heads·d]. */
  multiply(x: Tensor, y: Tensor, options?: MultiplyOptions): Tensor;
}

/** What they take and give. */
export const elementwise = {
  activate: operation({
    takes: { x: f32("..."), activation: oneOf(ACTIVATIONS) },
    result: ({ x }) => x,
  }),
  glu: operation({
    takes: { x: f32("...", "2*dim"), activation: oneOf(ACTIVATIONS) },
    result: ({ x }) => ({ shape: x.shape.with(-1, x.width / 2) }),
  }),
  add: operation({
    takes: { x: f32("..."), y: f32("...") },
    options: { scale: optional(f32("dim")), factor: byDefault(1, real()) },
    rule({ x, y, scale }, op) {
      const repeats = y.width === x.width && (y.rows === 1 || y.rows === x.rows || y.rows === x.shape.at(-2));
      if (!repeats && !sameShape(x.shape, y.shape)) {
        refuse(op, "y", y.shape, `${formatShape(x.shape)}, or rows of ${x.width} that repeat over it`);
      }
      if (scale && scale.size !== x.width) refuse(op, "scale", scale.shape, `[${x.width}]`);
    },
    result: ({ x }) => x,
  }),
  multiply: operation({
    takes: { x: f32("...", "dim"), y: f32("...", "factors+") },
    options: { activation: optional(oneOf(ACTIVATIONS)) },
    rule({ x, y }, op) {
      if (x.width % y.width === 0 && (y.rows === x.rows || y.shape.length === 1)) return;
      refuse(op, "y", y.shape, `[..., width or heads] or [heads] for x of shape ${formatShape(x.shape)}`);
    },
    result: ({ x }) => x,
    /** Factors of one row: x's width, or the number of heads. */
    carries: ({ y }) => ({ factors: y.width }),
  }),
} satisfies DescriptionsOf<ElementwiseOperations>;
