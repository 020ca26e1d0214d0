/**
 * Downloads that survive a bad network: cut connections are resumed where they broke (RFC 9110: `Range` with
 * `If-Range`), lengths are compared with what was announced, and web pages are not mistaken for files.
 *
 * @module
 */

import { WeightsError } from "../../errors.ts";
import type { ErrorClass } from "../files/byte_source.ts";
import { checksumOf } from "../hub/checksum.ts";
import { codingsOf, decodedBody } from "./content_coding.ts";
import { isHtmlPage, PAGE_HEAD_BYTES } from "./html_page.ts";
import { type Answer, type DownloadOptions, faultOf, isPage, NoAnswer, pause, request } from "./http.ts";
import { receivedChunks } from "./received_chunks.ts";
import { type Refusal, refusalError, refusalOf } from "./refusal.ts";
import { showUrl } from "./show_url.ts";

/** The part of a file to ask for. */
export interface DownloadRange {
  /** First byte to send. Default 0. */
  readonly from?: number | undefined;
  /**
   * The version that the bytes before `from` belong to: an ETag or date. A file that has changed since comes from its
   * beginning.
   */
  readonly validator?: string | undefined;
  /** `Download.tag` of a copy at hand. If that is still current, nothing is sent. */
  readonly tagAtHand?: string | undefined;
}

/** A file that has begun to come in. */
export interface Download {
  /** Tells it from the other answers. */
  readonly kind: "download";
  /** Tells this version of the file from others: its ETag as the server wrote it, or else its date. */
  readonly tag: string | undefined;
  /** The hash that a hub gives the file, see `checksumOf`. Another server's ETag is no hub's word. */
  readonly checksum: string | undefined;
  /** A value for `DownloadRange.validator` to resume this file later; absent if the server offers none. */
  readonly validator: string | undefined;
  /** Size of the whole file in bytes, where the server says it. A claim: nothing is allocated for it. */
  readonly size: number | undefined;
  /** Whether a connection that is cut can be told from the end of the file: by a length, or the form of the body. */
  readonly isEndSure: boolean;
  /** Whether the server forbids to keep copies (`Cache-Control: no-store`). */
  readonly forbidsCopies: boolean;
  /** The first byte that comes: what was asked for, or 0. */
  readonly from: number;
  /** Where a list goes on that comes in pages (RFC 8288: `Link`), relative to the URL that was asked for. */
  readonly nextPage: string | undefined;
  /** Whether the file on the server became another one while it came in, so that the download failed. */
  readonly changed: boolean;
  /** The bytes, once. */
  chunks(): AsyncGenerator<Uint8Array>;
  /** Ends the download. */
  cancel(): Promise<void>;
}

/** The answer that a copy at hand is right. */
export interface Unchanged {
  /** Tells it from the other answers. */
  readonly kind: "unchanged";
}

/** A connection that brought this many bytes resets the count of failures. */
export const PROGRESS_BYTES = 1 << 16;

/** Bytes of the largest JSON file that is fetched: as many as fit into a string. */
const MOST_JSON_BYTES = 2 ** 29 - 1;

/**
 * All bytes, as a range. Browsers ask servers to compress, decompress the answer, and hide the header that says so from
 * pages of other sites, so that `Content-Length` can't be trusted. They ask for ranges uncompressed.
 */
const WHOLE = { range: "bytes=0-" };

/**
 * Asks for a file.
 *
 * @param url Where it is.
 * @param range The part of it that is wanted, and the copy at hand.
 * @returns The download, or what the server answered instead.
 * @throws {Error} If the server can't be reached or breaks its protocol; its class is `options.errorClass`.
 */
export async function startDownload(
  url: string,
  range: DownloadRange = {},
  options: DownloadOptions = {},
): Promise<Download | Refusal | Unchanged> {
  const { from = 0, validator, tagAtHand } = range;
  if (tagAtHand !== undefined && isPage()) {
    const { response } = await request(url, { range: "bytes=0-0" }, options);
    await response.body?.cancel();
    return sameTag(response, tagAtHand)
      ? { kind: "unchanged" }
      : await startDownload(url, { from, validator }, options);
  }
  const resuming = from > 0 && validator !== undefined;
  const headers = resuming ? rangeHeaders(from, validator) : isPage() ? WHOLE : {};
  let answer = await request(url, { ...headers, ...conditionOf(tagAtHand) }, options);
  if (headers === WHOLE && isNoPlainRange(answer.response)) {
    await answer.response.body?.cancel();
    answer = await request(url, {}, options);
  }
  const { response } = answer;
  if (response.status === 304 && tagAtHand !== undefined) {
    await response.body?.cancel();
    return { kind: "unchanged" };
  }
  if (resuming && (response.status === 416 || (response.status === 206 && !isRest(response, validator)))) {
    await response.body?.cancel();
    return await startDownload(url, { tagAtHand }, options);
  }
  if (response.status !== 200 && response.status !== 206) return await refusalOf(response);
  // A server without conditional requests, or a proxy that drops the condition, sends the same file again.
  if (tagAtHand !== undefined && sameTag(response, tagAtHand, answer.linkedEtag)) {
    await response.body?.cancel();
    return { kind: "unchanged" };
  }
  try {
    return new ResumingDownload(url, answer, from, options);
  } catch (error) {
    await response.body?.cancel();
    throw error;
  }
}

