/**
 * The header of a safetensors file: 8 bytes of length, then JSON that says where each tensor lies.
 *
 * A header is a stranger's claim. Every number in it is checked against the format, and against the file's size where
 * that is known, before anything is allocated for it.
 * The format: https://github.com/huggingface/safetensors#format
 *
 * @module
 */

import { WeightsError } from "../../backend.ts";
import type { ByteReader } from "../../data/byte_source.ts";
import { bytesPerValue, DTYPE_NAMES, isSafetensorsDType, type SafetensorsDType } from "./dtypes.ts";
import { sizeOf } from "./host_tensor.ts";

/** The longest header that the format allows, in bytes. */
const MAX_HEADER_BYTES = 100_000_000;

/** What a header says about a tensor. */
export interface TensorInfo {
  /** Its name. */
  readonly name: string;
  /** The format of its values. */
  readonly dtype: SafetensorsDType;
  /** Sizes of its dimensions. */
  readonly shape: readonly number[];
  /** Where its values begin, in bytes from the beginning of the file. */
  readonly begin: number;
  /** Where they end. */
  readonly end: number;
}

/** A checked header. */
export interface SafetensorsHeader {
  /** The tensors in the order of their values in the file, which they fill without a gap. */
  readonly tensors: readonly TensorInfo[];
  /** The texts under `__metadata__`. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Where the first value begins: bytes from the beginning of the file. */
  readonly dataBegin: number;
  /** Where the last value, and so the file, ends. */
  readonly dataEnd: number;
}

/**
 * Reads and checks a header.
 *
 * @param reader At the beginning of the file; left at the first value.
 * @param name What messages call the file.
 * @param fileSize Size of the file in bytes, where it is known.
 * @throws {WeightsError} If the header is cut off, not valid, or does not fit the file.
 */
export async function readHeader(
  reader: ByteReader,
  name: string,
  fileSize: number | undefined,
): Promise<SafetensorsHeader> {
  const prefix = new Uint8Array(8);
  const found = await reader.read(prefix);
  if (found < 8) throw invalid(name, `it ends after ${found} bytes; the header's length alone takes 8`);
  const length = new DataView(prefix.buffer).getBigUint64(0, true);
  if (new TextDecoder().decode(prefix) === "version ") {
    throw invalid(name, "it looks like a Git LFS pointer: run `git lfs pull` to get the file itself");
  }
  if (length > MAX_HEADER_BYTES) {
    throw invalid(name, `its header claims ${length} bytes, and the format allows ${MAX_HEADER_BYTES}`);
  }
  const dataBegin = 8 + Number(length);
  if (fileSize !== undefined && dataBegin > fileSize) {
    throw invalid(name, `its header claims ${length} bytes, and the file has ${fileSize} in all: is it cut off?`);
  }
  const text = await readText(reader, Number(length), name);
  const header = parseHeader(text, dataBegin, name);
  if (fileSize !== undefined && header.dataEnd !== fileSize) {
    throw invalid(name, `its header describes ${header.dataEnd} bytes, and the file has ${fileSize}`);
  }
  return header;
}

/** Reads UTF-8 piece by piece: a claimed length costs memory only as far as there are bytes. */
async function readText(reader: ByteReader, length: number, name: string): Promise<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const piece = new Uint8Array(Math.min(length, 1 << 20));
  let text = "";
  for (let left = length; left > 0;) {
    const wanted = Math.min(left, piece.length);
    const found = await reader.read(piece.subarray(0, wanted));
    if (found < wanted) {
      throw invalid(name, `it ends inside its header, after ${8 + length - left + found} of ${8 + length} bytes`);
    }
    left -= found;
    try {
      text += decoder.decode(piece.subarray(0, found), { stream: left > 0 });
    } catch (cause) {
      throw invalid(name, "its header is not UTF-8", cause);
    }
  }
  return text;
}

function parseHeader(text: string, dataBegin: number, name: string): SafetensorsHeader {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw invalid(name, "its header is not JSON", cause);
  }
  if (!text.startsWith("{") || !isRecord(json)) throw invalid(name, "its header is not a JSON object");
  const duplicate = duplicateKey(text, json);
  if (duplicate !== undefined) throw invalid(name, `its header says ${quote(duplicate)} twice`);

  const tensors: TensorInfo[] = [];
  let metadata: Readonly<Record<string, string>> = {};
  for (const [key, value] of Object.entries(json)) {
    if (key === "__metadata__") metadata = checkMetadata(value, name);
    else tensors.push(checkTensor(key, value, dataBegin, name));
  }
  tensors.sort((a, b) => a.begin - b.begin || a.end - b.end);
  let end = dataBegin;
  for (const tensor of tensors) {
    if (tensor.begin !== end) {
      const fault = tensor.begin < end ? "overlaps the tensor before it" : "leaves a gap after the tensor before it";
      throw invalid(name, `${quote(tensor.name)} ${fault}: it begins at byte ${tensor.begin}, that one ends at ${end}`);
    }
    end = tensor.end;
  }
  return { tensors, metadata, dataBegin, dataEnd: end };
}

