/**
 * Products with weights.
 *
 * @module
 */

import type { CommandOf } from "../../engine/commands.ts";
import { FORMATS } from "../../formats/formats.ts";
import type { Profile } from "../device/device.ts";
import { loop, spans } from "../device/loops.ts";
import type { Binding } from "../dispatch/pipelines.ts";
import type { Constants } from "../dispatch/shader.ts";
import { type GpuTensor, partsOf, rowsOf, whole } from "../memory/storage.ts";
import { layoutOf } from "../memory/weights.ts";
import {
  activationName,
  type Dispatches,
  elementwise,
  fold,
  type Operations,
  reduceRounds,
  reduction,
} from "./operation.ts";

/** Rows up to which the product is bound by reading the weight, and takes a kernel of its own. */
const VECTOR_ROWS = 4;

/** Rows of a weight, gathered: one dispatch for each of its parts. */
function embedding(gpu: Operations, { tokens, weight, out }: CommandOf<GpuTensor, "embedding">): void {
  const quads = Math.ceil(weight.width / 4);
  const { groups, constants } = elementwise(gpu, tokens.size * quads, [1]);
  for (const { binding, firstRow, rows } of partsOf(weight)) {
    gpu.dispatch({
      kernel: "embedding",
      constants: { ...constants, ...format(gpu.profile, weight) },
      bindings: { tokens: whole(tokens), weight: binding, out: whole(out) },
      params: {
        size: tokens.size * quads,
        quads,
        stride: elements(weight),
        width: weight.width,
        firstRow,
        rows,
        numTokens: weight.rows,
      },
      groups,
      rounds: loop(4),
      weightBytes: (tokens.size * weight.storage.stride) / weight.storage.parts.length,
    });
  }
}

/** x Wᵀ. */
function linear(gpu: Operations, command: CommandOf<GpuTensor, "linear">): void {
  linearTogether(gpu, [command]);
}

/** The ends of the names of several products' buffers. */
const SUFFIXES = ["", "B", "C"] as const;

/**
 * x Wᵀ: one dispatch for each part of the weight, for each run of rows whose results can be bound at once, and for each
 * span of features that the device's loops reach over.
 *
 * @param products Products of the same x; more than one must be as `canJoin` says.
 * @param add An addition to the only product of values of its shape; product and sum are both written.
 */
export function linearTogether(
  gpu: Operations,
  products: readonly [CommandOf<GpuTensor, "linear">, ...CommandOf<GpuTensor, "linear">[]],
  add?: CommandOf<GpuTensor, "add">,
): void {
  const [{ x, weight, bias, activation, out }, ...others] = products;
  const quads = Math.ceil(weight.width / 4);
  const constants = {
    VALUE: "f32",
    VECTORS: weight.width % 4 === 0,
    PARTIAL: piecesOf(weight) * layoutOf(weight.dtype).quads > quads,
    HAS_BIAS: bias !== undefined,
    ACTIVATION: activationName(activation),
    HAS_SUM: add !== undefined,
    HAS_SCALE: add?.scale !== undefined,
    PRODUCTS: products.length,
    ...format(gpu.profile, weight),
  };
  for (const [firstRow, rows] of runs(gpu.profile, x, out)) {
    for (const part of partsOf(weight)) {
      const { step, besides, count, groups: [columns, lines], ...kernel } = variant(
        gpu,
        rows,
        part.rows,
        weight,
        constants,
      );
      // llvmpipe counts a round of the loops of every product, whichever its workgroup makes.
      for (const { first, end, rounds } of spans(gpu.profile.loopRounds, count, step, products.length * besides)) {
        gpu.dispatch({
          ...kernel,
          bindings: {
            x: rowsOf(x, firstRow, rows),
            weight: part.binding,
            bias: bias && whole(bias),
            out: rowsOf(out, firstRow, rows),
            other: add && rowsOf(add.y, firstRow, rows),
            otherScale: add?.scale && whole(add.scale),
            sum: add && rowsOf(add.out, firstRow, rows),
            ...bindingsOfOthers(others, firstRow, rows),
          },
          params: {
            rows,
            inSize: weight.width,
            quads,
            stride: elements(weight),
            columns: part.rows,
            firstColumn: part.firstRow,
            outSize: weight.rows,
            first,
            end,
            isLast: end === count ? 1 : 0,
            factor: add?.factor ?? 1,
          },
          groups: [columns, lines, products.length],
          rounds,
          weightBytes: products.length * part.rows * weight.storage.stride * (count === 0 ? 1 : (end - first) / count),
        });
      }
    }
  }
}

/** Buffers of products beside the first. */
function bindingsOfOthers(others: readonly CommandOf<GpuTensor, "linear">[], firstRow: number, rows: number) {
  const bindings: Record<string, Binding | undefined> = {};
  for (const [i, { weight, bias, out }] of others.entries()) {
    const suffix = SUFFIXES[i + 1];
    bindings[`weight${suffix}`] = partsOf(weight)[0]?.binding;
    bindings[`bias${suffix}`] = bias && whole(bias);
    bindings[`out${suffix}`] = rowsOf(out, firstRow, rows);
  }
  return bindings;
}

/**
 * Whether products of one x can be one dispatch: of few rows by weights of one form, each in one part, that a stage has
 * buffers for.
 */
