/**
 * Tells by its first bytes what a file is that was given as safetensors or JSON and is neither.
 *
 * @module
 */

/** The number of first bytes that are looked at. A tar archive says what it is at byte 257. */
export const SIGNATURE_BYTES = 512;

/** A kind of file, and what to do where weights were expected. */
interface Format {
  /** What it is. */
  readonly what: string;
  /** What to do. */
  readonly advice: string;
  /** Whether a file is one. `text` has a character for every byte. */
  readonly matches: (text: string) => boolean;
}

const FETCH = "look at the address and the login, and download the file itself";

/** What to do with a file of PyTorch. */
export const FROM_PYTORCH =
  'convert it with Python: safetensors.torch.save_file(torch.load(path, weights_only=True), "model.safetensors")';
const UNPACK = "unpack it first";

/** A test for files that begin with some characters. */
function begins(...signatures: readonly string[]): Format["matches"] {
  return (text) => signatures.some((signature) => text.startsWith(signature));
}

/** The name of the first file in a zip archive; empty for other files. */
function zipEntry(text: string): string {
  if (!text.startsWith("PK\x03\x04")) return "";
  return text.slice(30, 30 + text.charCodeAt(26) + 256 * text.charCodeAt(27));
}

const FORMATS: readonly Format[] = [
  { what: "empty, cut off before its first byte", advice: "download or copy it again", matches: (text) => text === "" },
  {
    what: "nothing but zeros at its beginning, as of a download that broke off",
    advice: "download it again",
    matches: (text) => text.length >= 16 && /^\0+$/.test(text),
  },
  {
    what: "a pointer of Git LFS",
    advice: "run `git lfs pull` to get the file itself",
    matches: begins("version https://git-lfs", "version https://hawser"),
  },
  {
    what: "a web page (HTML)",
    advice: FETCH,
    matches: (text) => /^[\s\u00ef\u00bb\u00bf]*<(!doctype html|html|head|body|script|!--)/i.test(text),
  },
  { what: "XML", advice: FETCH, matches: (text) => /^[\s\u00ef\u00bb\u00bf]*<\?xml/i.test(text) },
  {
    what: "an index of safetensors files (JSON)",
    advice: 'give the folder, or a path that ends in ".index.json", with the files beside it',
    matches: (text) => /^\s*\{/.test(text) && /"weight_map"|"total_size"/.test(text),
  },
  {
    what: "JSON",
    advice: "give the file of the weights; a server may have answered with an error",
    matches: (text) => /^\s*(\{\s*["}]|\[\s*["\d{[\]])/.test(text),
  },
  { what: "a GGUF file of llama.cpp", advice: "use the model's safetensors files", matches: begins("GGUF", "FUGG") },
  {
    what: "a GGML file of an early llama.cpp",
    advice: "use the model's safetensors files",
    matches: begins("lmgg", "fmgg", "tjgg", "algg"),
  },
  {
    what: "an archive of NumPy arrays (.npz)",
    advice: 'convert it with Python: safetensors.numpy.save_file(dict(numpy.load(path)), "model.safetensors")',
    matches: (text) => zipEntry(text).endsWith(".npy"),
  },
  {
    what: "a PyTorch checkpoint (.bin, .pt, .pth)",
    advice: FROM_PYTORCH,
    matches: (text) => /\/(data\.pkl|constants\.pkl|version|byteorder)$/.test(zipEntry(text)),
  },
  { what: "a zip archive", advice: UNPACK, matches: begins("PK\x03\x04", "PK\x05\x06") },
  {
    what: "a Python pickle, as of a PyTorch checkpoint (.bin, .pt, .pth)",
    advice: FROM_PYTORCH,
    matches: begins("\x80\x02", "\x80\x03", "\x80\x04", "\x80\x05"),
  },
  {
    what: "a NumPy array (.npy)",
    advice: 'convert it with Python: safetensors.numpy.save_file({name: numpy.load(path)}, "model.safetensors")',
    matches: begins("\x93NUMPY"),
  },
  {
    what: "an ONNX model",
    advice: "use the checkpoint that it was exported from",
    // Field 1, the version of the format in one byte; then field 2, the name of the program that made it.
    matches: (text) => text[0] === "\x08" && text[2] === "\x12",
  },
  {
    what: "an HDF5 file, as of Keras",
    advice: "use the model's safetensors files",
    matches: begins("\x89HDF\r\n\x1a\n"),
  },
  {
    what: "a TensorFlow Lite model",
    advice: "use the checkpoint that it was exported from",
    matches: (text) => text.startsWith("TFL3", 4),
  },
  {
    what: "compressed",
    advice: UNPACK,
    matches: begins("\x1f\x8b", "BZh", "\xfd7zXZ\0", "\x28\xb5\x2f\xfd", "7z\xbc\xaf\x27\x1c", "\x04\x22\x4d\x18"),
  },
  { what: "a tar archive", advice: UNPACK, matches: (text) => text.startsWith("ustar", 257) },
  { what: "a PDF document", advice: FETCH, matches: begins("%PDF-") },
  { what: "an image", advice: FETCH, matches: begins("\x89PNG", "\xff\xd8\xff", "GIF8") },
  { what: "a text", advice: FETCH, matches: (text) => text.length > 8 && /^[\t\n\r\x20-\x7e\x80-\xff]+$/.test(text) },
];

/**
 * What a file is instead, and what to do.
 *
 * @param start Its first bytes, up to `SIGNATURE_BYTES`.
 * @returns Nothing if that can't be told.
 */
export function otherFormat(start: Uint8Array): string | undefined {
  const text = String.fromCharCode(...start.subarray(0, SIGNATURE_BYTES));
  const format = FORMATS.find(({ matches }) => matches(text));
  return format && `it is ${format.what}; ${format.advice}`;
}
