/**
 * Reading safetensors: a whole file into memory, or a checkpoint of any size chunk by chunk.
 *
 * @module
 */

import { isRecord } from "../../../common/record.ts";
import {
  blobSource,
  type ByteReader,
  type ByteSource,
  bytesSource,
  streamSource,
} from "../../../data/files/byte_source.ts";
import { type FileSet, openTogether } from "../../../data/files/files.ts";
import { showUrl } from "../../../data/http/show_url.ts";
import type { HubOptions } from "../../../data/hub/hub_options.ts";
import { WeightsError } from "../../../errors.ts";
import type { HostTensor } from "../host_tensor.ts";
import { readJsonFile } from "../json_file.ts";
import { FROM_PYTORCH } from "../other_formats.ts";
import type { WeightsReader } from "../reader.ts";
import { quote, readHeader, type SafetensorsHeader, type TensorInfo } from "./header.ts";
import { chunkReader, type Fill, readStored } from "./values.ts";

/** What a checkpoint's weights are called, and the index of one that is cut into shards. */
export const WEIGHTS_FILE = "model.safetensors";

/** The index that names the shards. */
export const INDEX_FILE = "model.safetensors.index.json";

/** Files that are kept open from their headers to their values: macOS allows 256. Others are looked for once more. */
const MAX_OPEN = 100;

/**
 * Weights: the path or URL of a safetensors file, of an index (`.index.json`) or of a folder with either; "org/name" on
 * the Hugging Face Hub; or the bytes of one file in any form.
 *
 * @category Weights
 */
export type SafetensorsSource = string | URL | Uint8Array | ArrayBuffer | Blob | Response | ReadableStream<Uint8Array>;

/** A checkpoint whose header has been read and checked. */
export interface SafetensorsReader extends WeightsReader {
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  /** The tensors as they are stored, each in memory of its own or, where the source is memory, a view of it. */
  stored(): AsyncGenerator<readonly [string, HostTensor]>;
}

/** A file whose header has been read. */
interface OpenFile {
  readonly source: ByteSource;
  readonly header: SafetensorsHeader;
  /** Where reading goes on, if what is opened once more could be something else; taken by whoever goes on. */
  reader: ByteReader | undefined;
}

/**
 * Reads all tensors of a checkpoint into memory, each in the format that it is stored in. Bytes that are in memory
 * already are not copied.
 *
 * @throws {WeightsError} If it can't be read or is not valid.
 *
 * @example
 * ```ts
 * import { readSafetensors } from "../../../mod.ts";
 *
 * const tensors = await readSafetensors("examples/shakespeare");
 * const table = tensors.get("token_emb.emb.weight");
 * console.log(table?.dtype, table?.shape); // Q8_0 [ 1024, 256 ]
 * ```
 *
 * @category Weights
 */
export async function readSafetensors(
  source: SafetensorsSource,
  options: HubOptions = {},
): Promise<Map<string, HostTensor>> {
  const reader = await openSafetensors(source, options);
  const tensors = new Map<string, HostTensor>();
  for await (const [name, tensor] of reader.stored()) tensors.set(name, tensor);
  return tensors;
}

/**
 * Opens a checkpoint and reads what it says it holds, but no value yet.
 *
 * @throws {WeightsError} If it can't be read or its header is not valid.
 */
export async function openSafetensors(source: SafetensorsSource, options: HubOptions = {}): Promise<SafetensorsReader> {
  options.signal?.throwIfAborted();
  if (typeof source !== "string" && !(source instanceof URL)) return await openFiles([sourceOf(source)], options);
  const located = { ...options, errorClass: WeightsError };
  return await openTogether(source, located, (files) => openWeights(files, options), (reader) => reader.close());
}

/**
 * Opens the weights among files that belong together: the file that their location names, else `model.safetensors`,
 * else what `model.safetensors.index.json` lists.
 *
 * @throws {WeightsError} If there are none, or they are not valid.
 */
export async function openWeights(files: FileSet, options: HubOptions = {}): Promise<SafetensorsReader> {
  const candidates = files.file === undefined || files.file === "config.json"
    ? [WEIGHTS_FILE, INDEX_FILE]
    : [files.file];
  for (const candidate of candidates) {
    const isIndex = candidate.endsWith(".json");
    // One file is the last; an index says what comes after it.
    files.expect(isIndex ? undefined : 0);
    const source = await files.open(candidate);
    if (source === undefined) continue;
    if (!isIndex) return await openFiles([source], options);
    return await openShards(files, source, options);
  }
  throw new WeightsError(
    `Cannot open weights: there is no ${candidates.join(" or ")} ${files.file === undefined ? "in" : "at"} ` +
      files.description +
      (candidates.includes(WEIGHTS_FILE) ? await otherWeights(files) : "; check the name"),
  );
}

