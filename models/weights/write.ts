/**
 * Writing safetensors: into memory, or of any size to a stream, a file or a folder of shards.
 *
 * Values are written in the order in which the entries come, wider formats first, so that each lies at a multiple of its
 * own size. What was read and is written again is the same to the bit.
 *
 * @module
 */

import { ConfigError, ShapeError, WeightsError } from "../../backend.ts";
import type { Progress } from "../../data/byte_source.ts";
import {
  beginFile,
  fileSource,
  joinPath,
  kindOfPath,
  pathOfUrl,
  type PendingFile,
  removeFile,
} from "../../data/local_files.ts";
import { bytesPerValue, type FloatFormat, fromFloat32 } from "./dtypes.ts";
import { encodeHeader, quote } from "./header.ts";
import { type HostTensor, sizeOf } from "./host_tensor.ts";
import { INDEX_FILE, readIndex, WEIGHTS_FILE } from "./read.ts";

/** Bytes in a piece. */
const PIECE_BYTES = 1 << 22;

/** A tensor whose values are fetched while it is written. */
export interface StreamedTensor {
  /** The format to write: f32, or rounded to nearest. */
  readonly dtype: FloatFormat;
  /** Sizes of the dimensions. */
  readonly shape: readonly number[];
  /** Gives the values, row-major, in pieces of any length; asked for once. */
  values(): AsyncIterable<Float32Array> | Iterable<Float32Array>;
}

/** A tensor to write. */
export type WritableTensor = HostTensor | StreamedTensor;

