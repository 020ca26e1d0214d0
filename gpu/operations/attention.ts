/**
 * Attention and its cache.
 *
 * @module
 */
import { LOWEST, XPOS_BLOCK } from "../../backend.ts";
import type { AttentionCommand, CommandOf } from "../../engine/commands.ts";
import { BLOCK } from "../blocks.ts";
import type { Binding } from "../pipelines.ts";
import type { Constants } from "../shader.ts";
import { type GpuTensor, roomOf, whole, wholeBuffer } from "../storage.ts";
import { elementwise, type Operations, reduction } from "./operation.ts";

/** Queries up to which attention is bound by reading keys and values, and is split along them. */
const DECODE_QUERIES = 4;
/** Query rows that a workgroup of the decode kernel takes at most: they stand in registers. */
const DECODE_ROWS = 16;

/** Softmax attention; queries [b, n, H·d]. */
export function attention(gpu: Operations, command: CommandOf<GpuTensor, "attention">): void {
  const { q } = command;
  const [, n = 0] = q.shape;
  if (q.size === 0) return;
  if (n <= DECODE_QUERIES) attentionOfFew(gpu, command);
  else attentionOfMany(gpu, command);
}

function attentionOfMany(gpu: Operations, command: CommandOf<GpuTensor, "attention">): void {
  const { q, k, v, heads, out } = command;
  const [b = 0, n = 0] = q.shape;
  const isStaged = gpu.profile.flavour !== "register";
  const common = commonConstants(command, k, isStaged);
  const units = unitsOf(command);
  const unitBytes = common.VECTORS ? 16 : 4;
  const fitting = Math.floor(gpu.profile.workgroupBytes / (2 * unitBytes * units));
  const [workgroup, queries] = isStaged ? [64, 1] : [8, fitting >= 32 ? 4 : fitting >= 16 ? 2 : 1];
  const keys = isStaged ? Math.min(16, fitting) : 4;
  const params = commonParams(command, k);
  gpu.dispatch({
    kernel: "attention",
    constants: {
      ...common,
      UNIT_ROOM: units <= 8 ? 8 : 2 ** Math.ceil(Math.log2(units)),
      UNROLL: isStaged ? 1 : unrolling(keys, units, params.columns),
      STAGED: isStaged,
      QUERIES: queries,
      WORKGROUP: workgroup,
      KEYS: keys,
    },
    bindings: { ...commonBindings(command, q), q: whole(q), k: whole(k), v: whole(v), out: whole(out) },
    params: { ...params, queries: n, count: b },
    groups: [Math.ceil(n / (workgroup * queries)), heads, b],
  });
}

/**
 * Units of a head that one round of a loop takes. llvmpipe ends every loop of an invocation after 65,535 rounds,
 * counting those of all loops together: long sequences take fewer, longer rounds. These are the rounds of both
 * products; other loops take as many again, and more.
 */
function unrolling(keys: number, units: number, columns: number): number {
  const rounds = 2 * units * Math.ceil(columns / keys);
  return [1, 2, 4, 8].find((factor) => units % factor === 0 && rounds / factor < 12_000) ?? (units % 8 === 0 ? 8 : 1);
}

function attentionOfFew(gpu: Operations, command: CommandOf<GpuTensor, "attention">): void {
  const { q, k, v, heads, kvHeads, out } = command;
  const [b = 0, n = 0] = q.shape;
  const common = commonConstants(command, k, !gpu.profile.software);
  const params = commonParams(command, k);
  const { WORKGROUP, SUBGROUPS } = reduction(gpu, 64);
  const splits = Math.max(1, Math.ceil((params.memory + params.columns) / WORKGROUP));
  const rows = (n * heads) / kvHeads;
  // A power of two, so that groups of heads of different sizes share kernels.
  const rowsAtOnce = Math.min(DECODE_ROWS, 2 ** Math.ceil(Math.log2(rows)));
  const units = unitsOf(command);
  const lanes = common.VECTORS ? 4 : 1;
  const partials = splits > 1 ? gpu.temporary(b * n * heads * splits * (units + 2) * lanes * 4) : undefined;
  gpu.dispatch({
    kernel: "attention_decode",
    constants: { ...common, WORKGROUP, SUBGROUPS, DIRECT: splits === 1, ROWS: rowsAtOnce },
    bindings: {
      ...commonBindings(command, q),
      q: whole(q),
      k: whole(k),
      v: whole(v),
      out: whole(out),
      partials: partials && wholeBuffer(partials),
    },
    params: { ...params, queries: n, count: splits },
    groups: [splits, kvHeads * Math.ceil(rows / rowsAtOnce), b],
  });
  if (!partials) return;
  const { constants, groups } = elementwise(gpu, q.size / lanes, [1]);
  gpu.dispatch({
    kernel: "attention_reduce",
    constants: { ...constants, LOWEST, VALUE: common.VALUE, VECTORS: common.VECTORS, UNITS: common.UNITS },
    bindings: { partials: wholeBuffer(partials), out: whole(out) },
    params: { size: q.size / lanes, splits, units },
    groups,
  });
}

