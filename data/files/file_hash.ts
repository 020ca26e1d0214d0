/**
 * Hashes of files of the host, however large.
 *
 * @module
 */

import { nodeModule } from "../../host/node.ts";
import { gitBlobHeader, type HashName } from "../hub/checksum.ts";

/**
 * Reads a file from one end to the other, and gives hashes of it in hexadecimal digits. A gigabyte takes about 0.8 s.
 *
 * @throws {Error} If it can't be read, or the signal's reason.
 */
export async function hashFile(
  path: string,
  names: readonly HashName[],
  signal?: AbortSignal,
): Promise<ReadonlyMap<HashName, string>> {
  const { createHash } = nodeModule("node:crypto");
  const { open } = nodeModule("node:fs/promises");
  const handle = await open(path);
  try {
    const { size } = await handle.stat();
    const hashes = names.map((name) => {
      const hash = createHash(name === "sha256" ? "sha256" : "sha1");
      return { name, hash: name === "gitBlob" ? hash.update(gitBlobHeader(size)) : hash };
    });
    const piece = new Uint8Array(Math.min(size, 1 << 22) || 1);
    for (let position = 0;;) {
      signal?.throwIfAborted();
      const { bytesRead } = await handle.read(piece, 0, piece.byteLength, position);
      if (bytesRead === 0) return new Map(hashes.map(({ name, hash }) => [name, hash.digest("hex")]));
      for (const { hash } of hashes) hash.update(piece.subarray(0, bytesRead));
      position += bytesRead;
    }
  } finally {
    await handle.close();
  }
}