/** Weights of other kinds by the names of their files, and what to do with them. */
const OTHER_WEIGHTS: ReadonlyMap<string, string> = new Map([
  ["pytorch_model.bin", FROM_PYTORCH],
  ["pytorch_model.bin.index.json", FROM_PYTORCH],
  ["adapter_model.safetensors", "merge this adapter into its model first"],
]);

/** What there is in place of weights, for a message. */
async function otherWeights(files: FileSet): Promise<string> {
  for (const [name, advice] of OTHER_WEIGHTS) {
    const source = await files.open(name).catch(() => undefined);
    if (source === undefined) continue;
    await source.close();
    return `, but there is ${name}; ${advice}`;
  }
  return "; give the folder, file or repository that holds them";
}

/** The source of bytes that a value stands for. */
function sourceOf(source: Exclude<SafetensorsSource, string | URL>): ByteSource {
  if (source instanceof Uint8Array) return bytesSource(source);
  if (source instanceof ArrayBuffer) return bytesSource(new Uint8Array(source));
  if (source instanceof Blob) return blobSource(source);
  if (source instanceof ReadableStream) return streamSource(source);
  if (!(source instanceof Response)) {
    throw new WeightsError(
      `Cannot read weights from ${quote(source)}: it is no place and no bytes; give a path, URL, Uint8Array, Blob, ` +
        "Response or stream",
    );
  }
  const name = source.url === "" ? "the Response" : showUrl(source.url);
  if (!source.ok || source.body === null) {
    const status = `${source.status} ${source.statusText}`.trimEnd();
    throw new WeightsError(`Cannot read weights from ${name}: its status is ${status}; check its address`);
  }
  if (source.bodyUsed) {
    throw new WeightsError(`Cannot read weights from ${name}: it has been read already; pass one that nobody has used`);
  }
  return streamSource(source.body, name);
}

async function openShards(files: FileSet, index: ByteSource, options: HubOptions): Promise<SafetensorsReader> {
  const { shardOf, totalBytes } = await readIndex(index, options.signal).catch(async (error) => {
    // A copy in a cache that is no index is fetched again the next time.
    if (error instanceof WeightsError) await index.discard?.();
    throw error;
  });
  files.expect(totalBytes);
  const sources: ByteSource[] = [];
  try {
    for (const shard of new Set(shardOf.values())) {
      const source = await files.open(shard);
      if (source === undefined) {
        throw new WeightsError(
          `Cannot open the weights of ${index.name}: it names ${shard}, which is not in ` +
            `${files.description}; fetch all shards`,
        );
      }
      sources.push(source);
    }
  } catch (error) {
    for (const source of sources) await source.close();
    throw error;
  }
  const reader = await openFiles(sources, options, index.name);
  const absent = [...shardOf.keys()].filter((name) => !reader.tensors.has(name));
  if (absent.length > 0) {
    await reader.close();
    const names = absent.slice(0, 10).map(quote).join(", ") + (absent.length > 10 ? ", ..." : "");
    throw new WeightsError(
      `Cannot open the weights of ${index.name}: its files don't hold tensors that it lists ` +
        `(${absent.length}): ${names}; fetch index and shards of one save`,
    );
  }
  return reader;
}

/** The contents of an index of shards. */
export interface ShardIndex {
  /** The file that holds each tensor. */
  readonly shardOf: ReadonlyMap<string, string>;
  /** Bytes of all values, where it says so; a claim. */
  readonly totalBytes: number | undefined;
}

/**
 * Reads an index of shards.
 *
 * @throws {WeightsError} If the index is not valid.
 */
export async function readIndex(index: ByteSource, signal?: AbortSignal): Promise<ShardIndex> {
  const invalid = (fault: string) =>
    new WeightsError(`Cannot read ${index.name} as an index of safetensors files: ${fault}; fetch it again`);
  const { weight_map: weightMap, metadata } = await readJsonFile(index, signal);
  if (!isRecord(weightMap)) throw invalid("it has no object `weight_map`");
  const shardOf = new Map<string, string>();
  for (const [tensor, file] of Object.entries(weightMap)) {
    if (typeof file !== "string" || !isShardName(file)) {
      throw invalid(`it puts ${quote(tensor)} into ${quote(file)}, which is not the name of a file beside it`);
    }
    shardOf.set(tensor, file);
  }
  const total = isRecord(metadata) ? metadata["total_size"] : undefined;
  return { shardOf, totalBytes: typeof total === "number" && total > 0 ? total : undefined };
}

