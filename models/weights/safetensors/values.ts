/**
 * Reading the values of tensors: chunk by chunk, or whole as they are stored.
 *
 * @module
 */

import { sizeOf } from "../../../common/shape.ts";
import type { ByteSource } from "../../../data/files/byte_source.ts";
import { OutOfMemoryError } from "../../../errors.ts";
import { FORMATS } from "../../../formats/formats.ts";
import { HostTensor } from "../host_tensor.ts";
import type { WeightsChunk } from "../reader.ts";
import { dtypeOf } from "./dtypes.ts";
import { quote, type TensorInfo } from "./header.ts";

/** Values in a chunk: 4 MB in f32. */
const CHUNK_VALUES = 1 << 20;

/** Fills a target with the next bytes of a file. */
export type Fill = (target: Uint8Array) => Promise<void>;

/** Reads tensors chunk by chunk. Its buffers serve all chunks: zeroing new ones took longer than converting values. */
export function chunkReader(): (tensor: TensorInfo, fill: Fill) => AsyncGenerator<WeightsChunk> {
  let floats = new Float32Array(0);
  let stored = new Uint8Array(0);
  const valuesOf = (count: number) => {
    if (floats.length < count) floats = new Float32Array(count);
    return floats.subarray(0, count);
  };
  return async function* ({ name, format, shape }, fill) {
    const { blockSize, blockBytes, toFloats } = FORMATS[format];
    const size = sizeOf(shape);
    if (size === 0) yield { name, format, shape, offset: 0, bytes: new Uint8Array(0), values: new Float32Array(0) };
    const rowSize = shape.length > 1 ? shape.at(-1) ?? 1 : 1;
    const step = rowSize <= CHUNK_VALUES ? Math.floor(CHUNK_VALUES / rowSize) * rowSize : CHUNK_VALUES;
    for (let offset = 0; offset < size; offset += step) {
      const count = Math.min(step, size - offset);
      const length = count / blockSize * blockBytes;
      if (format === "f32") {
        const values = valuesOf(count);
        const bytes = new Uint8Array(values.buffer, 0, length);
        await fill(bytes);
        yield { name, format, shape, offset, bytes, values };
        continue;
      }
      if (stored.byteLength < length) stored = new Uint8Array(length);
      const bytes = stored.subarray(0, length);
      await fill(bytes);
      yield {
        ...{ name, format, shape, offset, bytes },
        get values() {
          const values = valuesOf(count);
          toFloats(bytes, values);
          return values;
        },
      };
    }
  };
}

/** Reads a tensor as it is stored, into memory of its own or, where the source is memory, as a view of it. */
export async function* readStored(
  { name, format, shape, begin, end }: TensorInfo,
  fill: Fill,
  source: ByteSource,
): AsyncGenerator<readonly [string, HostTensor]> {
  const bytes = source.bytes?.subarray(begin, end) ??
    await readBytes(name, end - begin, fill, source.size === undefined);
  yield [name, new HostTensor(dtypeOf(format), shape, bytes)];
}

/** Reads the bytes of a tensor. Of a source without a size they are believed in as they come, doubling at most. */
async function readBytes(name: string, length: number, fill: Fill, isDoubtful: boolean): Promise<Uint8Array> {
  let bytes = allocate(name, isDoubtful ? Math.min(length, CHUNK_VALUES * 4) : length);
  await fill(bytes);
  while (bytes.byteLength < length) {
    const longer = allocate(name, Math.min(length, bytes.byteLength * 2));
    longer.set(bytes);
    await fill(longer.subarray(bytes.byteLength));
    bytes = longer;
  }
  return bytes;
}

function allocate(name: string, length: number): Uint8Array<ArrayBuffer> {
  try {
    return new Uint8Array(length);
  } catch (cause) {
    throw new OutOfMemoryError(
      `Cannot read ${quote(name)} in one piece: this host has no ${length} bytes for it; load the model, which reads ` +
        "weights chunk by chunk",
      { cause },
    );
  }
}