/** Options of `writeSafetensors`. */
export interface WriteOptions {
  /** Texts to store with the tensors. Default { format: "pt" }, which PyTorch's loaders ask for. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
}

/** Options of `saveSafetensors`. */
export interface SaveOptions extends WriteOptions {
  /** Largest size of a file in bytes, for folders; weights beyond it are cut into shards. Default: no limit. */
  readonly shardBytes?: number | undefined;
  /** Aborts writing. */
  readonly signal?: AbortSignal | undefined;
  /** Hears of every piece that was written. */
  readonly onProgress?: ((progress: Progress) => void) | undefined;
}

/** A tensor and the name it is written under. */
type Entry = readonly [name: string, tensor: WritableTensor];

/**
 * The bytes of a safetensors file.
 *
 * @throws {WeightsError} If two entries have the same name, or one has a name that the format keeps for itself.
 */
export function writeSafetensors(
  entries: Iterable<readonly [string, HostTensor]>,
  { metadata = { format: "pt" } }: WriteOptions = {},
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
 * Writes a checkpoint piece by piece. Files are written beside their target and take its place when they are complete.
 *
 * @param target A stream, which is closed, or aborted on failure; the path or `file:` URL of a file that ends in
 * ".safetensors"; or a folder, which gets `model.safetensors`, or shards and their index, in place of what it had.
 * @throws {WeightsError} If a name is not possible or a file can't be written.
 * @throws {ShapeError} If a tensor gives more or fewer values than its shape says.
 * @throws {ConfigError} If the options don't fit the target.
 */
export async function saveSafetensors(
  target: string | URL | WritableStream<Uint8Array>,
  entries: Iterable<readonly [string, WritableTensor]>,
  options: SaveOptions = {},
): Promise<void> {
  const tensors = inFileOrder(entries);
  if (target instanceof WritableStream) {
    if (options.shardBytes !== undefined) throw new ConfigError("shardBytes is for folders: a stream takes one file");
    return await writeStream(target, tensors, options);
  }
  const path = target instanceof URL ? await pathOfUrl(target) : target;
  if (!path.endsWith(".safetensors")) return await writeFolder(path, tensors, options);
  if (options.shardBytes !== undefined) {
    throw new ConfigError(`shardBytes is for folders: ${path} is one file`);
  }
  const file = await beginFile(path);
  try {
    await writeFile(file, path, tensors, options);
    await file.commit();
  } finally {
    await file.discard();
  }
}

async function writeStream(
  stream: WritableStream<Uint8Array>,
  tensors: readonly Entry[],
  options: SaveOptions,
): Promise<void> {
  const writer = stream.getWriter();
  try {
    for await (const piece of filePieces("The stream", tensors, options)) {
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

async function writeFile(
  file: PendingFile,
  name: string,
  tensors: readonly Entry[],
  options: SaveOptions,
): Promise<void> {
  for await (const piece of filePieces(name, tensors, options)) await file.write(piece);
  await file.finish();
}

async function writeFolder(folder: string, tensors: readonly Entry[], options: SaveOptions): Promise<void> {
  if (await kindOfPath(folder) === "file") {
    throw new WeightsError(`${folder} is a file: give a folder, or a name that ends in ".safetensors"`);
  }
  const shards = cutIntoShards(tensors, options.shardBytes ?? Infinity);
  const names = shards.map((_, i) => shards.length === 1 ? WEIGHTS_FILE : shardName(i + 1, shards.length));
  const before = await filesBefore(folder);
  const files: PendingFile[] = [];
  const begin = async (name: string) => {
    const file = await beginFile(await joinPath(folder, name));
    files.push(file);
    return file;
  };
  try {
    for (const [i, shard] of shards.entries()) {
      const name = names[i] ?? WEIGHTS_FILE;
      await writeFile(await begin(name), name, shard, options);
    }
    if (shards.length > 1) {
      const index = await begin(INDEX_FILE);
      await index.write(indexOf(shards, names));
      await index.finish();
      // Never an index beside shards of another checkpoint.
      await removeFile(await joinPath(folder, INDEX_FILE));
    }
    for (const file of files) await file.commit();
    const kept = new Set(shards.length > 1 ? [...names, INDEX_FILE] : names);
    // model.safetensors goes before an index, so it must not stay beside the new one, nor useless shards beside it.
    for (const old of before) if (!kept.has(old)) await removeFile(await joinPath(folder, old));
  } finally {
    for (const file of files) await file.discard();
  }
}

/** The files of the checkpoint that a folder holds already. */
async function filesBefore(folder: string): Promise<string[]> {
  const index = await fileSource(await joinPath(folder, INDEX_FILE));
  if (index === undefined) return [WEIGHTS_FILE];
  // An index that can't be understood names no files to remove.
  const shards = await readIndex(index).then((map) => [...new Set(map.values())], () => []);
  return [WEIGHTS_FILE, INDEX_FILE, ...shards];
}

/** Fills one shard after the other; a tensor that is larger than a shard has one for itself. */
function cutIntoShards(tensors: readonly Entry[], shardBytes: number): Entry[][] {
  if (!(shardBytes > 0)) throw new ConfigError(`shardBytes must be above 0: ${shardBytes} was given`);
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

function indexOf(shards: readonly (readonly Entry[])[], names: readonly string[]): Uint8Array {
  const all = shards.flat();
  const places = shards.flatMap((shard, i) => shard.map(([name]) => [name, names[i]]));
  const index = {
    metadata: { total_size: all.reduce((sum, [, tensor]) => sum + byteLengthOf(tensor), 0) },
    weight_map: Object.fromEntries(places),
  };
  return new TextEncoder().encode(JSON.stringify(index, undefined, 2));
}

/** A file in pieces. */
async function* filePieces(
  file: string,
  tensors: readonly Entry[],
  { metadata = { format: "pt" }, signal, onProgress }: SaveOptions,
): AsyncGenerator<Uint8Array> {
  const header = headerOf(tensors, metadata);
  const total = tensors.reduce((sum, [, tensor]) => sum + byteLengthOf(tensor), header.byteLength);
  let loaded = header.byteLength;
  signal?.throwIfAborted();
  yield header;
  for (const [name, tensor] of tensors) {
    for await (const piece of "bytes" in tensor ? storedPieces(tensor) : convertedPieces(name, tensor)) {
      signal?.throwIfAborted();
      yield piece;
      loaded += piece.byteLength;
      onProgress?.({ stage: "write", file, loaded, total });
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
      `${quote(name)} of shape [${tensor.shape.join(", ")}] has ${size} values: ${given} were given`,
    );
  };
  let count = 0;
  for await (const values of tensor.values()) {
    count += values.length;
    if (count > size) refuse(`${count} or more`);
    yield fromFloat32(tensor.dtype, values);
  }
  if (count < size) refuse(String(count));
}

/** The entries in the order in which their values are written. */
function inFileOrder<T extends WritableTensor>(entries: Iterable<readonly [string, T]>): (readonly [string, T])[] {
  const tensors = [...entries].sort(([, a], [, b]) => bytesPerValue(b.dtype) - bytesPerValue(a.dtype));
  const names = new Set<string>();
  for (const [name] of tensors) {
    if (name === "__metadata__") throw new WeightsError(`A tensor can't be called "__metadata__"`);
    if (names.has(name)) throw new WeightsError(`There are two tensors called ${quote(name)}`);
    names.add(name);
  }
  return tensors;
}

function headerOf(tensors: readonly Entry[], metadata: Readonly<Record<string, string>>): Uint8Array<ArrayBuffer> {
  return encodeHeader(tensors.map(([name, { dtype, shape }]) => ({ name, dtype, shape })), metadata);
}

function byteLengthOf({ dtype, shape }: WritableTensor): number {
  return sizeOf(shape) * bytesPerValue(dtype);
}
