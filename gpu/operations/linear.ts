/**
 * Products with weights.
 *
 * @module
 */
import type { CommandOf } from "../../engine/commands.ts";
import { BLOCK } from "../blocks.ts";
import type { Profile } from "../device.ts";
import type { Constants } from "../shader.ts";
import { type GpuTensor, partsOf, rowsOf, whole } from "../storage.ts";
import { elementBytes } from "../weights.ts";
import { activationName, elementwise, fold, type Operations, reduction } from "./operation.ts";

/** Rows up to which the product is bound by reading the weight, and takes a kernel of its own. */
const VECTOR_ROWS = 4;

/** Rows of a weight, gathered: one dispatch for each of its parts. */
export function embedding(gpu: Operations, { tokens, weight, out }: CommandOf<GpuTensor, "embedding">): void {
  const quads = Math.ceil(weight.width / 4);
  const { groups, constants } = elementwise(gpu, tokens.size * quads, [1]);
  for (const { binding, firstRow, rows } of partsOf(weight)) {
    gpu.dispatch({
      kernel: "embedding",
      constants: { ...constants, ...format(gpu.profile, weight) },
      bindings: { tokens: whole(tokens), weight: binding, out: whole(out) },
      params: { size: tokens.size * quads, quads, stride: elements(weight), width: weight.width, firstRow, rows },
      groups,
      weightBytes: (tokens.size * weight.storage.stride) / weight.storage.parts.length,
    });
  }
}

/** x Wᵀ: one dispatch for each part of the weight, and for each run of rows whose results can be bound at once. */
export function linear(gpu: Operations, command: CommandOf<GpuTensor, "linear">): void {
  const { x, weight, bias, activation, out } = command;
  const quads = Math.ceil(weight.width / 4);
  const constants = {
    VALUE: "f32",
    VECTORS: weight.width % 4 === 0,
    PARTIAL: weight.dtype === "q4_0" && weight.width % BLOCK !== 0,
    HAS_BIAS: bias !== undefined,
    ACTIVATION: activationName(activation),
    ...format(gpu.profile, weight),
  };
  for (const [firstRow, rows] of runs(gpu.profile, x, out)) {
    for (const part of partsOf(weight)) {
      gpu.dispatch({
        ...variant(gpu, rows, part.rows, constants),
        bindings: {
          x: rowsOf(x, firstRow, rows),
          weight: part.binding,
          bias: bias && whole(bias),
          out: rowsOf(out, firstRow, rows),
        },
        params: {
          rows,
          inSize: weight.width,
          quads,
          pieces: weight.dtype === "q4_0" ? 4 * Math.ceil(weight.width / BLOCK) : quads,
          stride: elements(weight),
          columns: part.rows,
          firstColumn: part.firstRow,
          outSize: weight.rows,
        },
        weightBytes: part.rows * weight.storage.stride,
      });
    }
  }
}

/** The kernel for a product of `rows` by `columns`, and its workgroups. */
function variant(
  gpu: Operations,
  rows: number,
  columns: number,
  common: Constants,
): { kernel: string; constants: Constants; groups: readonly [number, number, number] } {
  const { profile } = gpu;
  if (profile.flavour === "register" && rows === 1) {
    const constants = { ...common, WORKGROUP: 8 };
    return { kernel: "linear_vector_register", constants, groups: fold(profile, Math.ceil(columns / 64)) };
  }
  if (profile.flavour === "register") {
    const constants = { ...common, COLUMN_LANES: 8, ROW_LANES: 1 };
    return { kernel: "linear_register", constants, groups: [Math.ceil(columns / 32), Math.ceil(rows / 4), 1] };
  }
  if (rows <= VECTOR_ROWS) {
    const constants = { ...common, ...reduction(gpu, 64), ROWS: rows, COLUMNS: 4 };
    return { kernel: "linear_vector", constants, groups: fold(profile, Math.ceil(columns / 4)) };
  }
  if (profile.flavour === "subgroup") {
    const constants = { ...common, SUBGROUPS: true, ROWS: 16 };
    return { kernel: "linear_subgroup", constants, groups: [Math.ceil(columns / 64), Math.ceil(rows / 16), 1] };
  }
  const tileRows = rows <= 16 ? 1 : rows <= 32 ? 2 : 4;
  const constants = { ...common, TILE_ROWS: tileRows };
  const groups = [Math.ceil(columns / 64), Math.ceil(rows / (16 * tileRows)), 1] as const;
  return { kernel: "linear_workgroup", constants, groups };
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
  return storage.stride / elementBytes(dtype);
}

function format({ f16 }: Profile, weight: GpuTensor): Constants {
  return { FORMAT: weight.dtype, F16: f16 && weight.dtype === "f16" };
}
