/**
 * Attention, its caches and rotary positions.
 *
 * @module
 */

import { LOWEST, XPOS_BLOCK } from "../../backend/operations.ts";
import type { AttentionCommand, CommandOf } from "../../engine/commands.ts";
import { FORMATS } from "../../formats/formats.ts";
import type { Profile } from "../device/device.ts";
import { loop, spans } from "../device/loops.ts";
import type { Binding } from "../dispatch/pipelines.ts";
import type { Constants } from "../dispatch/shader.ts";
import { type GpuTensor, roomOf, whole } from "../memory/storage.ts";
import { type Dispatches, elementwise, type Operations, reduceRounds, reduction } from "./operation.ts";

/** Queries up to which attention is bound by reading keys and values, and is split along them. */
const DECODE_QUERIES = 4;
/** Query rows that a workgroup of the decode kernel takes at most: they stand in registers. */
const DECODE_ROWS = 16;

/** Softmax attention; queries [b, n, H·d]. */
function attention(gpu: Operations, command: CommandOf<GpuTensor, "attention">): void {
  const { q } = command;
  const [, n = 0] = q.shape;
  if (q.size === 0) return;
  if (n <= DECODE_QUERIES) attentionOfFew(gpu, command);
  else attentionOfMany(gpu, command);
}

function attentionOfMany(gpu: Operations, command: CommandOf<GpuTensor, "attention">): void {
  const { q, k, v, heads, out } = command;
  const [b = 0, n = 0] = q.shape;
  const isStaged = gpu.profile.flavor !== "register";
  const common = commonConstants(command, k, isStaged);
  const [units, lanes] = [unitsOf(command), common.VECTORS ? 4 : 1];
  // A head's room is a power of two, so that heads of different widths share kernels.
  const room = isStaged ? units : Math.max(8, 2 ** Math.ceil(Math.log2(units)));
  // Keys and values, or queries and their sums, that workgroup memory holds of one head.
  const fitting = Math.floor(gpu.profile.workgroupBytes / (2 * 4 * lanes * room));
  const queries = isStaged ? 1 : fitting >= 32 ? 4 : fitting >= 16 ? 2 : 1;
  const workgroup = isStaged ? 64 : Math.min(8, fitting);
  const keys = isStaged ? Math.min(16, fitting) : 4;
  const params = commonParams(command, k);
  const loops = roundsOfMany(units, queries, keys, common.HAS_DECAY);
  const parts = [...partsOfKeys(gpu, params, loops)];
  const partials = parts.length > 1 ? gpu.temporary(b * n * heads * (units + 2) * lanes * 4) : undefined;
  for (const [i, { rounds, ...part }] of parts.entries()) {
    gpu.dispatch({
      kernel: "attention",
      constants: {
        ...common,
        UNIT_ROOM: room,
        STAGED: isStaged,
        QUERIES: queries,
        WORKGROUP: workgroup,
        KEYS: keys,
        PARTS: partials !== undefined,
      },
      bindings: { ...commonBindings(command, q), q: whole(q), k: whole(k), v: whole(v), out: whole(out), partials },
      params: { ...params, ...part, queries: n, count: b, resumes: i > 0 ? 1 : 0 },
      groups: [Math.ceil(n / (workgroup * queries)), heads, b],
      rounds,
    });
  }
  if (partials) reduce(gpu, command, common, partials, 1);
}

/** Positions up to 2³¹ are up to 2²² blocks apart: the power of a decay takes so many squares. */
const DECAY_ROUNDS = loop(22);

/** Rounds of one round of a loop over keys, of another over learned keys, and of all besides. */
interface KeyLoops {
  readonly columns: { readonly items?: number; readonly inner: number };
  readonly memory: { readonly items?: number; readonly inner: number };
  readonly besides: number;
}