/** Whether a name means a file beside the index, in a folder as well as in a URL. */
function isShardName(name: string): boolean {
  return /^[^/\\:?#%]+\.safetensors$/.test(name) && !/\p{Cc}/u.test(name);
}

async function openFiles(
  sources: readonly ByteSource[],
  options: HubOptions,
  name: string = sources[0]?.name ?? "the checkpoint",
): Promise<SafetensorsReader> {
  const files: OpenFile[] = [];
  const tensors = new Map<string, TensorInfo>();
  let metadata: Readonly<Record<string, string>> = {};
  try {
    for (const source of sources) {
      // The first file is read on from its header at once, so that a server is asked for it once.
      const isKept = files.length === 0 || source.once || source.identity !== undefined && files.length < MAX_OPEN;
      const file = await openFile(source, isKept, options.signal);
      files.push(file);
      metadata = { ...metadata, ...file.header.metadata };
      for (const tensor of file.header.tensors) {
        if (tensors.has(tensor.name)) {
          throw new WeightsError(
            `Cannot open the weights of ${name}: they hold ${
              quote(tensor.name)
            } in two files; fetch the shards of one save`,
          );
        }
        tensors.set(tensor.name, tensor);
      }
    }
  } catch (error) {
    for (const file of files) await takeReader(file)?.close();
    for (const source of sources) await source.close();
    throw error;
  }
  return {
    name,
    tensors,
    metadata,
    byteLength: files.reduce((sum, { header }) => sum + header.dataEnd - header.dataBegin, 0),
    chunks: () => readFiles(files, options, chunkReader()),
    stored: () => readFiles(files, options, readStored),
    close: async () => {
      for (const file of files) await (takeReader(file) ?? file.source).close();
    },
  };
}

async function openFile(source: ByteSource, isKept: boolean, signal: AbortSignal | undefined): Promise<OpenFile> {
  const reader = await source.open(0, signal);
  try {
    const header = await readHeader(reader, source.name, source.size);
    if (isKept) return { source, header, reader };
    await reader.close();
    return { source, header, reader: undefined };
  } catch (error) {
    await reader.close();
    if (error instanceof WeightsError) await source.discard?.();
    throw error;
  }
}

/** The reader that is kept of a file, for whoever goes on with it or closes it. */
function takeReader(file: OpenFile): ByteReader | undefined {
  const { reader } = file;
  file.reader = undefined;
  return reader;
}

/** Reads something of every tensor of every file, and sees to progress, early and late ends, and aborts. */
async function* readFiles<T>(
  files: readonly OpenFile[],
  { signal, onProgress }: HubOptions,
  read: (tensor: TensorInfo, fill: Fill, source: ByteSource) => AsyncGenerator<T>,
): AsyncGenerator<T> {
  const kept = files.map((file) => ({ ...file, reader: takeReader(file) }));
  const total = files.reduce((sum, { header }) => sum + header.dataEnd, 0);
  let before = 0;
  try {
    for (const file of kept) {
      const report = (name: string, loaded: number) =>
        onProgress?.({
          ...{ stage: "read", file: name, loaded, total: file.header.dataEnd },
          whole: { loaded: before + loaded, total },
        });
      yield* readFile(file, signal, report, read);
      before += file.header.dataEnd;
    }
  } finally {
    for (const file of kept) await takeReader(file)?.close();
  }
}

async function* readFile<T>(
  file: OpenFile,
  signal: AbortSignal | undefined,
  report: (file: string, loaded: number) => void,
  read: (tensor: TensorInfo, fill: Fill, source: ByteSource) => AsyncGenerator<T>,
): AsyncGenerator<T> {
  const { source, header } = file;
  if (source.once && file.reader === undefined) {
    throw new WeightsError(`Cannot read ${source.name} again: a stream can be read only once; open another`);
  }
  const reader = takeReader(file) ?? await source.open(header.dataBegin, signal);
  let loaded = header.dataBegin;
  const fill = async (target: Uint8Array) => {
    signal?.throwIfAborted();
    const found = await reader.read(target);
    signal?.throwIfAborted();
    loaded += found;
    if (found < target.byteLength) {
      throw new WeightsError(
        `Cannot read ${source.name}: it is cut off, and ends after ${loaded} of ${header.dataEnd} bytes; ` +
          "fetch it again",
      );
    }
    report(source.name, loaded);
  };
  try {
    for (const tensor of header.tensors) yield* read(tensor, fill, source);
    if (source.size === undefined && await reader.read(new Uint8Array(1)) > 0) {
      throw new WeightsError(
        `Cannot read ${source.name}: it goes on after the ${header.dataEnd} bytes that its header describes; ` +
          "fetch it again",
      );
    }
  } finally {
    await reader.close();
  }
}
