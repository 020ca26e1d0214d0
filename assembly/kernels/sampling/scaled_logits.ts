import { LOWEST } from "../softmax/softmax";

/**
 * Logits relative to the largest of their row, divided by temperature: 0 for the largest itself, even if it is
 * infinite, and NaN or -∞ for the others then.
 */
// @ts-ignore: decorator
@inline
export function scaled(values: v128, largest: v128, inverse: v128): v128 {
  const differences = v128.andnot(f32x4.sub(values, largest), f32x4.eq(values, largest));
  return f32x4.mul(differences, inverse);
}

/** Whether a row, by its largest logit, has something to draw: it holds no NaN, and not only hidden logits. */
// @ts-ignore: decorator
@inline
export function canDraw(largest: f32): bool {
  return largest > LOWEST;
}