/** The loops of the kernel of many queries, as its file has them. */
function roundsOfMany(units: number, queries: number, keys: number, hasDecay: boolean): KeyLoops {
  const weigh = loop(queries, 2 * loop(keys));
  const rescale = hasDecay ? loop(queries, loop(units, DECAY_ROUNDS)) : 0;
  // Invocations share the loads of keys; rescaling counts for every run of keys, though it is seldom.
  const run = loop(keys * units) + rescale + loop(keys, loop(queries)) + loop(units, loop(keys, loop(queries))) +
    loop(queries, loop(keys)) + weigh + loop(units, loop(keys) + loop(queries, loop(keys)));
  const memoryKey = loop(queries, loop(units) + loop(keys)) + weigh + loop(queries, loop(units));
  return {
    columns: { items: keys, inner: run },
    memory: { inner: memoryKey },
    besides: loop(queries, 2 * loop(units)) + loop(queries, loop(units)),
  };
}

/** Part of the learned keys and of the columns for one dispatch. */
interface PartOfKeys {
  readonly firstMemory: number;
  readonly endMemory: number;
  readonly firstColumn: number;
  readonly endColumn: number;
  readonly rounds: number;
}

/** All keys at once where the device's loops reach over them; else learned keys, then columns, in parts. */
function* partsOfKeys(
  { profile: { loopRounds } }: Operations,
  { memory, columns }: { readonly memory: number; readonly columns: number },
  loops: KeyLoops,
): Generator<PartOfKeys> {
  const spansOf = (limit: number) =>
    [
      [...spans(limit, memory, loops.memory, loops.besides)],
      [...spans(limit, columns, loops.columns, loops.besides)],
    ] as const;
  const [[ofMemory], [ofColumns]] = spansOf(Infinity);
  const rounds = (ofMemory?.rounds ?? 0) + (ofColumns?.rounds ?? 0);
  if (rounds <= loopRounds) {
    return yield { firstMemory: 0, endMemory: memory, firstColumn: 0, endColumn: columns, rounds };
  }
  const [memorySpans, columnSpans] = spansOf(loopRounds);
  for (const { first, end, rounds } of memory > 0 ? memorySpans : []) {
    yield { firstMemory: first, endMemory: end, firstColumn: 0, endColumn: 0, rounds };
  }
  for (const { first, end, rounds } of columnSpans) {
    yield { firstMemory: 0, endMemory: 0, firstColumn: first, endColumn: end, rounds };
  }
}

function attentionOfFew(gpu: Operations, command: CommandOf<GpuTensor, "attention">): void {
  const { q, k, v, heads, kvHeads, out } = command;
  const [b = 0, n = 0] = q.shape;
  const common = commonConstants(command, k, !gpu.profile.software);
  const params = commonParams(command, k);
  const { constants: { WORKGROUP, SUBGROUPS } } = reduction(gpu, 64, 1);
  const splits = Math.max(1, Math.ceil((params.memory + params.columns) / WORKGROUP));
  const rows = (n * heads) / kvHeads;
  const units = unitsOf(command);
  // A power of two, so that groups of heads of different sizes share kernels.
  const rowsAtOnce = Math.min(DECODE_ROWS, 2 ** Math.ceil(Math.log2(rows)));
  const lanes = common.VECTORS ? 4 : 1;
  const partials = splits > 1 ? gpu.temporary(b * n * heads * splits * (units + 2) * lanes * 4) : undefined;
  gpu.dispatch({
    kernel: "attention_decode",
    constants: { ...common, WORKGROUP, SUBGROUPS, DIRECT: splits === 1, ROWS: rowsAtOnce },
    bindings: { ...commonBindings(command, q), q: whole(q), k: whole(k), v: whole(v), out: whole(out), partials },
    params: { ...params, ...NO_PARTS, queries: n, count: splits },
    groups: [splits, kvHeads * Math.ceil(rows / rowsAtOnce), b],
    rounds: roundsOfFew(gpu.profile, units, rowsAtOnce, WORKGROUP, common.HAS_DECAY),
  });
  if (partials) reduce(gpu, command, common, partials, splits);
}

/** The loops of the kernel of few queries, as its file has them. */
function roundsOfFew(profile: Profile, units: number, rows: number, workgroup: number, hasDecay: boolean): number {
  const shares = Math.floor(workgroup / Math.min(units, workgroup));
  const scores = loop(rows) + loop(units, loop(rows) + (hasDecay ? DECAY_ROUNDS : 0)) + loop(rows);
  const weights = loop(rows, 2 * reduceRounds(profile, workgroup));
  const values = loop(Math.ceil(workgroup / shares), loop(rows)) + loop(rows, loop(shares));
  return scores + weights + loop(Math.ceil(units / workgroup), values);
}

