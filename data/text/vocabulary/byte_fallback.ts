/**
 * Tokens for single bytes, spelled "<0x00>" to "<0xFF>", which stand for characters outside a vocabulary.
 *
 * @module
 */

import type { Vocabulary } from "./vocabulary.ts";

/** The ids of a vocabulary's bytes, `undefined` for those that it lacks. */
export function byteTokens(vocabulary: Vocabulary): (number | undefined)[] {
  return Array.from({ length: 256 }, (_, byte) => {
    const hex = byte.toString(16).toUpperCase().padStart(2, "0");
    return vocabulary.idOf(`<0x${hex}>`);
  });
}

/** The ids of a text's bytes, if the vocabulary has all of them. */
export function idsOfBytes(text: string, tokens: readonly (number | undefined)[]): number[] | undefined {
  const ids: number[] = [];
  for (const byte of utf8.encode(text)) {
    const id = tokens[byte];
    if (id === undefined) return undefined;
    ids.push(id);
  }
  return ids;
}

/** The byte that a token stands for. Rust reads a number of two places, of which the first may be "+". */
export function byteOfToken(token: string): number | undefined {
  const digits = /^<0x([0-9A-Fa-f]{2}|\+[0-9A-Fa-f])>$/.exec(token)?.[1];
  return digits === undefined ? undefined : parseInt(digits, 16);
}

const utf8 = new TextEncoder();
