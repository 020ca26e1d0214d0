/**
 * Downloads that survive a bad network: retries with growing pauses, `Retry-After`, and cut connections taken up where
 * they broke (RFC 9110: `Range` with `If-Range`).
 *
 * @module
 */

import { WeightsError } from "../backend.ts";
import { type ErrorClass, messageOf, streamChunks } from "./byte_source.ts";
import { hostHasFiles } from "./local_files.ts";

/** Options of `startDownload`. */
export interface DownloadOptions {
  /** Sent with every request. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Aborts the download, which then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Tries after a first one that failed, counted anew whenever bytes arrive. Default 5. */
  readonly retries?: number | undefined;
  /** Pause before the first retry in milliseconds; doubles with each one. Default 500. */
  readonly retryDelay?: number | undefined;
  /** Milliseconds without an answer or a byte after which a connection counts as cut. Default 60,000. */
  readonly stallTimeout?: number | undefined;
  /** Class of the errors thrown. Default `WeightsError`. */
  readonly errorClass?: ErrorClass | undefined;
}

/** Which part of a file is asked for. */
export interface DownloadRange {
  /** First byte to send. Default 0. */
  readonly from?: number | undefined;
  /** What the bytes before `from` belong to: an ETag or date. If the file is another by now, it comes from its beginning. */
  readonly validator?: string | undefined;
  /** ETag of a copy that is at hand: if it is still right, nothing needs to be sent. */
  readonly etagAtHand?: string | undefined;
}

/** A file that has begun to come in. */
export interface Download {
  /** The file's ETag as the server wrote it. */
  readonly etag: string | undefined;
  /** What `DownloadRange.validator` may say to go on with this file later; absent if the server offers nothing. */
  readonly validator: string | undefined;
  /** Size of the whole file in bytes, where the server says it. */
  readonly size: number | undefined;
  /** The first byte that comes: what was asked for, or 0. */
  readonly from: number;
  /** Whether the file on the server became another one while it came in, so that the download failed. */
  readonly changed: boolean;
  /** The bytes, once. */
  chunks(): AsyncGenerator<Uint8Array>;
  /** Ends the download. */
  cancel(): Promise<void>;
}

/** Longest pause that a server may ask for, in seconds. */
const LONGEST_RETRY_AFTER = 300;

/** Answers that may be others a moment later. */
const PASSING = [408, 425, 429, 500, 502, 503, 504];

/**
 * Asks for a file.
 *
 * @param url Where it is.
 * @param range Which part of it, and which copy is at hand.
 * @returns The download, "missing" if there is no such file, or "unchanged" if the copy at hand is right.
 * @throws {Error} Of `errorClass`, if the server can't be reached or refuses.
 */
export async function startDownload(
  url: string,
  range: DownloadRange = {},
  options: DownloadOptions = {},
): Promise<Download | "missing" | "unchanged"> {
  const { from = 0, validator, etagAtHand } = range;
  if (etagAtHand !== undefined && isPage()) {
    const probe = await request(url, { range: "bytes=0-0" }, options);
    await probe.body?.cancel();
    return sameTag(probe, etagAtHand) ? "unchanged" : await startDownload(url, { from, validator }, options);
  }
  const resuming = from > 0 && validator !== undefined;
  const headers = resuming ? rangeHeaders(from, validator) : {};
  const answer = await request(
    url,
    etagAtHand === undefined ? headers : { ...headers, "if-none-match": etagAtHand },
    options,
  );
  if (answer.status === 304) {
    await answer.body?.cancel();
    return "unchanged";
  }
  if (answer.status === 404 || answer.status === 410) {
    await answer.body?.cancel();
    return "missing";
  }
  if (resuming && (answer.status === 416 || (answer.status === 206 && !isSameFile(answer, validator)))) {
    await answer.body?.cancel();
    return await startDownload(url, { etagAtHand }, options);
  }
  await refuseFailure(answer, url, options);
  // A server without conditional requests, or a proxy that drops the condition, sends the same file again.
  if (etagAtHand !== undefined && sameTag(answer, etagAtHand)) {
    await answer.body?.cancel();
    return "unchanged";
  }
  return new ResumingDownload(url, answer, from, options);
}

class ResumingDownload implements Download {
  readonly etag: string | undefined;
  readonly validator: string | undefined;
  readonly size: number | undefined;
  readonly from: number;
  changed = false;
  readonly #url: string;
  readonly #options: DownloadOptions;
  readonly #errorClass: ErrorClass;
  #answer: Response;

