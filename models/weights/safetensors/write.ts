/**
 * Writing safetensors: into memory, or of any size to a stream, a file or a folder of shards.
 *
 * Values are written in the order in which the entries come, wider formats first, so that each lies at a multiple of
 * its own size. What was read and is written again is the same to the bit.
 *
 * @module
 */

import { sizeOf } from "../../../common/shape.ts";
import type { Progress } from "../../../data/files/byte_source.ts";
import { fileSource, joinPath, kindOfPath, namesIn, splitPath } from "../../../data/files/local_files.ts";
import { pathOfTarget, updateFolder, writeFile } from "../../../data/files/save_target.ts";
import { ConfigError, ShapeError, WeightsError } from "../../../errors.ts";
import type { HostTensor } from "../host_tensor.ts";
import { bytesPerValue, type FloatFormat, fromFloat32 } from "./dtypes.ts";
import { encodeHeader, quote } from "./header.ts";
import { INDEX_FILE, readIndex, WEIGHTS_FILE } from "./read.ts";

/** What the name of a file of weights ends in. */
export const WEIGHTS_ENDING = ".safetensors";

/** Bytes in a piece. */
const PIECE_BYTES = 1 << 22;

/**
 * A tensor whose values are fetched while it is written.
 *
 * @category Weights
 */
export interface StreamedTensor {
  /** The format to write: f32, or rounded to nearest. */
  readonly dtype: FloatFormat;
  /** Sizes of the dimensions. */
  readonly shape: readonly number[];
  /**
   * Gives the values, row-major, in pieces of any length: f32 to be converted, or bytes as the format stores them;
   * asked for once.
   */
  values(): AsyncIterable<Float32Array | Uint8Array> | Iterable<Float32Array | Uint8Array>;
}

/**
 * A tensor to write.
 *
 * @category Weights
 */
export type WritableTensor = HostTensor | StreamedTensor;

/**
 * Options of `writeSafetensors`.
 *
 * @category Weights
 */