/** Joins what parts of the keys gave for each query. */
function reduce(
  gpu: Operations,
  command: CommandOf<GpuTensor, "attention">,
  { VALUE, VECTORS, UNITS }: ReturnType<typeof commonConstants>,
  partials: Binding,
  splits: number,
): void {
  const { q, out } = command;
  const size = q.size / (VECTORS ? 4 : 1);
  const { constants, groups } = elementwise(gpu, size, [1]);
  gpu.dispatch({
    kernel: "attention_reduce",
    constants: { ...constants, LOWEST, VALUE, VECTORS, UNITS },
    bindings: { partials, out: whole(out) },
    params: { size, splits, units: unitsOf(command) },
    groups,
    rounds: 2 * loop(splits),
  });
}

/** Scores before the softmax. */
function attentionScores(gpu: Operations, command: CommandOf<GpuTensor, "attentionScores">): void {
  const { q, k, heads, out } = command;
  const [b = 0, n = 0] = q.shape;
  const rows = b * heads * n;
  const rowsInY = Math.min(rows, gpu.profile.maxWorkgroups);
  const workgroup = 32;
  const common = commonConstants(command, k, !gpu.profile.software);
  gpu.dispatch({
    kernel: "attention_scores",
    constants: { ...common, WORKGROUP: workgroup, ROWS_IN_Y: rowsInY },
    bindings: { ...commonBindings(command, q), q: whole(q), k: whole(k), out: whole(out) },
    params: { ...commonParams(command, k), ...NO_PARTS, queries: n, count: rows },
    groups: [Math.ceil(out.width / workgroup), rowsInY, rows === 0 ? 0 : Math.ceil(rows / rowsInY)],
    rounds: loop(unitsOf(command), common.HAS_DECAY ? DECAY_ROUNDS : 0),
  });
}

/** Parameters of kernels that take all keys. */
const NO_PARTS = { firstMemory: 0, endMemory: 0, firstColumn: 0, endColumn: 0, resumes: 0 };

/** Values weighted by probabilities. */
function attentionValues(gpu: Operations, command: CommandOf<GpuTensor, "attentionValues">): void {
  const { probabilities, v, memoryValues, out } = command;
  const [b = 0, , n = 0] = probabilities.shape;
  const plain = { ...command, memoryKeys: memoryValues, slopes: undefined, decay: undefined };
  const common = commonConstants(plain, v, !gpu.profile.software);
  const { constants, groups } = elementwise(gpu, out.size / (common.VECTORS ? 4 : 1), [1]);
  const params = commonParams(plain, v);
  const parts = partsOfKeys(gpu, params, { columns: { inner: 0 }, memory: { inner: 0 }, besides: 0 });
  for (const [i, { rounds, ...part }] of [...parts].entries()) {
    gpu.dispatch({
      kernel: "attention_values",
      constants: { ...common, WORKGROUP: constants.WORKGROUP },
      bindings: { ...commonBindings(plain, v), probabilities: whole(probabilities), v: whole(v), out: whole(out) },
      params: { ...params, ...part, queries: n, count: b, resumes: i > 0 ? 1 : 0 },
      groups,
      rounds,
    });
  }
}

/** Keys or values written into a cache. */
function appendCache(gpu: Operations, command: CommandOf<GpuTensor, "appendCache">): void {
  appendTogether(gpu, [command]);
}

/**
 * Keys written into a cache, and values of as many heads into another one of the same kind.
 *
 * @param rotary What rotates the keys before; its result is written too.
 */
