/**
 * Copies of downloaded files: what a cache offers, and how its answers are named.
 *
 * A copy is compared with the hash that the hub gives before it is kept, and with the hash it had then whenever it is
 * used: what a disk or an editor changed is as good as not there. No cache is needed to go on, so what a cache can't do
 * (a folder that may not be written, a full disk) is for the caller to do without.
 *
 * @module
 */

import type { ByteSource } from "../files/byte_source.ts";

/** A file as it was sent, whether that was right or not. */
export interface CompleteCopy {
  /** What it is asked after with, see `Download.tag`. */
  readonly tag: string | undefined;
  /** Whether it is what the hub has, by the hub's own hash. */
  readonly isProven: boolean;
  /** Its bytes. */
  readonly source: ByteSource;
}

/** What a cache knows of a file. */
export interface CachedFile {
  /** The complete copy, if there is one. */
  readonly complete?: CompleteCopy | undefined;
  /** A download that broke off: what its bytes belong to, and how many it can go on after, fewer than `size`. */
  readonly partial?: { readonly validator: string; readonly size: number; readonly length: number } | undefined;
  /** Whether the server said, when it was last asked, that there is no such file. */
  readonly missing: boolean;
}

/** What identifies the content that is written to a cache. */
export interface IncomingFile {
  /** What the copy is asked after with, see `Download.tag`. */
  readonly tag: string | undefined;
  /** The hash that the hub gives the file, see `checksumOf`. */
  readonly checksum: string | undefined;
  /** What a resumed download says the earlier bytes belong to; absent: it can't be resumed. */
  readonly validator: string | undefined;
  /** The size, where it is known. */
  readonly size: number | undefined;
  /** The first byte that will be written: 0, or the length of the partial copy. */
  readonly from: number;
}

/**
 * How writing a copy ended: it is kept; or it has gone meanwhile, because another process fetched another version; or its
 * bytes are not those that the hub's hash is of, and it has been removed.
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

/** A place for copies of files, by URL. Its methods fail as the host does; only an aborted signal has its own reason. */
export interface HubCache {
  /** What is there and has been found right. */
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
