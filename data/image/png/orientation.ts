/**
 * The orientation of a PNG file. EXIF data have a chunk of their own; older programs keep them, and XMP, in texts.
 *
 * @module
 */

import { exifOrientation, xmpOrientation } from "../exif.ts";
import { Inflater } from "./inflate.ts";

/** Compressed texts are read up to this length, which such data stay far below. */
const MAX_TEXT_BYTES = 1 << 20;

/** The orientation by a chunk's EXIF data or its XMP; most chunks have neither. */
export interface ChunkOrientation {
  readonly exif?: number | undefined;
  readonly xmp?: number | undefined;
}

/**
 * Reads an orientation out of a chunk.
 *
 * @param type The chunk's type.
 * @param content Its data.
 * @returns The orientation that it gives, if any.
 */
export async function orientationOfChunk(type: string, content: Uint8Array): Promise<ChunkOrientation> {
  if (type === "eXIf") return { exif: exifOrientation(content) };
  if (type !== "tEXt" && type !== "zTXt" && type !== "iTXt") return {};
  const end = content.indexOf(0);
  const keyword = String.fromCharCode(...content.subarray(0, Math.min(end, 79)));
  if (keyword === "XML:com.adobe.xmp") return { xmp: xmpOrientation(await textOf(type, content, end + 1)) };
  if (keyword === "Raw profile type exif") {
    return { exif: exifOrientation(fromHex(await textOf(type, content, end + 1))) };
  }
  return {};
}

/** The text of a chunk behind its keyword (PNG, 11.3.3). */
async function textOf(type: string, content: Uint8Array, at: number): Promise<Uint8Array> {
  if (type === "tEXt") return content.subarray(at);
  if (type === "zTXt") return await inflated(content.subarray(at + 1)); // behind the method
  const language = content.indexOf(0, at + 2);
  const translated = content.indexOf(0, language + 1);
  if (language === -1 || translated === -1) return new Uint8Array(0);
  const text = content.subarray(translated + 1);
  return content[at] === 1 ? await inflated(text) : text;
}

async function inflated(compressed: Uint8Array): Promise<Uint8Array> {
  const inflater = new Inflater([compressed]);
  const text = new Uint8Array(MAX_TEXT_BYTES);
  let length = 0;
  try {
    while (length < text.length && await inflater.more()) length += inflater.take(text, length);
  } finally {
    await inflater.close();
  }
  return text.subarray(0, length);
}

/** ImageMagick's spelling of binary data: a line that is empty, a name, a length, then lines of hexadecimal digits. */
function fromHex(text: Uint8Array): Uint8Array {
  const digits = new TextDecoder().decode(text.slice()).split("\n").slice(3).join("");
  return Uint8Array.from(digits.match(/[0-9a-f]{2}/gi) ?? [], (byte) => parseInt(byte, 16));
}
