/**
 * Writes the benchmark's model as a GGUF file for llama.cpp: its GPT-2 architecture is this one, except that its GELU
 * is the approximation with tanh. Matrices are quantized as Andromeda quantizes them, which is as GGML does.
 *
 * The format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
 *
 * @module
 */

import type { WeightFormat } from "../../backend/memory.ts";
import { FORMATS } from "../../formats/formats.ts";
import { encodeRows } from "../../formats/rows.ts";
import { ggufText } from "./gguf_text.ts";
import type { GptLayer, GptSizes, GptWeights } from "./gpt.ts";

const MAGIC = 0x46554747; // "GGUF", little-endian
const VERSION = 3;
/** Data begins, and each tensor, at a multiple of this. */
const ALIGNMENT = 32;

/** `ggml_type`, and `llama_ftype` of a file whose matrices have it. */
const TENSOR_TYPES = { f32: 0, f16: 1, q4_0: 2, q8_0: 8 } as const;
const FILE_TYPES = { f32: 0, f16: 1, q4_0: 2, q8_0: 7 } as const;

/** Types of metadata. */
const UINT32 = 4;
const INT32 = 5;
const FLOAT32 = 6;
const STRING = 8;
const ARRAY = 9;

/** Types of tokens. */
const NORMAL = 1;
const USER_DEFINED = 4;

/** A tensor of the file: sizes with the fastest first. */
interface Tensor {
  readonly name: string;
  readonly sizes: readonly number[];
  readonly type: keyof typeof TENSOR_TYPES;
  readonly bytes: Uint8Array;
}

/** Bytes one after the other. */
class Writer {
  readonly #pieces: Uint8Array[] = [];
  #length = 0;

  bytes(bytes: Uint8Array): void {
    this.#pieces.push(bytes);
    this.#length += bytes.byteLength;
  }

  uint32(value: number): void {
    this.bytes(new Uint8Array(Uint32Array.of(value).buffer));
  }

  uint64(value: number): void {
    this.bytes(new Uint8Array(BigUint64Array.of(BigInt(value)).buffer));
  }

  string(text: string): void {
    const bytes = new TextEncoder().encode(text);
    this.uint64(bytes.byteLength);
    this.bytes(bytes);
  }

  /** A key of the metadata with its value. */
  entry(key: string, type: typeof UINT32 | typeof FLOAT32, value: number): void {
    this.string(key);
    this.uint32(type);
    if (type === UINT32) this.uint32(value);
    else this.bytes(new Uint8Array(Float32Array.of(value).buffer));
  }

  stringEntry(key: string, value: string): void {
    this.string(key);
    this.uint32(STRING);
    this.string(value);
  }

  /** A key with an array of texts or of whole numbers. */
  arrayEntry(key: string, values: readonly string[] | readonly number[]): void {
    this.string(key);
    this.uint32(ARRAY);
    this.uint32(typeof values[0] === "string" ? STRING : INT32);
    this.uint64(values.length);
    for (const value of values) {
      if (typeof value === "string") this.string(value);
      else this.uint32(value);
    }
  }

