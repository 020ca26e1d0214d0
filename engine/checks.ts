/**
 * What operations refuse, and in which words.
 *
 * @module
 */
import { type CacheFormat, ConfigError, type DType, type LogitsFilter, ShapeError } from "../backend.ts";
import type { AttentionCommand } from "./commands.ts";
import { formatShape, sameShape } from "./tensor.ts";

/** Every format of a cache. */
const CACHE_FORMATS: readonly CacheFormat[] = ["f32", "f16", "q8_0"];

/** Features of a head at most: kernels keep several keys and queries beside each other in scratch memory. */
const WIDEST_HEAD = 1024;

/** What a check needs to know of a tensor. */
interface Checked {
  readonly shape: readonly number[];
  readonly dtype: DType;
  readonly layout: string;
}

/** @throws {ShapeError} always: `op` can't take `shape` for `name` */
export function refuse(op: string, name: string, shape: readonly number[], expected: string): never {
  throw new ShapeError(`Cannot run ${op} with ${name} of shape ${formatShape(shape)}: expected ${expected}`);
}

/** @throws {ShapeError} unless the tensor has this shape */
export function expectShape(op: string, name: string, tensor: Checked, shape: readonly number[]): void {
  if (!sameShape(tensor.shape, shape)) refuse(op, name, tensor.shape, formatShape(shape));
}

/** @throws {ShapeError} unless the tensor holds this type */
export function expectDType(op: string, name: string, tensor: Checked, dtype: DType): void {
  if (tensor.dtype !== dtype) {
    throw new ShapeError(`Cannot run ${op} with ${name} of dtype ${tensor.dtype}: expected ${dtype}`);
  }
}

/** Checks everything that the attention operations share and gives it back with the width of a head. */
export function checkAttention<T extends Checked>(
  op: string,
  q: T,
  k: T,
  options: Omit<AttentionCommand<T>, "dim">,
): AttentionCommand<T> {
  const { heads, kvHeads, positions, slopes, mask, memoryKeys, memoryValues, decay } = options;
  const [b = 0, , width = 0] = q.shape;
  const dim = width / heads;
  if (q.shape.length !== 3 || !Number.isInteger(dim)) refuse(op, "q", q.shape, `[b, n, ${heads} heads × d]`);
  if (dim > WIDEST_HEAD) {
    throw new ConfigError(
      `Cannot run ${op} with heads of ${dim} features: expected up to ${WIDEST_HEAD}; use more heads that are narrower`,
    );
  }
  if (heads % kvHeads !== 0) {
    throw new ConfigError(
      `Cannot run ${op} with heads = ${heads}, kvHeads = ${kvHeads}: heads must be divisible by kvHeads`,
    );
  }
  checkKeys(op, k, b, kvHeads, dim);
  if (k.layout === "cache" && !positions) throw new ConfigError(`Cannot run ${op} on a cache without positions`);
  if (positions) {
    expectDType(op, "positions", positions, "i32");
    expectShape(op, "positions", positions, [b]);
  }
  if (slopes) expectShape(op, "slopes", slopes, [heads]);
  if (mask) {
    expectDType(op, "mask", mask, "i32");
    if (mask.shape.length !== 2 || mask.shape[0] !== b) refuse(op, "mask", mask.shape, `[${b}, m]`);
    if (k.layout !== "cache" && mask.shape[1] !== k.shape[1]) refuse(op, "mask", mask.shape, `[${b}, ${k.shape[1]}]`);
  }
  for (const [name, memory] of [["memoryKeys", memoryKeys], ["memoryValues", memoryValues]] as const) {
    if (memory) expectShape(op, name, memory, [kvHeads, memory.shape[1] ?? 0, dim]);
  }
  if (decay) expectShape(op, "decay", decay, [dim]);
  return { ...options, dim };
}

/** Features of a head that share a scale in a q8_0 cache. */
const Q8_BLOCK = 32;

/** @throws {ConfigError} for a format that caches don't have, or whose blocks don't divide a head of `dim` features */
export function checkCacheFormat(format: CacheFormat, dim: number): void {
  if (!CACHE_FORMATS.includes(format)) {
    throw new ConfigError(`Cannot make a cache of format ${format}: expected ${CACHE_FORMATS.join(", ")}`);
  }
  if (format === "q8_0" && dim % Q8_BLOCK !== 0) {
    throw new ConfigError(
      `Cannot make a q8_0 cache of heads ${dim} wide: a scale is shared by ${Q8_BLOCK} features of one head, so ` +
        `${Q8_BLOCK} must divide the width; use "f16" or "f32"`,
    );
  }
}

function checkKeys(op: string, k: Checked, b: number, kvHeads: number, dim: number): void {
  if (k.layout === "cache") return expectShape(op, "k", k, [b, kvHeads, k.shape[2] ?? 0, dim]);
  expectShape(op, "k", k, [b, k.shape[1] ?? 0, kvHeads * dim]);
}

/** @throws {ConfigError} if a filter's value is out of its range */
export function checkFilter({ topK, topP, minP, topA }: LogitsFilter): void {
  if (topK !== undefined && !(Number.isInteger(topK) && topK >= 1)) {
    throw new ConfigError(`Cannot keep the topK = ${topK} largest logits: topK must be a whole number >= 1`);
  }
  if (topP !== undefined && !(topP > 0 && topP <= 1)) {
    throw new ConfigError(`Cannot keep a nucleus of topP = ${topP}: it must be > 0 and <= 1`);
  }
  if (minP !== undefined && !(minP >= 0 && minP <= 1)) {
    throw new ConfigError(`Cannot filter with minP = ${minP}: it must be >= 0 and <= 1`);
  }
  if (topA !== undefined && !(topA.power >= 0 && topA.ratio >= 0 && topA.ratio <= 1)) {
    throw new ConfigError(
      `Cannot filter with topA of power ${topA.power} and ratio ${topA.ratio}: power >= 0 and ratio from 0 to 1`,
    );
  }
}