/** Scores before the softmax. */
export function attentionScores(gpu: Operations, command: CommandOf<GpuTensor, "attentionScores">): void {
  const { q, k, heads, out } = command;
  const [b = 0, n = 0] = q.shape;
  const rows = b * heads * n;
  const rowsInY = Math.min(rows, gpu.profile.maxWorkgroups);
  const workgroup = 32;
  gpu.dispatch({
    kernel: "attention_scores",
    constants: { ...commonConstants(command, k, !gpu.profile.software), WORKGROUP: workgroup, ROWS_IN_Y: rowsInY },
    bindings: { ...commonBindings(command, q), q: whole(q), k: whole(k), out: whole(out) },
    params: { ...commonParams(command, k), queries: n, count: rows },
    groups: [Math.ceil(out.width / workgroup), rowsInY, rows === 0 ? 0 : Math.ceil(rows / rowsInY)],
  });
}

/** Values weighted by probabilities. */
export function attentionValues(gpu: Operations, command: CommandOf<GpuTensor, "attentionValues">): void {
  const { probabilities, v, memoryValues, out } = command;
  const [b = 0, , n = 0] = probabilities.shape;
  const plain = { ...command, memoryKeys: memoryValues, slopes: undefined, decay: undefined };
  const common = commonConstants(plain, v, !gpu.profile.software);
  const { constants, groups } = elementwise(gpu, out.size / (common.VECTORS ? 4 : 1), [1]);
  gpu.dispatch({
    kernel: "attention_values",
    constants: { ...common, WORKGROUP: constants.WORKGROUP },
    bindings: {
      ...commonBindings(plain, v),
      probabilities: whole(probabilities),
      v: whole(v),
      out: whole(out),
    },
    params: { ...commonParams(plain, v), queries: n, count: b },
    groups,
  });
}

/** Keys or values written into a cache. */
export function appendCache(gpu: Operations, command: CommandOf<GpuTensor, "appendCache">): void {
  const { cache, x, positions, lengths } = command;
  const [, kvHeads = 0, capacity = 0, dim = 0] = cache.shape;
  const isQuantised = cache.dtype === "q8_0";
  const blocks = dim / BLOCK;
  // An invocation takes a value or a vector, or as many blocks as share a word of scales.
  const size = isQuantised ? (x.size / dim) * Math.ceil(blocks / 2) : x.size;
  const { constants, groups, lanes } = elementwise(gpu, size, isQuantised ? [1] : [dim]);
  gpu.dispatch({
    kernel: isQuantised ? "append_cache_q8" : "append_cache",
    constants: { ...constants, ...storedConstants(cache, lanes === 4), HAS_LENGTHS: lengths !== undefined },
    bindings: {
      cache: whole(cache),
      x: whole(x),
      positions: whole(positions),
      lengths: lengths && whole(lengths),
    },
    params: { size: size / lanes, rows: x.shape[1] ?? 0, kvHeads, capacity, dim: dim / lanes, blocks },
    groups,
  });
}

/** Units of a head: what one load fetches is four features, or one where the width of a head is no multiple of four. */
function unitsOf({ dim }: AttentionCommand<GpuTensor>): number {
  return dim % 4 === 0 ? dim / 4 : dim;
}

/**
 * @param isFixed Whether kernels are compiled for one width of a head: loops over it can be unrolled then, and what they go over
 * kept in registers. Compilers of software adapters take seconds for that.
 */
function commonConstants(command: AttentionCommand<GpuTensor>, k: GpuTensor, isFixed: boolean) {
  const { dim, slopes, decay } = command;
  const isVector = dim % 4 === 0;
  return {
    LOWEST,
    XPOS_BLOCK,
    XPOS_SHIFT: Math.log2(XPOS_BLOCK),
    VALUE: isVector ? "vec4<f32>" : "f32",
    VECTORS: isVector,
    UNITS: isFixed ? unitsOf(command) : "params.units",
    CACHE: k.layout === "cache",
    ...storedConstants(k, isVector),
    HAS_SLOPES: slopes !== undefined,
    SLOPE_QUADS: tableQuads(slopes),
    HAS_DECAY: decay !== undefined,
    DECAY_QUADS: tableQuads(decay),
  } satisfies Constants;
}

/** How keys or values are kept, and what a load fetches of them. */
function storedConstants({ dtype }: GpuTensor, isVector: boolean) {
  const stored = dtype === "q8_0" ? "u32" : dtype === "f16" ? "vec2<u32>" : isVector ? "vec4<f32>" : "f32";
  return { FORMAT: dtype, STORED: stored };
}

/** Quads of a table that is bound as a uniform: whole buffers, which are multiples of 256 bytes. */
function tableQuads(table: GpuTensor | undefined): number {
  return table ? 16 * Math.ceil(table.size / 64) : 0;
}

/** Bindings of what may be absent; `other` stands in for it, and is not read. */
function commonBindings(command: AttentionCommand<GpuTensor>, other: GpuTensor): Record<string, Binding | undefined> {
  const { positions, slopes, mask, memoryKeys, memoryValues, decay } = command;
  return {
    positions: whole(positions ?? other),
    slopes: slopes && roomOf(slopes),
    mask: whole(mask ?? other),
    memoryKeys: whole(memoryKeys ?? other),
    memoryValues: whole(memoryValues ?? other),
    decay: decay && roomOf(decay),
  };
}

function commonParams(command: AttentionCommand<GpuTensor>, k: GpuTensor) {
  const { heads, kvHeads, scale, causal, positions, mask, memoryKeys } = command;
  return {
    columns: (k.layout === "cache" ? k.shape[2] : k.shape[1]) ?? 0,
    memory: memoryKeys?.shape[1] ?? 0,
    heads,
    kvHeads,
    maskColumns: mask?.shape[1] ?? 0,
    scale,
    units: unitsOf(command),
    causal: causal ? 1 : 0,
    positioned: positions ? 1 : 0,
  };
}