class ResumingDownload implements Download {
  readonly kind = "download";
  readonly tag: string | undefined;
  readonly checksum: string | undefined;
  readonly validator: string | undefined;
  readonly size: number | undefined;
  readonly isEndSure: boolean;
  readonly forbidsCopies: boolean;
  readonly from: number;
  readonly nextPage: string | undefined;
  changed = false;
  readonly #url: string;
  /** The URL as messages show it. */
  readonly #name: string;
  readonly #options: DownloadOptions;
  readonly #errorClass: ErrorClass;
  #body: ReadableStream<Uint8Array> | null;

  constructor(url: string, { response, isElsewhere, linkedEtag }: Answer, from: number, options: DownloadOptions) {
    this.#url = url;
    this.#name = showUrl(url);
    this.#options = options;
    this.#errorClass = options.errorClass ?? WeightsError;
    const part = partOf(response, from);
    const isCoded = codingsOf(response).length > 0;
    if (response.status === 206 && (part?.begin !== from || isCoded)) {
      const sent = isCoded ? "a compressed part" : response.headers.get("content-range");
      throw new this.#errorClass(
        `Cannot fetch ${this.#name}: the server sent ${sent} when asked for bytes from ${from}`,
      );
    }
    try {
      this.#body = decodedBody(response);
    } catch (error) {
      throw new this.#errorClass(`Cannot read ${this.#name}: ${faultOf(error)}`);
    }
    this.from = part?.begin ?? 0;
    this.size = part === undefined ? wholeLength(response) : part.total;
    this.#refuseLength(this.size);
    this.tag = tagOf(response);
    this.checksum = checksumOf(linkedEtag ?? (isElsewhere ? undefined : response.headers.get("etag")));
    const isSelfEnding = isCoded || response.headers.get("transfer-encoding") === "chunked";
    this.isEndSure = this.size !== undefined || isSelfEnding;
    this.forbidsCopies = /\bno-store\b/i.test(response.headers.get("cache-control") ?? "");
    this.nextPage = nextPageOf(response);
    // Positions in a compressed body are not those in the file.
    this.validator = isCoded ? undefined : validatorOf(response);
  }

  async *chunks(): AsyncGenerator<Uint8Array> {
    yield* this.from === 0 ? this.#withoutPages(this.#pieces()) : this.#pieces();
  }

  async cancel(): Promise<void> {
    // A body that failed has nothing left to cancel, and says so by failing again.
    await this.#body?.cancel().catch(() => {});
  }

  /** The bytes from `from` on, over as many connections as it takes. */
  async *#pieces(): AsyncGenerator<Uint8Array> {
    const { signal, retries = 5 } = this.#options;
    let position = this.from;
    let failures = 0;
    let begin = position;
    while (true) {
      let why = "the server ended it";
      try {
        for await (const chunk of receivedChunks(this.#body, this.#options)) {
          position += chunk.byteLength;
          if (this.size !== undefined && position > this.size) break;
          this.#refuseLength(position);
          if (position - begin >= PROGRESS_BYTES) failures = 0;
          yield chunk;
        }
        if (this.size === undefined) return;
      } catch (error) {
        signal?.throwIfAborted();
        if (error instanceof this.#errorClass) throw error;
        why = faultOf(error);
      }
      if (position === this.size) return;
      if (this.size !== undefined && position > this.size) {
        throw new this.#errorClass(
          `Cannot fetch ${this.#name}: the server sent more than the ${this.size} bytes that it announced`,
        );
      }
      failures++;
      if (failures > retries || this.validator === undefined) {
        const all = this.size ?? "an unknown number of";
        throw new this.#errorClass(
          `Cannot fetch ${this.#name}: the download broke off after ${position} of ${all} bytes, because ${why}`,
        );
      }
      await pause(failures, undefined, this.#options);
      await this.#resume(position);
      begin = position;
    }
  }

  /** Passes bytes on, unless they are a web page. */
  async *#withoutPages(pieces: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
    if (/\.(html?|md|svg|xml)$/i.test(new URL(this.#url).pathname)) return yield* pieces;
    const held: Uint8Array<ArrayBuffer>[] = [];
    let length = 0;
    let isKnown = false;
    const judge = async () => {
      isKnown = true;
      if (!isHtmlPage(new Uint8Array(await new Blob(held).arrayBuffer()))) return;
      const fault = "it sent a web page (HTML) in place of the file";
      const advice = "a sign-in page of the network or of a proxy does that: open the URL in a browser";
      throw new this.#errorClass(`Cannot fetch ${this.#name}: ${fault}; ${advice}`, { cause: new NoAnswer(fault) });
    };
    for await (const piece of pieces) {
      if (isKnown) {
        yield piece;
        continue;
      }
      held.push(piece.slice());
      length += piece.byteLength;
      if (length < PAGE_HEAD_BYTES) continue;
      await judge();
      yield* held;
    }
    if (isKnown) return;
    await judge();
    yield* held;
  }

  /** Asks for the rest of the same file. */
  async #resume(position: number): Promise<void> {
    const headers = rangeHeaders(position, this.validator ?? "");
    const { response } = await request(this.#url, headers, this.#options);
    if (response.status === 416) {
      await response.body?.cancel();
      throw new this.#errorClass(
        `Cannot fetch ${this.#name}: it announced ${this.size ?? "more"} bytes but ends after ${position}`,
      );
    }
    if (response.status !== 200 && response.status !== 206) {
      throw refusalError(this.#url, await refusalOf(response), this.#errorClass);
    }
    this.#body = response.body;
    const part = partOf(response, position);
    const samePart = part !== undefined && part.begin === position && part.total === this.size;
    if (samePart && isRest(response, this.validator)) return;
    await this.cancel();
    if (codingsOf(response).length > 0 || (response.status === 200 && validatorOf(response) === this.validator)) {
      throw new this.#errorClass(
        `Cannot fetch ${this.#name}: the download broke off after ${position} bytes, and the server can't send the rest alone`,
      );
    }
    this.changed = true;
    throw new this.#errorClass(`Cannot fetch ${this.#name}: it became another file while it was read; try again`);
  }

  /** Refuses a length that no file of its kind has, announced or arrived. */
  #refuseLength(length: number | undefined): void {
    if (length === undefined) return;
    const isJson = /\.json$/i.test(new URL(this.#url).pathname);
    if (Number.isSafeInteger(length) && !(isJson && length > MOST_JSON_BYTES)) return;
    const rule = isJson ? `a JSON file has up to ${MOST_JSON_BYTES}` : "no file is that long";
    throw new this.#errorClass(`Cannot fetch ${this.#name}: it announces or sends ${length} bytes, and ${rule}`);
  }
}

/**
 * Asks for the bytes from one on.
 *
 * @param validator The version that they must belong to, where one is known.
 * @param end The byte after the last one. Default: the file's end.
 */
export function rangeHeaders(from: number, validator: string | undefined, end?: number): Record<string, string> {
  const range = `bytes=${from}-${end === undefined ? "" : end - 1}`;
  return isPage() || validator === undefined ? { range } : { range, "if-range": validator };
}

/**
 * Whether a part belongs to the file that was asked for, and can be put behind its beginning. A server that answers
 * `If-Range` without a validator has confirmed it.
 */
export function isRest(answer: Response, validator: string | undefined): boolean {
  if (codingsOf(answer).length > 0) return false;
  return (validatorOf(answer) ?? (isPage() ? undefined : validator)) === validator;
}

function nextPageOf({ headers }: Response): string | undefined {
  return /<([^>]*)>\s*;[^,]*\brel="?next\b/.exec(headers.get("link") ?? "")?.[1];
}

function tagOf({ headers }: Response): string | undefined {
  return headers.get("etag") ?? headers.get("last-modified") ?? undefined;
}

/** The condition that a file is another than the one with this tag. */
function conditionOf(tag: string | undefined): Record<string, string> {
  if (tag === undefined) return {};
  const isDate = /^[A-Z][a-z]{2}, /.test(tag);
  return isDate ? { "if-modified-since": tag } : { "if-none-match": tag };
}

/**
 * Whether an answer has a tag, or comes from a redirect that has it. A tag that a proxy made weak by compressing counts
 * as the same.
 */
function sameTag(answer: Response, tag: string, linkedEtag?: string): boolean {
  return [tagOf(answer), linkedEtag].some((each) => each?.replace(/^W\//, "") === tag.replace(/^W\//, ""));
}

/** Whether a file can't be asked for as a range: it is empty, or compressed all the same. */
function isNoPlainRange(answer: Response): boolean {
  return answer.status === 416 || (answer.status === 206 && codingsOf(answer).length > 0);
}

/** The range that a partial answer says it holds, or must hold where a page of another site can't see it. */
export function partOf(answer: Response, asked: number): { begin: number; total: number | undefined } | undefined {
  if (answer.status !== 206) return undefined;
  const range = answer.headers.get("content-range");
  if (range === null && asked === 0 && isPage()) return { begin: 0, total: wholeLength(answer) };
  const match = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(range ?? "");
  if (match === null) return { begin: -1, total: undefined };
  return { begin: Number(match[1]), total: match[2] === "*" ? undefined : Number(match[2]) };
}

/**
 * The file's size as a full answer gives it; none if the answer is compressed, because its length counts the bytes
 * sent.
 */
function wholeLength(answer: Response): number | undefined {
  const length = answer.headers.get("content-length");
  return length !== null && /^\d+$/.test(length) && codingsOf(answer).length === 0 ? Number(length) : undefined;
}

/** Names the exact bytes of a file: an ETag that is not weak, or else the date of the last change. */
export function validatorOf(answer: Response): string | undefined {
  const etag = answer.headers.get("etag");
  if (etag !== null && !etag.startsWith("W/")) return etag;
  return answer.headers.get("last-modified") ?? undefined;
}
