/**
 * The alphabet of byte-level BPE. GPT-2's vocabulary spells bytes as printable characters: those that are printable in
 * Latin-1 stand for themselves, the others take the characters from U+0100 on, in order ("Ġ" is the space).
 *
 * @module
 */

/** Character of each byte. */
const CHARACTER_OF: readonly string[] = byteAlphabet();

/** Byte of each character of the alphabet. */
const BYTE_OF: ReadonlyMap<string, number> = new Map(CHARACTER_OF.map((character, byte) => [character, byte]));

const utf8 = new TextEncoder();

/** The UTF-8 of a text, spelled in the alphabet. */
export function byteCharacters(text: string): string {
  if (/^ ?[!-~]*$/.test(text)) return text.startsWith(" ") ? `Ġ${text.slice(1)}` : text;
  const bytes = utf8.encode(text);
  return spellBytes(bytes, 0, bytes.length);
}

/** The bytes between two places, spelled in the alphabet. */
export function spellBytes(bytes: Uint8Array, start: number, end: number): string {
  let spelled = "";
  for (let i = start; i < end; i++) spelled += characterOfByte(bytes[i] ?? 0);
  return spelled;
}

/** The character of a byte. */
export function characterOfByte(byte: number): string {
  return CHARACTER_OF[byte] ?? "";
}

/**
 * The bytes that a vocabulary entry of byte-level BPE spells. An entry with a character outside the alphabet stands for
 * itself, as in the Rust tokenizers.
 *
 * @param token An entry of the vocabulary.
 * @returns Its bytes: a piece of UTF-8 that may begin or end inside a character.
 */
export function bytesOfToken(token: string): Uint8Array {
  const bytes = new Uint8Array(token.length); // the alphabet lies in the basic plane: a character is one UTF-16 unit
  for (let i = 0; i < token.length; i++) {
    const byte = BYTE_OF.get(token.charAt(i));
    if (byte === undefined) return utf8.encode(token);
    bytes[i] = byte;
  }
  return bytes;
}

function byteAlphabet(): string[] {
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => {
    const isPrintable = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte !== 0xad);
    return String.fromCharCode(isPrintable ? byte : next++);
  });
}
