/**
 * Parts of files.
 *
 * @module
 */

import { DatasetError } from "../../../errors.ts";
import type { ByteSource } from "../../files/byte_source.ts";

/**
 * Reads bytes from one up to another.
 *
 * @throws {DatasetError} If the file ends before them.
 */
export async function readRange(
  source: ByteSource,
  start: number,
  end: number,
  signal?: AbortSignal,
): Promise<ArrayBuffer> {
  const reader = await source.open(start, signal);
  try {
    const bytes = new Uint8Array(end - start);
    const count = await reader.read(bytes);
    if (count < bytes.length) {
      throw new DatasetError(`Cannot read ${source.name}: it ends ${bytes.length - count} bytes too early`);
    }
    return bytes.buffer;
  } finally {
    await reader.close();
  }
}
