/**
 * A tensor in the host's memory, as a safetensors file holds it.
 *
 * @module
 */

import { sizeOf } from "../../common/shape.ts";
import { ShapeError } from "../../errors.ts";
import {
  bytesPerValue,
  type FloatFormat,
  fromFloat32,
  headerForm,
  type SafetensorsDType,
  toFloat32,
} from "./safetensors/dtypes.ts";

/**
 * Values in the host's memory, kept in the format they were stored in and converted when they are asked for.
 *
 * @example
 * ```ts
 * import { HostTensor } from "../../mod.ts";
 *
 * const tensor = HostTensor.from(Float32Array.of(0.1, 1, 1000), [3], "BF16");
 * console.log(tensor.bytes.length); // 6
 * console.log(tensor.values()); // Float32Array(3) [ 0.10009765625, 1, 1000 ]
 * ```
 *
 * @category Weights
 */
export class HostTensor {
  /** The format of the values in `bytes`. */
  readonly dtype: SafetensorsDType;
  /** Sizes of the dimensions, outermost first. A scalar has none. */
  readonly shape: readonly number[];
  /** The values as they are stored: row-major, little-endian. */
  readonly bytes: Uint8Array;

  /**
   * A tensor of values that are stored already.
   *
   * @param dtype The format of the values.
   * @param shape Sizes of the dimensions.
   * @param bytes The values; kept, not copied.
   * @throws {ShapeError} If `bytes` is not as long as the shape says, or rows are not whole blocks of a quantized
   * format.
   */
  constructor(dtype: SafetensorsDType, shape: readonly number[], bytes: Uint8Array) {
    const form = headerForm(dtype, shape);
    const expected = sizeOf(form.shape) * bytesPerValue(form.dtype);
    if (bytes.byteLength !== expected) {
      throw new ShapeError(
        `Cannot make a ${dtype} tensor of shape [${
          shape.join(", ")
        }]: it takes ${expected} bytes, ${bytes.byteLength} were ` +
          "given; give as many as the shape says",
      );
    }
    this.dtype = dtype;
    this.shape = shape;
    this.bytes = bytes;
  }

  /**
   * A tensor of f32 values, stored in f32 or rounded to a shorter format.
   *
   * @param values Row-major; copied.
   * @throws {ShapeError} If there are not as many values as the shape says.
   */
  static from(values: Float32Array, shape: readonly number[], format: FloatFormat = "F32"): HostTensor {
    return new HostTensor(format, shape, fromFloat32(format, values));
  }

  /** Number of values. */
  get size(): number {
    return sizeOf(this.shape);
  }

  /** The values in f32, row-major. Of an F32 tensor this is a view of `bytes` where their address allows it. */
  values(): Float32Array {
    if (this.dtype === "F32" && this.bytes.byteOffset % 4 === 0) {
      return new Float32Array(this.bytes.buffer, this.bytes.byteOffset, this.size);
    }
    const values = new Float32Array(this.size);
    toFloat32(this.dtype, this.bytes, values);
    return values;
  }
}
