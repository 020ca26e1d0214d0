/**
 * Kinds of files, told by how they begin.
 *
 * @module
 */

/** A kind whose files have certain bytes, written as characters, at a place. */
interface Kind {
  readonly name: string;
  readonly bytes: string;
  readonly at: number;
}

/** The first that fits counts. */
const KINDS: readonly Kind[] = [
  { name: "PNG", at: 0, bytes: "\x89PNG\r\n\x1a\n" },
  { name: "JPEG", at: 0, bytes: "\xff\xd8\xff" },
  { name: "a GIF image", at: 0, bytes: "GIF8" },
  { name: "a WebP image", at: 8, bytes: "WEBP" },
  { name: "an AVIF image", at: 4, bytes: "ftypavi" },
  { name: "a HEIC image", at: 4, bytes: "ftyphe" },
  { name: "a HEIF image", at: 4, bytes: "ftypmif1" },
  { name: "a HEIF image", at: 4, bytes: "ftypmsf1" },
  { name: "an MP4 or QuickTime film", at: 4, bytes: "ftyp" },
  { name: "a JPEG XL image", at: 0, bytes: "\xff\x0a" },
  { name: "a JPEG XL image", at: 4, bytes: "JXL " },
  { name: "a JPEG 2000 image", at: 4, bytes: "jP  " },
  { name: "a JPEG 2000 image", at: 0, bytes: "\xff\x4f\xff\x51" },
  { name: "a TIFF image", at: 0, bytes: "II*\0" },
  { name: "a TIFF image", at: 0, bytes: "II+\0" },
  { name: "a TIFF image", at: 0, bytes: "MM\0*" },
  { name: "a TIFF image", at: 0, bytes: "MM\0+" },
  { name: "a BMP image", at: 0, bytes: "BM" },
  { name: "an icon", at: 0, bytes: "\0\0\x01\0" },
  { name: "a Photoshop image", at: 0, bytes: "8BPS" },
  { name: "a PDF document", at: 0, bytes: "%PDF-" },
  { name: "a ZIP archive", at: 0, bytes: "PK\x03\x04" },
  { name: "gzip-compressed data", at: 0, bytes: "\x1f\x8b" },
  { name: "a Git LFS pointer", at: 0, bytes: "version https://git-lfs" },
];

/** Characters of a text that are looked at. */
const TEXT_START = 1024;

/**
 * Tells what a file is.
 *
 * @param bytes The file.
 * @returns The kind's name; undefined where it is none of those known here.
 */
export function kindOf(bytes: Uint8Array): string | undefined {
  const start = String.fromCharCode(...bytes.subarray(0, TEXT_START));
  return KINDS.find(({ at, bytes }) => start.startsWith(bytes, at))?.name ?? kindOfText(start);
}

/** Markup by its first element, whatever comes before that; comments, for one. */
function kindOfText(start: string): string | undefined {
  const text = start.replace(/^\xef\xbb\xbf/, "").trimStart();
  if (text.startsWith("<")) {
    const element = /<(svg|!doctype\s+html|html|head|body)[\s>]/i.exec(text)?.[1]?.toLowerCase();
    if (element === "svg") return "an SVG drawing";
    return element === undefined ? "XML" : "an HTML page";
  }
  return /^[{[]\s*["{[\]}]/.test(text) ? "JSON" : undefined;
}
