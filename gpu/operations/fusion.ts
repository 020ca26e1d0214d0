/**
 * Commands that follow one another and run as one dispatch, because a dispatch costs more than the arithmetic of a
 * small operation: one vector is multiplied by several weights, what is added to a product is added by its kernel, and
 * keys are rotated and appended with values. Each result is written all the same, because it may be read later.
 *
 * Figures are of `deno task bench fusion`, whose file also tells what was tried and lost.
 *
 * @module
 */

import type { OperationName } from "../../backend/operations/table.ts";
import { formatShape } from "../../common/shape.ts";
import type { Command, CommandOf } from "../../engine/commands.ts";
import { EngineTensor } from "../../engine/tensor.ts";
import type { Profile } from "../device/device.ts";
import type { GpuTensor } from "../memory/storage.ts";
import { appendTogether } from "./attention.ts";
import { canJoin, linearTogether } from "./linear.ts";
import type { Operations } from "./operation.ts";

/** Commands in their order. */
export type Commands = readonly [Command<GpuTensor>, ...Command<GpuTensor>[]];

/**
 * Rows up to which sums and appended keys join what is before them. Up to 8 they are no slower, of 16 to 128 up to a
 * sixth, because elementwise kernels load four values at once and a product's kernel one.
 */
const MOST_ROWS = 8;
/** Rows up to which keys are rotated on their way: of 4 that takes SwiftShader 1.1 to 1.2 times as long. */
const MOST_ROTATED = 2;

/** Records the dispatches of commands. */
type Run = (gpu: Operations) => void;

/** For the last command of a fusion: how it runs with those that were recorded right before it, if it does. */
const FUSIONS: {
  readonly [Op in OperationName]?: (
    before: Commands,
    last: CommandOf<GpuTensor, Op>,
    profile: Profile,
  ) => Run | undefined;
} = { add, appendCache, linear };

/** How a command and those right before it run as one, if they do. */
export function fuse<Op extends OperationName>(
  before: Commands,
  last: CommandOf<GpuTensor, Op>,
  profile: Profile,
): Run | undefined {
  // What was freed meanwhile may lie in the memory of the last command's result.
  return before.every(isAlive) ? FUSIONS[last.op]?.(before, last, profile) : undefined;
}

/** A product, and an addition to it of values of the same shape. */
function add([product, ...others]: Commands, last: CommandOf<GpuTensor, "add">): Run | undefined {
  if (product.op !== "linear" || others.length > 0 || last.x.rows > MOST_ROWS) return undefined;
  const { x, y, scale } = last;
  const isPlain = x.width === product.out.width && y.width === x.width && y.size === x.size;
  const isAdded = !sharesMemory(product.out, y) && !(scale && sharesMemory(product.out, scale));
  return sharesMemory(product.out, x) && isPlain && isAdded ? (gpu) => linearTogether(gpu, [product], last) : undefined;
}

/** Products of the same few rows with several weights, such as those of queries, keys and values. */
function linear([first, ...others]: Commands, last: CommandOf<GpuTensor, "linear">, profile: Profile): Run | undefined {
  if (first.op !== "linear") return undefined;
  const products: [CommandOf<GpuTensor, "linear">, ...CommandOf<GpuTensor, "linear">[]] = [first];
  for (const other of [...others, last]) {
    if (other.op !== "linear") return undefined;
    products.push(other);
  }
  if (!canJoin(profile, products)) return undefined;
  // A kernel can't read what it writes.
  if (products.some(({ out }) => last.bias && sharesMemory(out, last.bias))) return undefined;
  return (gpu) => linearTogether(gpu, products);
}

/** Keys, which may have been rotated just before, and values: appended to two caches at the same positions. */
function appendCache(before: Commands, last: CommandOf<GpuTensor, "appendCache">): Run | undefined {
  const [first, ...others] = before;
  const rotary = first.op === "rotary" ? first : undefined;
  const [earlier, ...more] = rotary ? others : before;
  if (more.length > 0 || last.x.rows > MOST_ROWS) return undefined;
  if (rotary && (last.x.rows > MOST_ROTATED || !isRotated(rotary, earlier ?? last))) return undefined;
  if (!earlier) return (gpu) => appendTogether(gpu, [last], rotary);
  if (earlier.op !== "appendCache" || !areAlike(earlier, last)) return undefined;
  // A kernel can't read what it writes.
  if (rotary && sharesMemory(rotary.out, last.x)) return undefined;
  return (gpu) => appendTogether(gpu, [earlier, last], rotary);
}

/** Whether a command appends what the other one rotated. */
function isRotated(rotary: CommandOf<GpuTensor, "rotary">, append: Command<GpuTensor>): boolean {
  if (append.op !== "appendCache" || !sharesMemory(rotary.out, append.x)) return false;
  return rotary.x.width === append.x.width && rotary.x.width / rotary.heads === append.cache.width;
}

/** Whether two commands append as many values to two caches of one kind, at the same positions. */
function areAlike(a: CommandOf<GpuTensor, "appendCache">, b: CommandOf<GpuTensor, "appendCache">): boolean {
  const isSameKind = a.cache.dtype === b.cache.dtype && formatShape(a.cache.shape) === formatShape(b.cache.shape);
  const isSamePlace = a.positions === b.positions && a.lengths === b.lengths;
  return isSameKind && isSamePlace && a.x.size === b.x.size && !sharesMemory(a.cache, b.cache);
}

function isAlive(command: Command<GpuTensor>): boolean {
  return Object.values(command).every((value) => !(value instanceof EngineTensor && value.isDisposed));
}

function sharesMemory(a: GpuTensor, b: GpuTensor): boolean {
  return a.storage === b.storage;
}