  constructor(url: string, answer: Response, from: number, options: DownloadOptions) {
    this.#url = url;
    this.#options = options;
    this.#errorClass = options.errorClass ?? WeightsError;
    this.#answer = answer;
    const part = partOf(answer);
    if (answer.status === 206 && part?.begin !== from) {
      throw new this.#errorClass(
        `${url} sent ${answer.headers.get("content-range")} when asked for bytes from ${from}`,
      );
    }
    this.from = part?.begin ?? 0;
    this.size = part === undefined ? wholeLength(answer) : part.total;
    this.etag = answer.headers.get("etag") ?? undefined;
    this.validator = validatorOf(answer);
  }

  async *chunks(): AsyncGenerator<Uint8Array> {
    const { signal, retries = 5 } = this.#options;
    let position = this.from;
    let failures = 0;
    while (true) {
      let cause: unknown;
      try {
        for await (const chunk of this.#body()) {
          position += chunk.byteLength;
          if (this.size !== undefined && position > this.size) break;
          failures = 0;
          yield chunk;
        }
        if (this.size === undefined || position === this.size) return;
      } catch (error) {
        signal?.throwIfAborted();
        cause = error;
      }
      if (this.size !== undefined && position > this.size) {
        throw new this.#errorClass(`${this.#url} sent more than the ${this.size} bytes that it announced`);
      }
      failures++;
      if (failures > retries || this.validator === undefined) {
        const why = cause === undefined ? "the server ended it" : messageOf(cause);
        throw new this.#errorClass(
          `The download of ${this.#url} broke off after ${position} of ${
            this.size ?? "an unknown number of"
          } bytes: ${why}`,
          { cause },
        );
      }
      await pause(failures, undefined, this.#options);
      await this.#resume(position);
    }
  }

  async cancel(): Promise<void> {
    // A body that failed has nothing left to cancel, and says so by failing again.
    await this.#answer.body?.cancel().catch(() => {});
  }

  /** The chunks of the current answer; one that stalls is cut. */
  async *#body(): AsyncGenerator<Uint8Array> {
    if (this.#answer.body === null) return;
    const { signal, stallTimeout = 60_000 } = this.#options;
    const stalled = new AbortController();
    const chunks = streamChunks(this.#answer.body, anyOf(signal, stalled.signal));
    try {
      while (true) {
        const timer = setTimeout(() => stalled.abort(new Error(`no byte came for ${stallTimeout} ms`)), stallTimeout);
        const next = await chunks.next().finally(() => clearTimeout(timer));
        if (next.done) return;
        yield next.value;
      }
    } finally {
      await chunks.return(undefined);
    }
  }

  /** Asks for the rest of the same file. */
  async #resume(position: number): Promise<void> {
    const answer = await request(this.#url, rangeHeaders(position, this.validator ?? ""), this.#options);
    if (answer.status === 416) {
      await answer.body?.cancel();
      throw new this.#errorClass(`${this.#url} announced ${this.size ?? "more"} bytes but ends after ${position}`);
    }
    await refuseFailure(answer, this.#url, this.#options);
    this.#answer = answer;
    const part = partOf(answer);
    const samePart = part !== undefined && part.begin === position && part.total === this.size;
    if (samePart && isSameFile(answer, this.validator)) return;
    await this.cancel();
    if (answer.status === 200 && validatorOf(answer) === this.validator) {
      throw new this.#errorClass(
        `The download of ${this.#url} broke off after ${position} bytes, and the server can't send the rest alone`,
      );
    }
    this.changed = true;
    throw new this.#errorClass(`${this.#url} became another file while it was read: try again`);
  }
}

/** One answer that is not a passing failure. */
async function request(url: string, headers: Record<string, string>, options: DownloadOptions): Promise<Response> {
  const { signal, retries = 5, errorClass = WeightsError } = options;
  for (let failures = 0;;) {
    signal?.throwIfAborted();
    let fault: string;
    let cause: unknown;
    let retryAfter: number | undefined;
    try {
      const answer = await fetchInTime(url, headers, options);
      if (!PASSING.includes(answer.status)) return answer;
      await answer.body?.cancel();
      fault = `answered ${answer.status} ${answer.statusText}`.trimEnd();
      retryAfter = secondsOf(answer.headers.get("retry-after"));
    } catch (error) {
      signal?.throwIfAborted();
      fault = `can't be reached: ${messageOf(error)}`;
      cause = error;
    }
    failures++;
    if (retryAfter !== undefined && retryAfter > LONGEST_RETRY_AFTER) {
      throw new errorClass(`${url} ${fault} and asks to come back in ${retryAfter} s`, { cause });
    }
    if (failures > retries) throw new errorClass(`${url} ${fault} (tried ${failures} times)`, { cause });
    await pause(failures, retryAfter, options);
  }
}

