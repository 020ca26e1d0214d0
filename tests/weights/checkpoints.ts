/** Safetensors files for tests, valid and invalid. */

import fc from "fast-check";
import { sizeOf } from "../../common/shape.ts";
import { HostTensor } from "../../models/weights/host_tensor.ts";
import { bytesPerValue, type SafetensorsDType } from "../../models/weights/safetensors/dtypes.ts";

/** All formats. */
export const DTYPES: readonly SafetensorsDType[] = [
  "F64",
  "F32",
  "F16",
  "BF16",
  "I64",
  "I32",
  "I16",
  "I8",
  "U64",
  "U32",
  "U16",
  "U8",
  "BOOL",
  "F8_E4M3",
  "F8_E5M2",
  "F8_E8M0",
  "F8_E4M3FNUZ",
  "F8_E5M2FNUZ",
];

/** A file whose header says what it is told to. */
export function fileOf(header: unknown, data: Uint8Array = new Uint8Array(0)): Uint8Array<ArrayBuffer> {
  const json = new TextEncoder().encode(typeof header === "string" ? header : JSON.stringify(header));
  const file = new Uint8Array(8 + json.length + data.length);
  new DataView(file.buffer).setBigUint64(0, BigInt(json.length), true);
  file.set(json, 8);
  file.set(data, 8 + json.length);
  return file;
}

/** The parsed header of a valid file. */
export function headerOf(file: Uint8Array): Record<string, { data_offsets: number[] }> {
  const length = Number(new DataView(file.buffer, file.byteOffset).getBigUint64(0, true));
  return JSON.parse(new TextDecoder().decode(file.subarray(8, 8 + length)));
}

/** A tensor of random bits, NaNs and infinities included. */
export const anyTensor: fc.Arbitrary<HostTensor> = fc
  .record({ dtype: fc.constantFrom(...DTYPES), shape: fc.array(fc.nat({ max: 5 }), { maxLength: 4 }) })
  .chain(({ dtype, shape }) => {
    const length = sizeOf(shape) * bytesPerValue(dtype);
    return fc.uint8Array({ minLength: length, maxLength: length }).map((bytes) => new HostTensor(dtype, shape, bytes));
  });

/** A checkpoint of tensors of random bits with names of any characters. */
export const anyCheckpoint: fc.Arbitrary<Map<string, HostTensor>> = fc
  .array(fc.tuple(fc.string({ unit: "binary" }).filter((name) => name !== "__metadata__"), anyTensor), { maxLength: 6 })
  .map((entries) => new Map(entries));

/** A stream that gives bytes in pieces, and says whether it was canceled. */
export function streamOf(
  bytes: Uint8Array,
  pieceLength = 7,
): { stream: ReadableStream<Uint8Array>; wasCanceled: () => boolean } {
  let start = 0;
  let isCanceled = false;
  const stream = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (start >= bytes.length) return controller.close();
      controller.enqueue(bytes.slice(start, start + pieceLength));
      start += pieceLength;
    },
    cancel() {
      isCanceled = true;
    },
  }, { highWaterMark: 0 });
  return { stream, wasCanceled: () => isCanceled };
}

/** Numbers 0, 1, 2, ... */
export function counting(count: number): Float32Array {
  return Float32Array.from({ length: count }, (_, i) => i);
}
