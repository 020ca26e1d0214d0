/**
 * Recognizes web pages that came in place of files: sign-in pages of networks, error pages of proxies and servers.
 *
 * @module
 */

/** Bytes from the beginning of a file that tell whether it is a page. */
export const PAGE_HEAD_BYTES = 1024;

/** Whether bytes begin as a web page does: with a comment, a doctype or one of a page's first tags. */
export function isHtmlPage(bytes: Uint8Array): boolean {
  // UTF-16 pages begin with a byte-order mark; neither JSON files nor weights do.
  const encoding = bytes[0] === 0xff && bytes[1] === 0xfe ? "utf-16le" : "utf-8";
  const head = new TextDecoder(encoding).decode(bytes.subarray(0, PAGE_HEAD_BYTES)).trimStart();
  return /^<(?:!--|\?xml|!doctype\s+html|(?:html|head|body|title|meta|script|center|a)\b)/i.test(head);
}

/**
 * Says what a file is that should have been JSON, for the end of a message: "is not JSON", or more.
 *
 * @param bytes The file, or its beginning.
 */
export function whyNotJson(bytes: Uint8Array): string {
  if (bytes.byteLength === 0) return "is not JSON but empty";
  if (isHtmlPage(bytes)) return "is not JSON but a web page (HTML): a sign-in or an error page was saved in its place";
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) return "is not JSON but compressed (gzip): unpack it";
  if (bytes[0] === 0x50 && bytes[1] === 0x4b) return "is not JSON but an archive (zip): unpack it";
  const head = new TextDecoder().decode(bytes.subarray(0, 40));
  if (head.startsWith("version https://git-lfs")) return "is not JSON but a pointer of Git LFS: run `git lfs pull`";
  return "is not JSON";
}
