/**
 * The header of a safetensors file: 8 bytes of length, then JSON that says where each tensor lies.
 *
 * A header is a stranger's claim. Every number in it is checked against the format, and against the file's size where
 * that is known, before anything is allocated for it.
 * The format: https://github.com/huggingface/safetensors#format
 *
 * @module
 */

import { isRecord } from "../../../common/record.ts";
import { sizeOf } from "../../../common/shape.ts";
import type { ByteReader } from "../../../data/files/byte_source.ts";
import { WeightsError } from "../../../errors.ts";
import { FORMATS, WEIGHT_FORMATS } from "../../../formats/formats.ts";
import { otherFormat, SIGNATURE_BYTES } from "../other_formats.ts";
import type { WeightsEntry } from "../reader.ts";
import {
  bytesPerValue,
  DTYPE_NAMES,
  dtypeOf,
  formatOf,
  headerForm,
  isBlocked,
  isSafetensorsDType,
  isUnsupportedDType,
  type SafetensorsDType,
} from "./dtypes.ts";
import { jsonEntries, type JsonEntry } from "./json_entries.ts";

/** The longest header that the format allows, in bytes. */
const MAX_HEADER_BYTES = 100_000_000;

/** The longest text that can describe a tensor: more than a hundred dimensions. */
const MAX_TENSOR_TEXT = 4096;

/** The key of `__metadata__` under which a file names its tensors of blocks: JSON, the format by the tensor's name. */
const BLOCKS_KEY = "ggml_blocks";

