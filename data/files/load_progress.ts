/**
 * How far a load of several files is in all.
 *
 * @module
 */

import type { Progress } from "./byte_source.ts";

/** Counts the bytes of files that are downloaded one after the other. */
export class LoadProgress {
  readonly #onProgress: ((progress: Progress) => void) | undefined;
  /** Bytes that came of each file, and its size where that is known. */
  readonly #files = new Map<string, { readonly loaded: number; readonly total: number | undefined }>();
  #expected: number | undefined;

  /** @param onProgress Gets what `report` gets, with the counts over all files. */
  constructor(onProgress: ((progress: Progress) => void) | undefined) {
    this.#onProgress = onProgress;
  }

  /**
   * Says what is known of the files to come.
   *
   * @param bytes Bytes of all files together, as far as they are known beforehand; nothing if more may come.
   */
  expect(bytes: number | undefined): void {
    this.#expected = bytes;
  }

  /** Counts a file that was at hand, of which `report` heard nothing. */
  arrived(file: string, size: number | undefined): void {
    if (size !== undefined && !this.#files.has(file)) this.#files.set(file, { loaded: size, total: size });
  }

  /** Hands a file's progress on. */
  readonly report = (progress: Progress): void => {
    this.#files.set(progress.file, progress);
    const files = [...this.#files.values()];
    const loaded = files.reduce((sum, file) => sum + file.loaded, 0);
    const known = files.reduce((sum, file) => sum + (file.total ?? NaN), 0);
    const isKnown = this.#expected !== undefined && !Number.isNaN(known);
    const total = isKnown ? Math.max(known, this.#expected ?? 0) : undefined;
    this.#onProgress?.({ ...progress, whole: { loaded, total } });
  };
}
