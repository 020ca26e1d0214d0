/**
 * Where workers leave what they made, so that others find it.
 *
 * @module
 */

/** Files of a build, by their names. */
export interface JobStorage {
  /** Where they are, for messages. */
  readonly name: string;
  /** Writes a file at once: nobody ever sees a part of it. */
  put(name: string, bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  /** Reads a file; nothing where it is not there. */
  get(name: string): Promise<Uint8Array<ArrayBuffer> | undefined>;
  /** Removes files, in their order, where they are there. */
  remove(names: readonly string[]): Promise<void>;
  /** Removes all that is there of the build. */
  clear(): Promise<void>;
}