/** What a header says about a tensor. */
export interface TensorInfo extends WeightsEntry {
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
 * @param name The messages' name for the file.
 * @param fileSize Size of the file in bytes, where it is known.
 * @throws {WeightsError} If the header is cut off, not valid, or does not fit the file; also where it is another
 * file's.
 */
export async function readHeader(
  reader: ByteReader,
  name: string,
  fileSize: number | undefined,
): Promise<SafetensorsHeader> {
  const start = new Uint8Array(SIGNATURE_BYTES);
  let known = 0;
  let isBroken = false; // whether it was reading that failed
  const recorded: ByteReader = {
    read: async (target) => {
      isBroken = true;
      const found = await reader.read(target);
      isBroken = false;
      const part = target.subarray(0, Math.min(found, start.length - known));
      start.set(part, known);
      known += part.length;
      return found;
    },
    close: () => reader.close(),
  };
  try {
    return await readValid(recorded, name, fileSize);
  } catch (error) {
    if (isBroken || isHeaderStart(start)) throw error;
    known += await reader.read(start.subarray(known));
    const other = otherFormat(start.subarray(0, known));
    if (other === undefined) throw error;
    throw new WeightsError(`Cannot read ${name} as safetensors: ${other}`, { cause: error });
  }
}

/** Whether a file begins with a length that the format allows and an object, as no other file does. */
function isHeaderStart(start: Uint8Array): boolean {
  return new DataView(start.buffer).getBigUint64(0, true) <= MAX_HEADER_BYTES && start[8] === "{".charCodeAt(0);
}

async function readValid(
  reader: ByteReader,
  name: string,
  fileSize: number | undefined,
): Promise<SafetensorsHeader> {
  const prefix = new Uint8Array(8);
  const found = await reader.read(prefix);
  if (found < 8) throw invalid(name, `it ends after ${found} bytes, and the header's length alone takes 8`);
  const length = new DataView(prefix.buffer).getBigUint64(0, true);
  if (length > MAX_HEADER_BYTES) {
    throw invalid(name, `its header claims ${length} bytes, and the format allows ${MAX_HEADER_BYTES}`);
  }
  const dataBegin = 8 + Number(length);
  if (fileSize !== undefined && dataBegin > fileSize) {
    throw invalid(name, `its header claims ${length} bytes, and the file has ${fileSize} in all`);
  }
  const text = await readText(reader, Number(length), name);
  const header = parseHeader(text, dataBegin, name);
  if (fileSize !== undefined && header.dataEnd !== fileSize) {
    const fault = fileSize < header.dataEnd ? "it is cut off" : "something follows its last value";
    throw invalid(name, `its header describes ${header.dataEnd} bytes, and the file has ${fileSize}, so ${fault}`);
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
  if (!text.startsWith("{")) throw invalid(name, "its header is not a JSON object");
  const names = new Set<string>();
  const tensors: TensorInfo[] = [];
  let metadata: Readonly<Record<string, string>> = {};
  try {
    for (const entry of jsonEntries(text)) {
      if (names.has(entry.key)) throw invalid(name, `its header says ${quote(entry.key)} twice`);
      names.add(entry.key);
      if (entry.key === "__metadata__") metadata = checkMetadata(entry, name);
      else tensors.push(checkTensor(entry, dataBegin, name));
    }
  } catch (cause) {
    if (cause instanceof SyntaxError) throw invalid(name, "its header is not JSON", cause);
    throw cause;
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
  const { [BLOCKS_KEY]: blocks, ...others } = metadata;
  const unpacked = blocks === undefined ? tensors : asBlocks(tensors, blocks, name);
  return { tensors: unpacked, metadata: others, dataBegin, dataEnd: end };
}

/** The formats of blocks. */
const BLOCK_FORMATS = WEIGHT_FORMATS.filter((name) => FORMATS[name].blockSize > 1);

/** The tensors, those of blocks by what they stand for: U8 [..., n / 32, 34] for Q8_0 [..., n]. */
function asBlocks(tensors: readonly TensorInfo[], text: string, name: string): TensorInfo[] {
  let formats: unknown;
  try {
    formats = JSON.parse(text);
  } catch (cause) {
    throw invalid(name, `its ${BLOCKS_KEY} is not JSON`, cause);
  }
  if (!isRecord(formats)) throw invalid(name, `its ${BLOCKS_KEY} is not a JSON object`);
  const left = new Map(Object.entries(formats));
  const unpacked = tensors.map((tensor) => {
    const found = left.get(tensor.name);
    if (!left.delete(tensor.name)) return tensor;
    const format = BLOCK_FORMATS.find((known) => known === found);
    if (format === undefined) {
      const known = BLOCK_FORMATS.map(quote).join(" and ");
      throw invalid(name, `${quote(tensor.name)} has the format ${quote(found)}, known are ${known}`);
    }
    const { shape } = tensor;
    const { blockSize, blockBytes } = FORMATS[format];
    if (tensor.format !== "u8" || shape.length < 2 || shape.at(-1) !== blockBytes) {
      const is = `${quote(tensor.name)} is ${dtypeOf(tensor.format)} [${shape.join(", ")}]`;
      throw invalid(name, `${is}, and ${format} blocks are U8 [..., blocks, ${blockBytes}]`);
    }
    return { ...tensor, format, shape: [...shape.slice(0, -2), (shape.at(-2) ?? 0) * blockSize] };
  });
  const [absent] = left.keys();
  if (absent !== undefined) throw invalid(name, `its ${BLOCKS_KEY} names ${quote(absent)}, which it does not hold`);
  return unpacked;
}

/** Texts by their keys. As for other readers, null stands for none. */
function checkMetadata({ text, depth }: JsonEntry, name: string): Readonly<Record<string, string>> {
  if (depth === 0 && JSON.parse(text) === null) return {};
  if (!text.startsWith("{")) throw invalid(name, "its __metadata__ is not an object");
  const entries = Array.from(jsonEntries(text), ({ key, text, depth }) => {
    const value: unknown = depth === 0 ? JSON.parse(text) : undefined;
    if (typeof value !== "string") throw invalid(name, `its __metadata__ holds ${quote(key)}, which is not a text`);
    return [key, value];
  });
  return Object.fromEntries(entries);
}

function checkTensor({ key, text }: JsonEntry, dataBegin: number, name: string): TensorInfo {
  const wrong = (fault: string) => invalid(name, `${quote(key)} ${fault}`);
  if (text.length > MAX_TENSOR_TEXT) throw wrong(`is described by ${text.length} characters: no tensor takes so many`);
  const value: unknown = JSON.parse(text);
  if (!isRecord(value)) throw wrong("is not described by an object");
  if ([...jsonEntries(text)].length > Object.keys(value).length) throw wrong("says dtype, shape or data_offsets twice");
  const { dtype, shape, data_offsets: offsets } = value;
  if (isUnsupportedDType(dtype)) {
    throw new WeightsError(
      `Cannot read ${quote(key)} of ${name}: its dtype ${
        quote(dtype)
      } is known, but not supported; save it in F32, F16 or BF16`,
    );
  }
  if (!isSafetensorsDType(dtype)) {
    throw wrong(`has the dtype ${quote(dtype)}, and those that can be read are ${DTYPE_NAMES.join(", ")}`);
  }
  if (!isListOfSizes(shape)) throw wrong(`has the shape ${quote(shape)}, which is not a list of sizes`);
  if (!isListOfSizes(offsets) || offsets.length !== 2) {
    throw wrong(`has the data_offsets ${quote(offsets)}, which are not two offsets`);
  }
  const [begin = 0, end = 0] = offsets;
  const bytes = bytesOf(shape, bytesPerValue(dtype));
  if (end - begin !== bytes) {
    const size = bytes === undefined ? "more bytes than any file" : `${bytes} bytes`;
    throw wrong(`is ${dtype} [${shape.join(", ")}], ${size}, but its data_offsets are [${begin}, ${end}]`);
  }
  return { name: key, format: formatOf(dtype).name, shape, begin: dataBegin + begin, end: dataBegin + end };
}

function isListOfSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}

/** Bytes of a shape; nothing if they, or the values on the way to them, are beyond what numbers count exactly. */
function bytesOf(shape: readonly number[], bytesEach: number): number | undefined {
  let bytes = bytesEach;
  for (const size of shape) {
    bytes *= size;
    if (!Number.isSafeInteger(bytes)) return undefined;
  }
  return bytes;
}

/**
 * Makes the beginning of a file: length and header, padded so that values begin at a multiple of 8 bytes.
 *
 * @param tensors In the order in which their values will follow.
 * @throws {ShapeError} If a tensor can't be cut into the blocks of its format.
 * @throws {WeightsError} If nobody could read the header.
 */
export function encodeHeader(
  tensors: readonly { readonly name: string; readonly dtype: SafetensorsDType; readonly shape: readonly number[] }[],
  metadata: Readonly<Record<string, string>>,
): Uint8Array<ArrayBuffer> {
  const fields: string[] = [];
  checkTexts(metadata);
  const blocks = tensors.filter(({ dtype }) => isBlocked(dtype))
    .map(({ name, dtype }) => [name, formatOf(dtype).name]);
  const texts = blocks.length === 0
    ? metadata
    : { ...metadata, [BLOCKS_KEY]: JSON.stringify(Object.fromEntries(blocks)) };
  if (Object.keys(texts).length > 0) fields.push(`"__metadata__":${JSON.stringify(texts)}`);
  let offset = 0;
  for (const { name, ...tensor } of tensors) {
    const { dtype, shape } = headerForm(tensor.dtype, tensor.shape);
    const end = offset + sizeOf(shape) * bytesPerValue(dtype);
    fields.push(`${JSON.stringify(name)}:${JSON.stringify({ dtype, shape, data_offsets: [offset, end] })}`);
    offset = end;
  }
  // Joined by hand, because an object would move names that are numbers to the front.
  const json = new TextEncoder().encode(`{${fields.join(",")}}`);
  const length = Math.ceil(json.length / 8) * 8;
  if (length > MAX_HEADER_BYTES) {
    throw new WeightsError(
      `Cannot write a header of ${length} bytes: the format allows ${MAX_HEADER_BYTES}; use shards`,
    );
  }
  const bytes = new Uint8Array(8 + length).fill(0x20, 8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length), true);
  bytes.set(json, 8);
  return bytes;
}

/** Refuses metadata that could not be read again. */
function checkTexts(metadata: Readonly<Record<string, unknown>>): void {
  for (const [key, text] of Object.entries(metadata)) {
    const refuse = (rule: string) => {
      throw new WeightsError(`Cannot write the metadata ${quote(key)} = ${quote(text)}: ${rule}`);
    };
    if (typeof text !== "string") refuse("its values must be texts; make it one");
    if (key === BLOCKS_KEY) refuse("that key is for the formats of blocks; take another");
  }
}

/** A value as it stands in a message, shortened. */
export function quote(value: unknown): string {
  if (typeof value === "number") return String(value);
  let text: string;
  try {
    text = JSON.stringify(typeof value === "string" ? value.slice(0, 100) : value) ?? String(value);
  } catch {
    // What refers to itself, or lies too deep within itself.
    text = typeof value;
  }
  return text.length > 100 ? `${text.slice(0, 97)}...` : text;
}

function invalid(name: string, fault: string, cause?: unknown): WeightsError {
  return new WeightsError(
    `Cannot read ${name} as safetensors: ${fault}; fetch it again, or have it written anew`,
    { cause },
  );
}
