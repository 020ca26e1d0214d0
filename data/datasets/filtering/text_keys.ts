/**
 * What texts are compared by, so that those can be left out that were there before.
 *
 * @module
 */

import { shinglesOf, signatureOf } from "./min_hash.ts";

/** Numbers of the hash of a text: 128 bits of SHA-256, so that no two texts ever have the same. */
export const HASH_WORDS = 4;

/** What a text is compared by. */
export interface TextKeys {
  /** Its hash: [HASH_WORDS]. */
  hash(): Promise<Uint32Array>;
  /** Its signature: [SIGNATURE]; nothing where it has no words. */
  signature(): Uint16Array | undefined;
}

/** What a text is compared by, computed where it is asked for. */
export function keysOf(text: string): TextKeys {
  return {
    hash: async () =>
      new Uint32Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)), 0, HASH_WORDS),
    signature: () => {
      const shingles = shinglesOf(text);
      return shingles.size === 0 ? undefined : signatureOf(shingles);
    },
  };
}