async function fetchInTime(url: string, headers: Record<string, string>, options: DownloadOptions): Promise<Response> {
  const { signal, stallTimeout = 60_000 } = options;
  const stalled = new AbortController();
  const timer = setTimeout(() => stalled.abort(new Error(`no answer came for ${stallTimeout} ms`)), stallTimeout);
  try {
    return await fetch(url, {
      // Lengths and ranges are those of the file itself only if nothing compresses it on the way.
      headers: { "accept-encoding": "identity", ...options.headers, ...headers },
      signal: anyOf(signal, stalled.signal),
    });
  } finally {
    clearTimeout(timer);
  }
}

async function refuseFailure(answer: Response, url: string, options: DownloadOptions): Promise<void> {
  if (answer.status === 200 || answer.status === 206) return;
  await answer.body?.cancel();
  const hint = answer.status === 401 || answer.status === 403
    ? ": it does not exist, or it is private or gated and needs a `token` that may read it"
    : "";
  const errorClass = options.errorClass ?? WeightsError;
  throw new errorClass(`${url} answered ${answer.status} ${answer.statusText}`.trimEnd() + hint);
}

/** Waits before a retry: as long as the server asks, or twice as long as before, ±25 % so that clients spread out. */
async function pause(failures: number, retryAfter: number | undefined, options: DownloadOptions): Promise<void> {
  const { signal, retryDelay = 500 } = options;
  const backoff = retryDelay * 2 ** (failures - 1) * (0.75 + 0.5 * Math.random());
  const milliseconds = retryAfter !== undefined ? retryAfter * 1000 : Math.min(backoff, 30_000);
  await new Promise<void>((resolve, reject) => {
    const abort = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", abort);
      resolve();
    }, milliseconds);
    signal?.addEventListener("abort", abort, { once: true });
    if (signal?.aborted) abort();
  });
}

/** `Retry-After` in seconds: a number or a date. */
function secondsOf(retryAfter: string | null): number | undefined {
  if (retryAfter === null) return undefined;
  if (/^\d+$/.test(retryAfter)) return Number(retryAfter);
  const date = Date.parse(retryAfter);
  return Number.isNaN(date) ? undefined : Math.max(0, Math.ceil((date - Date.now()) / 1000));
}

/**
 * Whether a browser's rules about other sites hold. Of all that is used here, they let only `Range` through without asking
 * the server's permission, which few servers give. There conditions are not sent; the answers' ETags are compared.
 */
function isPage(): boolean {
  return !hostHasFiles() && Reflect.get(globalThis, "location") !== undefined;
}

function rangeHeaders(from: number, validator: string): Record<string, string> {
  const range = `bytes=${from}-`;
  return isPage() ? { range } : { range, "if-range": validator };
}

/** Whether a part belongs to the file that was asked for. With `If-Range` a server that says nothing has said so. */
function isSameFile(answer: Response, validator: string | undefined): boolean {
  return (validatorOf(answer) ?? (isPage() ? undefined : validator)) === validator;
}

/** Whether an answer has an ETag; that a proxy made it weak, by compressing, makes no difference here. */
function sameTag(answer: Response, etag: string): boolean {
  return answer.headers.get("etag")?.replace(/^W\//, "") === etag.replace(/^W\//, "");
}

/** What a partial answer says it holds. */
function partOf(answer: Response): { begin: number; total: number | undefined } | undefined {
  if (answer.status !== 206) return undefined;
  const match = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(answer.headers.get("content-range") ?? "");
  if (match === null) return { begin: -1, total: undefined };
  return { begin: Number(match[1]), total: match[2] === "*" ? undefined : Number(match[2]) };
}

/** The file's size as a full answer gives it: the length counts the bytes sent, which a coding makes others. */
function wholeLength(answer: Response): number | undefined {
  const length = answer.headers.get("content-length");
  const coding = answer.headers.get("content-encoding") ?? "identity";
  return length !== null && /^\d+$/.test(length) && coding === "identity" ? Number(length) : undefined;
}

/** What names the very bytes of a file: an ETag, unless it is a weak one, or else the date of the last change. */
function validatorOf(answer: Response): string | undefined {
  const etag = answer.headers.get("etag");
  if (etag !== null && !etag.startsWith("W/")) return etag;
  return answer.headers.get("last-modified") ?? undefined;
}

function anyOf(signal: AbortSignal | undefined, other: AbortSignal): AbortSignal {
  return signal === undefined ? other : AbortSignal.any([signal, other]);
}