  align(): void {
    this.bytes(new Uint8Array(-this.#length & (ALIGNMENT - 1)));
  }

  /** The written bytes, in pieces. */
  get pieces(): readonly Uint8Array[] {
    return this.#pieces;
  }
}

/**
 * The model as a GGUF file, in pieces.
 *
 * @param prompt The tokens that texts may hold; see `ggufText`.
 */
export function ggufModel(
  sizes: GptSizes,
  weights: GptWeights,
  format: WeightFormat,
  prompt: readonly number[],
): readonly Uint8Array[] {
  const tensors = tensorsOf(sizes, weights, format);
  const metadata = [
    (writer: Writer) => writer.stringEntry("general.architecture", "gpt2"),
    (writer: Writer) => writer.stringEntry("general.name", "benchmark"),
    (writer: Writer) => writer.entry("general.file_type", UINT32, FILE_TYPES[format]),
    (writer: Writer) => writer.entry("gpt2.context_length", UINT32, sizes.maxLength),
    (writer: Writer) => writer.entry("gpt2.embedding_length", UINT32, sizes.dim),
    (writer: Writer) => writer.entry("gpt2.block_count", UINT32, sizes.depth),
    (writer: Writer) => writer.entry("gpt2.feed_forward_length", UINT32, sizes.inner),
    (writer: Writer) => writer.entry("gpt2.attention.head_count", UINT32, sizes.heads),
    (writer: Writer) => writer.entry("gpt2.attention.layer_norm_epsilon", FLOAT32, 1e-5),
    ...vocabularyOf(sizes.vocabulary, prompt),
  ];
  const writer = new Writer();
  writer.uint32(MAGIC);
  writer.uint32(VERSION);
  writer.uint64(tensors.length);
  writer.uint64(metadata.length);
  for (const write of metadata) write(writer);
  let offset = 0;
  for (const { name, sizes, type, bytes } of tensors) {
    writer.string(name);
    writer.uint32(sizes.length);
    for (const size of sizes) writer.uint64(size);
    writer.uint32(TENSOR_TYPES[type]);
    writer.uint64(offset);
    offset += Math.ceil(bytes.byteLength / ALIGNMENT) * ALIGNMENT;
  }
  for (const { bytes } of tensors) {
    writer.align();
    writer.bytes(bytes);
  }
  writer.align();
  return writer.pieces;
}

/** A vocabulary of tokens that are found as they are where the prompt has them, and of others that are only printed. */
function vocabularyOf(size: number, prompt: readonly number[]): ((writer: Writer) => void)[] {
  const tokens = Array.from({ length: size }, (_, id) => ggufText([id]));
  const types = tokens.map((_, id) => prompt.includes(id) ? USER_DEFINED : NORMAL);
  return [
    (writer) => writer.stringEntry("tokenizer.ggml.model", "gpt2"),
    (writer) => writer.stringEntry("tokenizer.ggml.pre", "gpt-2"),
    (writer) => writer.arrayEntry("tokenizer.ggml.tokens", tokens),
    (writer) => writer.arrayEntry("tokenizer.ggml.token_type", types),
    (writer) => writer.arrayEntry("tokenizer.ggml.merges", ["< 0"]),
    (writer) => writer.entry("tokenizer.ggml.bos_token_id", UINT32, 0),
    (writer) => writer.entry("tokenizer.ggml.eos_token_id", UINT32, 0),
  ];
}

function tensorsOf(sizes: GptSizes, weights: GptWeights, format: WeightFormat): Tensor[] {
  const { vocabulary, maxLength, dim } = sizes;
  return [
    matrix("token_embd.weight", weights.tokens, vocabulary, dim, format),
    { name: "position_embd.weight", sizes: [dim, maxLength], type: "f32", bytes: bytesOf(weights.positions) },
    vector("output_norm.weight", weights.finalNorm),
    vector("output_norm.bias", new Float32Array(dim)),
    matrix("output.weight", weights.logits, vocabulary, dim, format),
    ...weights.layers.flatMap((layer, i) => layerTensors(`blk.${i}`, sizes, layer, format)),
  ];
}

/** The architecture wants biases everywhere: where the model has none they are zeros. */
function layerTensors(prefix: string, { dim, inner }: GptSizes, layer: GptLayer, format: WeightFormat): Tensor[] {
  return [
    vector(`${prefix}.attn_norm.weight`, layer.attentionNorm),
    vector(`${prefix}.attn_norm.bias`, new Float32Array(dim)),
    matrix(`${prefix}.attn_qkv.weight`, layer.qkv, 3 * dim, dim, format),
    vector(`${prefix}.attn_qkv.bias`, new Float32Array(3 * dim)),
    matrix(`${prefix}.attn_output.weight`, layer.attentionOut, dim, dim, format),
    vector(`${prefix}.attn_output.bias`, new Float32Array(dim)),
    vector(`${prefix}.ffn_norm.weight`, layer.feedForwardNorm),
    vector(`${prefix}.ffn_norm.bias`, new Float32Array(dim)),
    matrix(`${prefix}.ffn_up.weight`, layer.up, inner, dim, format),
    vector(`${prefix}.ffn_up.bias`, layer.upBias),
    matrix(`${prefix}.ffn_down.weight`, layer.down, dim, inner, format),
    vector(`${prefix}.ffn_down.bias`, layer.downBias),
  ];
}

function matrix(name: string, values: Float32Array, out: number, size: number, format: WeightFormat): Tensor {
  return { name, sizes: [size, out], type: format, bytes: encodeRows(FORMATS[format], size, values) };
}

function vector(name: string, values: Float32Array): Tensor {
  return { name, sizes: [values.length], type: "f32", bytes: bytesOf(values) };
}

function bytesOf(values: Float32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
