/**
 * Bytes that are counted as they are read.
 *
 * @module
 */

import type { ByteSource } from "../../files/byte_source.ts";

/** The same source; `onRead` is told the bytes of each read. */
export function countedSource(source: ByteSource, onRead: (bytes: number) => void): ByteSource {
  return {
    ...source,
    open: async (from, signal) => {
      const reader = await source.open(from, signal);
      return {
        read: async (target) => {
          const bytes = await reader.read(target);
          onRead(bytes);
          return bytes;
        },
        close: () => reader.close(),
      };
    },
  };
}