function checkMetadata(value: unknown, name: string): Readonly<Record<string, string>> {
  if (!isRecord(value)) throw invalid(name, "its __metadata__ is not an object");
  const metadata: Record<string, string> = {};
  for (const [key, text] of Object.entries(value)) {
    if (typeof text !== "string") throw invalid(name, `its __metadata__ holds ${quote(key)}, which is not a text`);
    metadata[key] = text;
  }
  return metadata;
}

function checkTensor(tensor: string, value: unknown, dataBegin: number, name: string): TensorInfo {
  const wrong = (fault: string) => invalid(name, `${quote(tensor)} ${fault}`);
  if (!isRecord(value)) throw wrong("is not described by an object");
  const { dtype, shape, data_offsets: offsets } = value;
  if (!isSafetensorsDType(dtype)) {
    throw wrong(`has the dtype ${quote(dtype)}; those that can be read are ${DTYPE_NAMES.join(", ")}`);
  }
  if (!isListOfSizes(shape)) throw wrong(`has the shape ${quote(shape)}, which is not a list of sizes`);
  if (!isListOfSizes(offsets) || offsets.length !== 2) {
    throw wrong(`has the data_offsets ${quote(offsets)}, which are not two offsets`);
  }
  const [begin = 0, end = 0] = offsets;
  const bytes = sizeOf(shape) * bytesPerValue(dtype);
  if (!Number.isSafeInteger(bytes) || end - begin !== bytes) {
    throw wrong(`is ${dtype} [${shape.join(", ")}], ${bytes} bytes, but its data_offsets are [${begin}, ${end}]`);
  }
  return { name: tensor, dtype, shape, begin: dataBegin + begin, end: dataBegin + end };
}

function isListOfSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}

/** The first key that valid JSON says twice in one object, which `JSON.parse` hides by taking the last. */
function duplicateKey(text: string, json: Record<string, unknown>): string | undefined {
  let written = 0;
  for (const _ of keysOf(text)) written++;
  if (written === countKeys(json)) return undefined;
  const seen = new Set<string>();
  const fields = new Set(["dtype", "shape", "data_offsets"]);
  for (const quoted of keysOf(text)) {
    const key = String(JSON.parse(quoted));
    if (seen.has(key) && !fields.has(key)) return key;
    seen.add(key);
  }
  return "dtype, shape or data_offsets";
}

/** The keys of valid JSON as they are written: the strings that a colon follows. */
function* keysOf(text: string): Generator<string> {
  for (let open = text.indexOf('"'); open >= 0;) {
    let close = open + 1;
    for (; text[close] !== '"'; close++) if (text[close] === "\\") close++;
    let next = close + 1;
    while (" \t\n\r".includes(text[next] ?? "}")) next++;
    if (text[next] === ":") yield text.slice(open, close + 1);
    open = text.indexOf('"', next);
  }
}

function countKeys(json: unknown): number {
  let count = 0;
  const open: unknown[] = [json];
  while (open.length > 0) {
    const value = open.pop();
    if (typeof value !== "object" || value === null) continue;
    const inner = Object.values(value);
    if (!Array.isArray(value)) count += inner.length;
    for (const each of inner) open.push(each);
  }
  return count;
}

/**
 * Makes the beginning of a file: length and header, padded so that values begin at a multiple of 8 bytes.
 *
 * @param tensors In the order in which their values will follow.
 */
export function encodeHeader(
  tensors: readonly Pick<TensorInfo, "name" | "dtype" | "shape">[],
  metadata: Readonly<Record<string, string>>,
): Uint8Array<ArrayBuffer> {
  const fields: string[] = [];
  if (Object.keys(metadata).length > 0) fields.push(`"__metadata__":${JSON.stringify(metadata)}`);
  let offset = 0;
  for (const { name, dtype, shape } of tensors) {
    const end = offset + sizeOf(shape) * bytesPerValue(dtype);
    fields.push(`${JSON.stringify(name)}:${JSON.stringify({ dtype, shape, data_offsets: [offset, end] })}`);
    offset = end;
  }
  // Joined by hand, because an object would move names that are numbers to the front.
  const json = new TextEncoder().encode(`{${fields.join(",")}}`);
  const length = Math.ceil(json.length / 8) * 8;
  const bytes = new Uint8Array(8 + length).fill(0x20, 8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length), true);
  bytes.set(json, 8);
  return bytes;
}

/** A value as it stands in a message, shortened. */
export function quote(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 100 ? `${text.slice(0, 97)}...` : text;
}

/** Whether a parsed JSON value is an object. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function invalid(name: string, fault: string, cause?: unknown): WeightsError {
  return new WeightsError(`${name} is not a valid safetensors file: ${fault}`, { cause });
}