export interface WriteOptions {
  /** Texts to store with the tensors. Default { format: "pt" }, which PyTorch's loaders ask for. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
}

/**
 * Options of `saveSafetensors`.
 *
 * @category Weights
 */
export interface SaveOptions extends WriteOptions {
  /** Largest size of a file in bytes, for folders; weights beyond it are cut into shards. Default: no limit. */
  readonly shardBytes?: number | undefined;
  /** Aborts writing. */
  readonly signal?: AbortSignal | undefined;
  /** Called after every piece that was written. */
  readonly onProgress?: ((progress: Progress) => void) | undefined;
}

/** A tensor and the name it is written under. */
type Entry = readonly [name: string, tensor: WritableTensor];

/**
 * The bytes of a safetensors file.
 *
 * @throws {WeightsError} If two entries have the same name, or one has a name that the format keeps for itself.
 *
 * @example
 * ```ts
 * import { HostTensor, readSafetensors, writeSafetensors } from "../../../mod.ts";
 *
 * const weight = HostTensor.from(Float32Array.of(1, 2, 3, 4), [2, 2], "BF16");
 * const bytes = writeSafetensors([["weight", weight]]);
 * const read = await readSafetensors(bytes);
 * console.log(read.get("weight")?.values()); // Float32Array(4) [ 1, 2, 3, 4 ]
 * ```
 *
 * @category Weights
 */
export function writeSafetensors(
  entries: Iterable<readonly [string, HostTensor]>,
  { metadata }: WriteOptions = {},
): Uint8Array<ArrayBuffer> {
  const tensors = inFileOrder(entries);
  const header = headerOf(tensors, metadata);
  const file = new Uint8Array(header.byteLength + tensors.reduce((sum, [, { bytes }]) => sum + bytes.byteLength, 0));
  file.set(header);
  let end = header.byteLength;
  for (const [, { bytes }] of tensors) {
    file.set(bytes, end);
    end += bytes.byteLength;
  }
  return file;
}

/**
 * Writes a checkpoint piece by piece. A file or folder holds what it held until everything is written, and then all of
 * the new, also where this process is killed or others save to the same place at the same time.
 *
 * @param target A stream, which is closed, or aborted on failure; the path or `file:` URL of a file that ends in
 * ".safetensors"; or a folder, which gets `model.safetensors`, or shards and their index, in place of what it had.
 * @throws {WeightsError} If a name is not possible or a file can't be written.
 * @throws {ShapeError} If a tensor gives more or fewer values than its shape says.
 * @throws {ConfigError} If the target is none, or the options don't fit it.
 *
 * @example
 * ```ts
 * import { HostTensor, readSafetensors, saveSafetensors } from "../../../mod.ts";
 *
 * const folder = await Deno.makeTempDir();
 * const weight = HostTensor.from(Float32Array.of(1, 2, 3, 4), [2, 2]);
 * await saveSafetensors(folder, [["weight", weight]]); // folder/model.safetensors
 * console.log([...(await readSafetensors(folder)).keys()]); // [ "weight" ]
 * await Deno.remove(folder, { recursive: true });
 * ```
 *
 * @category Weights
 */
export async function saveSafetensors(
  target: string | URL | WritableStream<Uint8Array>,
  entries: Iterable<readonly [string, WritableTensor]>,
  options: SaveOptions = {},
): Promise<void> {
  if (target instanceof WritableStream) return await saveToStream(target, entries, options);
  const path = pathOfTarget(target);
  if (!path.endsWith(WEIGHTS_ENDING)) return await saveToFolder(path, entries, options);
  if (options.shardBytes !== undefined) {
    throw new ConfigError(
      `Cannot cut ${path} into shards: it is one file, and shards are for folders; leave shardBytes out`,
    );
  }
  const tensors = inFileOrder(entries);
  const { folder, file } = splitPath(path);
  await updateFolder(folder, async (update) => {
    await writeFile(update, file, filePieces(path, tensors, options));
    options.signal?.throwIfAborted();
    await update.commit(() => Promise.resolve([]));
  });
}

/** Writes all of a stream. */
export async function saveToStream(
  stream: WritableStream<Uint8Array>,
  entries: Iterable<readonly [string, WritableTensor]>,
  options: SaveOptions,
): Promise<void> {
  if (options.shardBytes !== undefined) {
    throw new ConfigError(
      "Cannot cut a stream into shards: it takes one file, and shards are for folders; leave shardBytes out",
    );
  }
  const tensors = inFileOrder(entries);
  const writer = stream.getWriter();
  try {
    for await (const piece of filePieces("the stream", tensors, options)) {
      await writer.ready;
      // The stream may keep or transfer what it gets.
      await writer.write(piece.slice());
    }
    await writer.close();
  } catch (error) {
    // A stream that failed by itself can't be aborted any more.
    await writer.abort(error).catch(() => {});
    throw error;
  } finally {
    writer.releaseLock();
  }
}

/**
 * Writes a folder's weights, in one file or in shards, and files beside them.
 *
 * @param others Texts by the names of their files.
 */
export async function saveToFolder(
  folder: string,
  entries: Iterable<readonly [string, WritableTensor]>,
  options: SaveOptions,
  others: ReadonlyMap<string, string> = new Map(),
): Promise<void> {
  const shards = cutIntoShards(inFileOrder(entries), options.shardBytes ?? Infinity);
  const names = shards.map((_, i) => shards.length === 1 ? WEIGHTS_FILE : shardName(i + 1, shards.length));
  const texts = new Map(others);
  if (shards.length > 1) texts.set(INDEX_FILE, indexOf(shards, names));
  const kept = new Set([...names, ...texts.keys()]);
  if (await kindOfPath(folder).catch(() => "nothing") === "file") {
    throw new WeightsError(
      `Cannot save to ${folder}: it is a file; give a folder, or a name that ends in "${WEIGHTS_ENDING}"`,
    );
  }
  await updateFolder(folder, async (update) => {
    const sizes = shards.map((shard) => headerOf(shard, options.metadata).byteLength + dataBytes(shard));
    const total = sizes.reduce((sum, size) => sum + size, 0);
    let before = 0;
    for (const [i, shard] of shards.entries()) {
      const name = names[i] ?? WEIGHTS_FILE;
      await writeFile(update, name, filePieces(name, shard, options, before, total));
      before += sizes[i] ?? 0;
    }
    for (const [name, text] of texts) await writeFile(update, name, [new TextEncoder().encode(text)]);
    options.signal?.throwIfAborted();
    await update.commit(async () => (await checkpointFiles(folder)).filter((name) => !kept.has(name)));
  });
}

/** The names that files of a checkpoint in a folder have: those of the weights and their index, and all shards. */
async function checkpointFiles(folder: string): Promise<string[]> {
  const index = await fileSource(joinPath(folder, INDEX_FILE));
  // An index that can't be understood names no files.
  const listed = index === undefined ? [] : await readIndex(index).then(({ shardOf }) => shardOf.values(), () => []);
  const shards = (await namesIn(folder)).filter((name) => /^model-\d{5}-of-\d{5}\.safetensors$/.test(name));
  return [...new Set([WEIGHTS_FILE, INDEX_FILE, ...listed, ...shards])];
}

/** Fills one shard after the other; a tensor that is larger than a shard has one for itself. */
function cutIntoShards(tensors: readonly Entry[], shardBytes: number): Entry[][] {
  if (typeof shardBytes !== "number" || !(shardBytes > 0)) {
    throw new ConfigError(
      `Cannot cut weights into shards: shardBytes must be a number above 0, ${quote(shardBytes)} was given; give one`,
    );
  }
  let shard: Entry[] = [];
  const shards = [shard];
  let size = 0;
  for (const entry of tensors) {
    const bytes = byteLengthOf(entry[1]);
    if (shard.length > 0 && size + bytes > shardBytes) {
      shard = [];
      shards.push(shard);
      size = 0;
    }
    shard.push(entry);
    size += bytes;
  }
  return shards;
}

function shardName(number: number, count: number): string {
  const digits = (n: number) => String(n).padStart(5, "0");
  return `model-${digits(number)}-of-${digits(count)}.safetensors`;
}

function indexOf(shards: readonly (readonly Entry[])[], names: readonly string[]): string {
  const all = shards.flat();
  const places = shards.flatMap((shard, i) => shard.map(([name]) => [name, names[i]]));
  const index = {
    metadata: { total_size: dataBytes(all) },
    weight_map: Object.fromEntries(places),
  };
  return JSON.stringify(index, undefined, 2);
}

/** A file in pieces; the files before it had `before` of the `totalBytes` of all. */
async function* filePieces(
  file: string,
  tensors: readonly Entry[],
  { metadata, signal, onProgress }: SaveOptions,
  before = 0,
  totalBytes?: number,
): AsyncGenerator<Uint8Array> {
  const header = headerOf(tensors, metadata);
  const total = header.byteLength + dataBytes(tensors);
  let loaded = header.byteLength;
  signal?.throwIfAborted();
  yield header;
  for (const [name, tensor] of tensors) {
    for await (const piece of "bytes" in tensor ? storedPieces(tensor) : convertedPieces(name, tensor)) {
      signal?.throwIfAborted();
      yield piece;
      loaded += piece.byteLength;
      const whole = { loaded: before + loaded, total: totalBytes ?? total };
      onProgress?.({ stage: "write", file, loaded, total, whole });
    }
  }
}

function* storedPieces({ bytes }: HostTensor): Generator<Uint8Array> {
  for (let start = 0; start < bytes.byteLength; start += PIECE_BYTES) yield bytes.subarray(start, start + PIECE_BYTES);
}

async function* convertedPieces(name: string, tensor: StreamedTensor): AsyncGenerator<Uint8Array> {
  const size = sizeOf(tensor.shape);
  const refuse = (given: string) => {
    throw new ShapeError(
      `Cannot write ${quote(name)} of shape [${
        tensor.shape.join(", ")
      }]: it has ${size} values, ${given} were given; ` +
        "give as many as the shape says",
    );
  };
  let count = 0;
  for await (const values of tensor.values()) {
    const isStored = values instanceof Uint8Array;
    count += isStored ? values.length / bytesPerValue(tensor.dtype) : values.length;
    if (count > size) refuse(`${count} or more`);
    yield isStored ? values : fromFloat32(tensor.dtype, values);
  }
  if (count < size) refuse(String(count));
}

/** The entries in the order in which their values are written. */
function inFileOrder<T extends WritableTensor>(entries: Iterable<readonly [string, T]>): (readonly [string, T])[] {
  const tensors = [...entries].sort(([, a], [, b]) => bytesPerValue(b.dtype) - bytesPerValue(a.dtype));
  const names = new Set<string>();
  for (const [name] of tensors) {
    const refuse = (rule: string) =>
      new WeightsError(`Cannot write a tensor called ${quote(name)}: ${rule}; give it another name`);
    if (name === "__metadata__") throw refuse("that name is kept for texts");
    // Half of a pair of surrogates has no UTF-8.
    if (/\p{Cs}/u.test(name)) {
      throw refuse("it is no Unicode text");
    }
    if (names.has(name)) throw refuse("there are two of that name");
    names.add(name);
  }
  return tensors;
}

function headerOf(
  tensors: readonly Entry[],
  metadata: Readonly<Record<string, string>> = { format: "pt" },
): Uint8Array<ArrayBuffer> {
  return encodeHeader(tensors.map(([name, { dtype, shape }]) => ({ name, dtype, shape })), metadata);
}

/** Bytes of the values of a file. */
function dataBytes(tensors: readonly Entry[]): number {
  return tensors.reduce((sum, [, tensor]) => sum + byteLengthOf(tensor), 0);
}

function byteLengthOf({ dtype, shape }: WritableTensor): number {
  return sizeOf(shape) * bytesPerValue(dtype);
}