export function canJoin(profile: Profile, products: readonly CommandOf<GpuTensor, "linear">[]): boolean {
  const [first] = products;
  const most = profile.flavor === "register" ? 1 : VECTOR_ROWS;
  if (!first || first.x.rows > most || !profile.skipsBranches) return false;
  // x, and of each product the weight, the result and the bias: a stage may have no more than eight storage buffers.
  if (products.length > (first.bias ? 2 : SUFFIXES.length)) return false;
  return products.every(({ x, weight, bias, activation }) => {
    const isSameX = x.storage === first.x.storage && x.rows === first.x.rows;
    const isSameWeight = weight.rows === first.weight.rows && weight.width === first.weight.width &&
      weight.dtype === first.weight.dtype && weight.storage.parts.length === 1;
    return isSameX && isSameWeight && activation === first.activation &&
      (bias === undefined) === (first.bias === undefined);
  });
}

/** A kernel for a product, and its loop over the features of a row. */
interface Variant {
  readonly kernel: string;
  readonly constants: Constants;
  readonly groups: readonly [number, number, number];
  /**
   * Quads or pieces that the loop goes over, those that a round takes with its rounds of inner loops, and rounds of
   * other loops.
   */
  readonly count: number;
  readonly step: { readonly items?: number; readonly inner?: number };
  readonly besides: number;
}

/** The kernel for a product of `rows` by `columns`, and its workgroups. */
function variant(gpu: Operations, rows: number, columns: number, weight: GpuTensor, common: Constants): Variant {
  const { profile } = gpu;
  const quads = Math.ceil(weight.width / 4);
  if (profile.flavor === "register" && rows === 1) {
    return {
      kernel: "linear_vector_register",
      constants: { ...common, WORKGROUP: 8 },
      groups: fold(profile, Math.ceil(columns / 64)),
      count: quads,
      step: {},
      besides: loop(8),
    };
  }
  if (profile.flavor === "register") {
    return {
      kernel: "linear_register",
      constants: { ...common, COLUMN_LANES: 8, ROW_LANES: 1 },
      groups: [Math.ceil(columns / 32), Math.ceil(rows / 4), 1],
      count: quads,
      step: {},
      besides: loop(4, loop(4)),
    };
  }
  if (rows <= VECTOR_ROWS) return vectorVariant(gpu, rows, columns, weight, common);
  if (profile.flavor === "subgroup") {
    return {
      kernel: "linear_subgroup",
      constants: { ...common, SUBGROUPS: true, ROWS: 16 },
      groups: [Math.ceil(columns / 64), Math.ceil(rows / 16), 1],
      count: quads,
      // For each row as many shuffles as quads, and a load for each at most.
      step: { items: 8, inner: loop(8) + loop(16, loop(8, loop(1))) },
      besides: loop(16),
    };
  }
  const tileRows = rows <= 16 ? 1 : rows <= 32 ? 2 : 4;
  return {
    kernel: "linear_workgroup",
    constants: { ...common, TILE_ROWS: tileRows },
    groups: [Math.ceil(columns / 64), Math.ceil(rows / (16 * tileRows)), 1],
    count: quads,
    step: { items: 4, inner: loop(tileRows) + loop(4, loop(tileRows)) },
    besides: loop(tileRows, loop(4)),
  };
}

/** The kernel for few rows, whose lanes go over pieces of a row of the weight. */
function vectorVariant(gpu: Operations, rows: number, columns: number, weight: GpuTensor, common: Constants): Variant {
  const columnsAtOnce = 4;
  const { constants: { WORKGROUP, SUBGROUPS } } = reduction(gpu, 64, 1);
  const pieceQuads = layoutOf(weight.dtype).quads;
  return {
    kernel: "linear_vector",
    constants: { ...common, WORKGROUP, SUBGROUPS, ROWS: rows, COLUMNS: columnsAtOnce },
    groups: fold(gpu.profile, Math.ceil(columns / columnsAtOnce)),
    count: piecesOf(weight),
    step: { items: WORKGROUP, inner: loop(pieceQuads, loop(rows)) + loop(columnsAtOnce, loop(pieceQuads, loop(rows))) },
    besides: loop(rows, loop(columnsAtOnce, reduceRounds(gpu.profile, WORKGROUP))),
  };
}

/** Pieces of a row of a weight: those of several quads end with the last block, whatever of it the row fills. */
function piecesOf({ dtype, width }: GpuTensor): number {
  const { quads } = layoutOf(dtype);
  if (quads === 1) return Math.ceil(width / 4);
  const { blockSize } = FORMATS[dtype];
  return Math.ceil(width / blockSize) * blockSize / 4 / quads;
}

/** Runs of rows whose bindings stay within the device's limit and begin at its alignment. */
function* runs(profile: Profile, x: GpuTensor, out: GpuTensor): Generator<[firstRow: number, rows: number]> {
  const [all, widths] = [x.rows, [4 * x.width, 4 * out.width]];
  const fitting = Math.floor(profile.maxBindingBytes / Math.max(...widths));
  // Alignments are powers of two: the rows after which both tensors are aligned are too.
  const aligned = Math.max(...widths.map((width) => alignedRows(width, profile.alignment)));
  const step = fitting >= all ? all : Math.max(aligned, fitting - fitting % aligned);
  for (let firstRow = 0; firstRow < all; firstRow += step) yield [firstRow, Math.min(step, all - firstRow)];
}

/** The fewest rows of `bytes` each that take a multiple of the alignment. */
function alignedRows(bytes: number, alignment: number): number {
  return alignment / Math.min(alignment, bytes & -bytes);
}

/** What lies between the beginnings of two rows, in elements of the kernels' binding. */
function elements({ dtype, storage }: GpuTensor): number {
  return storage.stride / layoutOf(dtype).elementBytes;
}

function format({ f16 }: Profile, weight: GpuTensor): Constants {
  return { FORMAT: weight.dtype, F16: f16 && weight.dtype === "f16" };
}

/** Products with weights, and their rows by id. */
export const linearOperations = { embedding, linear } satisfies Partial<Dispatches>;
