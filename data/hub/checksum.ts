/**
 * The hashes of files that a hub gives: its ETags are hashes.
 *
 * @module
 */

/**
 * A hash that a file may be known by. `gitBlob` is the name that git gives to the content: SHA-1 of "blob ", the
 * length, a zero byte and the bytes.
 */
export type HashName = "sha256" | "sha1" | "gitBlob";

/**
 * The hash in an ETag, in hexadecimal digits. The Hub gives large files their SHA-256 and small ones git's SHA-1. A
 * weak ETag promises nothing about bytes.
 */
export function checksumOf(etag: string | null | undefined): string | undefined {
  return /^"?([0-9a-f]{64}|[0-9a-f]{40})"?$/i.exec(etag ?? "")?.[1]?.toLowerCase();
}

/** The hashes that a checksum can be, by its length. Some mirrors give SHA-1 of the bytes alone. */
export function hashNamesOf(checksum: string | undefined): readonly HashName[] {
  if (checksum === undefined) return [];
  return checksum.length === 64 ? ["sha256"] : ["gitBlob", "sha1"];
}

/** The header that git puts before the bytes of a file. */
export function gitBlobHeader(size: number): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`blob ${size}\0`);
}

/** Bytes as hexadecimal digits. */
export function hexOf(bytes: ArrayBuffer): string {
  return Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** A hash of bytes in memory. */
export async function hashOf(bytes: Uint8Array<ArrayBuffer>, name: HashName = "sha256"): Promise<string> {
  if (name !== "gitBlob") return hexOf(await crypto.subtle.digest(name === "sha256" ? "SHA-256" : "SHA-1", bytes));
  return hexOf(
    await crypto.subtle.digest("SHA-1", await new Blob([gitBlobHeader(bytes.byteLength), bytes]).arrayBuffer()),
  );
}