export function appendTogether(
  gpu: Operations,
  [{ cache, x, positions, lengths }, values]: readonly [
    keys: CommandOf<GpuTensor, "appendCache">,
    values?: CommandOf<GpuTensor, "appendCache">,
  ],
  rotary?: CommandOf<GpuTensor, "rotary">,
): void {
  const [, kvHeads = 0, capacity = 0, dim = 0] = cache.shape;
  const isQuantized = cache.dtype === "q8_0";
  const lanes = dim % 4 === 0 ? 4 : 1;
  // An invocation takes a value or a vector, or as many blocks as share a word of scales.
  const units = isQuantized ? dim / FORMATS.q8_0.blockSize : dim / lanes;
  const size = (x.size / dim) * (isQuantized ? Math.ceil(units / 2) : units);
  const caches = values ? 2 : 1;
  const { constants: { WORKGROUP }, groups } = elementwise(gpu, caches * size, [1]);
  gpu.dispatch({
    kernel: isQuantized ? "append_cache_q8" : "append_cache",
    constants: {
      WORKGROUP,
      VALUE: lanes === 4 ? "vec4<f32>" : "f32",
      LANES: lanes,
      ...storedConstants(cache, lanes === 4),
      HAS_LENGTHS: lengths !== undefined,
      CACHES: caches,
      ROTARY: rotary !== undefined,
      ADJACENT: rotary?.pairs === "adjacent",
    },
    bindings: {
      cache: whole(cache),
      x: whole(rotary?.x ?? x),
      positions: whole(positions),
      lengths: lengths && whole(lengths),
      angles: rotary && whole(rotary.table),
      rotatedOut: rotary && whole(rotary.out),
      values: values && whole(values.x),
      valueCache: values && whole(values.cache),
    },
    params: {
      size,
      rows: x.shape[1] ?? 0,
      kvHeads,
      capacity,
      units,
      ...rowParams(positions, cache),
      ...(rotary && rotationParams(rotary)),
    },
    groups,
    rounds: isQuantized ? 2 * 2 * loop(8) : 0,
  });
}

/** The first slots of a row of a cache copied to another row. */
function copyCache(gpu: Operations, { cache, from, to, count }: CommandOf<GpuTensor, "copyCache">): void {
  const [, kvHeads = 0, capacity = 0] = cache.shape;
  const words = cache.storage.stride / 4;
  const { constants, groups, lanes } = elementwise(gpu, kvHeads * count * words, [words]);
  const [run, stride] = [count * words / lanes, capacity * words / lanes];
  gpu.dispatch({
    kernel: "copy_cache",
    constants: { ...constants, VALUE: lanes === 4 ? "vec4<u32>" : "u32" },
    bindings: { cache: whole(cache) },
    params: { size: kvHeads * run, run, stride, fromOffset: from * kvHeads * stride, toOffset: to * kvHeads * stride },
    groups,
    rounds: 0,
  });
}

/** Units of a head: what one load fetches is four features, or one where the width of a head is no multiple of four. */
function unitsOf({ dim }: AttentionCommand<GpuTensor>): number {
  return dim % 4 === 0 ? dim / 4 : dim;
}

/**
 * @param isFixed Whether kernels are compiled for one width of a head: loops over it can be unrolled then, and what
 * they go over kept in registers. Compilers of software adapters take seconds for that.
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
    ...rowParams(positions, k),
  };
}

/** How positions name the sequences' rows of a cache, if they do. */
function rowParams(positions: GpuTensor | undefined, cache: GpuTensor) {
  return { positionNumbers: positions ? positions.shape[1] ?? 1 : 0, cacheRows: cache.shape[0] ?? 0 };
}

/** Rotary positions. */
function rotary(gpu: Operations, command: CommandOf<GpuTensor, "rotary">): void {
  const { x, table, pairs, out } = command;
  const { constants, groups } = elementwise(gpu, x.size, [1]);
  gpu.dispatch({
    kernel: "rotary",
    constants: { ...constants, ADJACENT: pairs === "adjacent" },
    bindings: { x: whole(x), angles: whole(table), out: whole(out) },
    params: { size: x.size, ...rotationParams(command) },
    groups,
    rounds: 0,
  });
}

function rotationParams({ x, table, heads }: CommandOf<GpuTensor, "rotary">) {
  return { width: x.width, headWidth: x.width / heads, rotated: table.width, tableRows: table.rows };
}

/** Attention, its caches and rotary positions. */
export const attentionOperations = {
  appendCache,
  attention,
  attentionScores,
  attentionValues,
  copyCache,
  rotary,
} satisfies Partial<Dispatches>;
