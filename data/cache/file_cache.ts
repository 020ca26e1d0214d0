/**
 * Copies of downloaded files: what a cache offers, and how its answers are named.
 *
 * A copy is compared with the hash that the hub gives before it is kept, and with the hash it had then whenever it is
 * used, so that a copy which a disk or an editor changed counts as missing. Callers go on without a cache that fails (a
 * folder that may not be written, a full disk).
 *
 * @module
 */

import type { ByteSource } from "../files/byte_source.ts";

/** A file as it was sent, whether that was right or not. */
export interface CompleteCopy {
  /** The tag with which the server is asked whether it is current; see `Download.tag`. */
  readonly tag: string | undefined;
  /** Whether it is what the hub has, by the hub's own hash. */
  readonly isProven: boolean;
  /** Its bytes. */
  readonly source: ByteSource;
}

/** A cache's knowledge of a file. */
export interface CachedFile {
  /** The complete copy, if there is one. */
  readonly complete?: CompleteCopy | undefined;
  /** A download that broke off: the version that its bytes belong to, and their number, below `size`. */
  readonly partial?: { readonly validator: string; readonly size: number; readonly length: number } | undefined;
  /** Whether the server said, when it was last asked, that there is no such file. */
  readonly missing: boolean;
}

/** Identifies the content that is written to a cache. */
export interface IncomingFile {
  /** The tag with which the server is asked whether the copy is current; see `Download.tag`. */
  readonly tag: string | undefined;
  /** The hash that the hub gives the file, see `checksumOf`. */
  readonly checksum: string | undefined;
  /** The version that the earlier bytes of a resumed download belong to; absent if it can't be resumed. */
  readonly validator: string | undefined;
  /** The size, where it is known. */
  readonly size: number | undefined;
  /** The first byte that will be written: 0, or the length of the partial copy. */
  readonly from: number;
}

/**
 * The outcome of writing a copy: it is kept; or it has gone meanwhile, because another process fetched another version;
 * or its bytes are not those that the hub's hash is of, and it has been removed.
 */
export type CommitResult = "kept" | "gone" | "corrupt";

/** A copy that is being written. */
export interface CacheWriter {
  /** Appends bytes. */
  write(bytes: Uint8Array): Promise<void>;
  /** Checks the copy and makes it the complete one. */
  commit(signal?: AbortSignal): Promise<CommitResult>;
  /** Ends writing before the end; what is there may be resumed. Does nothing after `commit`. */
  close(): Promise<void>;
  /** Ends writing and removes what was written. */
  remove(): Promise<void>;
}

/**
 * A place for copies of files, by URL. Its methods throw the host's errors; an aborted signal throws its own reason.
 */
export interface FileCache {
  /** Finds what is there and has been verified. */
  find(url: string, signal?: AbortSignal): Promise<CachedFile>;
  /** Begins or continues a copy. Gives nothing if the partial copy that was to be continued has gone since `find`. */
  write(url: string, file: IncomingFile): Promise<CacheWriter | undefined>;
  /** Notes that the server has no such file. */
  markMissing(url: string): Promise<void>;
}

/** A field of a value that may have none. */
export function fieldOf(value: unknown, key: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined;
}
