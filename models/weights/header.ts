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
import { bytesPerValue, DTYPE_NAMES, headerForm, isSafetensorsDType, type SafetensorsDType } from "./dtypes.ts";
import { BLOCK_BYTES, BLOCK_VALUES, type BlockFormat, isBlockFormat } from "./ggml_blocks.ts";
import { sizeOf } from "./host_tensor.ts";

/** The longest header that the format allows, in bytes. */
const MAX_HEADER_BYTES = 100_000_000;

/** The key of `__metadata__` under which a file names its tensors of blocks: JSON, the format by the tensor's name. */
const BLOCKS_KEY = "ggml_blocks";

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
  const { [BLOCKS_KEY]: blocks, ...others } = metadata;
  const unpacked = blocks === undefined ? tensors : asBlocks(tensors, blocks, name);
  return { tensors: unpacked, metadata: others, dataBegin, dataEnd: end };
}

/** How the metadata calls formats of blocks. */
const BLOCK_FORMATS: ReadonlyMap<unknown, BlockFormat> = new Map([["q8_0", "Q8_0"], ["q4_0", "Q4_0"]]);

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
    const format = BLOCK_FORMATS.get(found);
    if (format === undefined) {
      const known = [...BLOCK_FORMATS.keys()].map(quote).join(" and ");
      throw invalid(name, `${quote(tensor.name)} has the format ${quote(found)}, known are ${known}`);
    }
    const { dtype, shape } = tensor;
    const bytes = BLOCK_BYTES[format];
    if (dtype !== "U8" || shape.length < 2 || shape.at(-1) !== bytes) {
      const is = `${quote(tensor.name)} is ${dtype} [${shape.join(", ")}]`;
      throw invalid(name, `${is}; ${format.toLowerCase()} blocks are U8 [..., blocks, ${bytes}]`);
    }
    const width = (shape.at(-2) ?? 0) * BLOCK_VALUES;
    return { ...tensor, dtype: format, shape: [...shape.slice(0, -2), width] };
  });
  const [absent] = left.keys();
  if (absent !== undefined) throw invalid(name, `its ${BLOCKS_KEY} names ${quote(absent)}, which it does not hold`);
  return unpacked;
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
 * @throws {ShapeError} If a tensor can't be cut into the blocks of its format.
 */
export function encodeHeader(
  tensors: readonly Pick<TensorInfo, "name" | "dtype" | "shape">[],
  metadata: Readonly<Record<string, string>>,
): Uint8Array<ArrayBuffer> {
  const fields: string[] = [];
  const blocks = tensors.filter(({ dtype }) => isBlockFormat(dtype)).map((
    { name, dtype },
  ) => [name, dtype.toLowerCase()]);
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
