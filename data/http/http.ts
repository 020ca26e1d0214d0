/**
 * Requests that survive a bad network and keep secrets: retries with growing pauses, `Retry-After`, a limit on every
 * wait; credentials go to the server they were given for and to none that it redirects to.
 *
 * @module
 */

import { show } from "../../common/show.ts";
import { ConfigError, WeightsError } from "../../errors.ts";
import { hasNodeModules } from "../../host/node.ts";
import type { ErrorClass } from "../files/byte_source.ts";
import { showText, showUrl } from "./show_url.ts";

/**
 * Carries out a request as `fetch` does; it gets a URL as a text.
 *
 * @category Data
 */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/**
 * How files are fetched.
 *
 * @category Data
 */
export interface DownloadOptions {
  /** Fetches instead of the host's `fetch`: a Worker's binding, a proxy, a test. */
  readonly fetch?: Fetch | undefined;
  /** Value of the `Authorization` header. It replaces a user and password in the URL. */
  readonly authorization?: string | undefined;
  /** Aborts, with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Tries after a first one that failed, counted anew whenever 64 KB have arrived. Default 5. */
  readonly retries?: number | undefined;
  /** Pause before the first retry in milliseconds; doubles with each one. Default 500. */
  readonly retryDelay?: number | undefined;
  /** Milliseconds without an answer or a byte after which a connection counts as cut. Default 60,000. */
  readonly stallTimeout?: number | undefined;
  /** Class of the errors thrown. Default `WeightsError`. */
  readonly errorClass?: ErrorClass | undefined;
}

/** A server's answer at the end of its redirects. */
export interface Answer {
  /** The answer itself. */
  readonly response: Response;
  /** Whether another server than the one that was asked gave it. */
  readonly isElsewhere: boolean;
  /** The tag that the server that was asked gives a file which another one sends (`X-Linked-Etag`). */
  readonly linkedEtag: string | undefined;
}

/**
 * The cause of an error that says nothing about the file, because the server gave no answer: no network, a failing
 * server, a sign-in page.
 */
export class NoAnswer extends Error {
  /** The name of the class. */
  override readonly name = "NoAnswer";
}

/** Longest pause that a server may ask for, in seconds. */
const LONGEST_RETRY_AFTER = 300;

/** Longest time that timers know, in milliseconds: 25 days. */
const LONGEST_TIME = 2 ** 31 - 1;

/** Milliseconds without an answer or a byte after which a connection counts as cut, unless options say otherwise. */
export const STALL_TIMEOUT = 60_000;

/** Bytes a second that a line takes at least, where something is sent. */
const SLOWEST_LINE = 1 << 15;

/** Redirects that are followed. Browsers follow 20, the Hub uses two. */
const MOST_REDIRECTS = 10;

/** Statuses of failures that may pass. */
export const PASSING = [408, 425, 429, 500, 502, 503, 504];

/**
 * Asks for a URL until there is an answer that is not a passing failure.
 *
 * @throws {ConfigError} If a number in the options is not one to wait with.
 * @throws {Error} If there is no answer; its class is `options.errorClass`, its cause a `NoAnswer`.
 */
export async function request(url: string, headers: Record<string, string>, options: DownloadOptions): Promise<Answer> {
  return await untilAnswered(`fetch ${showUrl(url)}`, () => follow(url, headers, options), options);
}

/**
 * Sends a body until there is an answer that is not a passing failure. Redirects are not followed.
 *
 * @param length Bytes of the body: it has as long as a slow line takes, and the server's time to answer.
 * @throws {ConfigError} If a number in the options is not one to wait with.
 * @throws {Error} If there is no answer; its class is `options.errorClass`, its cause a `NoAnswer`.
 */
export async function send(
  url: string,
  init: RequestInit,
  length: number,
  options: DownloadOptions,
): Promise<Response> {
  const { stallTimeout = STALL_TIMEOUT } = options;
  const limit = Math.min(LONGEST_TIME, stallTimeout + 1000 * length / SLOWEST_LINE);
  const attempt = async () => ({ response: await fetchInTime(url, init, { ...options, stallTimeout: limit }) });
  return (await untilAnswered(`send to ${showUrl(url)}`, attempt, options)).response;
}

async function untilAnswered<Found extends { readonly response: Response }>(
  task: string,
  attempt: () => Promise<Found>,
  options: DownloadOptions,
): Promise<Found> {
  const { signal, retries = 5, errorClass = WeightsError } = options;
  checkNumbers(options);
  for (let failures = 0;;) {
    signal?.throwIfAborted();
    let fault: string;
    let retryAfter: number | undefined;
    try {
      const found = await attempt();
      const { response } = found;
      if (!PASSING.includes(response.status)) return found;
      await response.body?.cancel();
      fault = `answered ${statusOf(response)}`;
      retryAfter = secondsOf(response.headers.get("retry-after"));
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof RedirectFault) throw new errorClass(`Cannot ${task}: it ${error.message}`);
      if (isForbidden(error)) throw new errorClass(`Cannot ${task}: ${faultOf(error)}`, { cause: error });
      fault = `can't be reached: ${faultOf(error)}`;
    }
    failures++;
    if (retryAfter !== undefined && retryAfter > LONGEST_RETRY_AFTER) {
      throw new errorClass(`Cannot ${task}: it ${fault} and asks to come back in ${retryAfter} s; try again then`, {
        cause: new NoAnswer(fault),
      });
    }
    if (failures > retries) {
      throw new errorClass(`Cannot ${task}: it ${fault} (tried ${failures} times)`, { cause: new NoAnswer(fault) });
    }
    await pause(failures, retryAfter, options);
  }
}

/** Waits before a retry: as long as the server asks, or twice as long as before, ±25 % so that clients spread out. */
export async function pause(failures: number, retryAfter: number | undefined, options: DownloadOptions): Promise<void> {
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

/**
 * Whether a browser's rules about other sites hold. Of the headers used here they let only `Range` through without the
 * server's permission, which few servers give. Pages therefore send no conditions, and compare the answers' ETags.
 */
export function isPage(): boolean {
  return !hasNodeModules() && Reflect.get(globalThis, "location") !== undefined;
}

/** A signal that is aborted when either is. */
export function anyOf(signal: AbortSignal | undefined, other: AbortSignal): AbortSignal {
  return signal === undefined ? other : AbortSignal.any([signal, other]);
}

/** The status of an answer as messages give it. */
export function statusOf({ status, statusText }: Response): string {
  return `${status} ${statusText}`.trimEnd();
}

/** The fault in the host, with the causes that Node and Deno hide behind "fetch failed", and without secrets. */
export function faultOf(error: unknown): string {
  const messages: string[] = [];
  for (let at = error, depth = 0; at instanceof Error && depth < 5; depth++) {
    if (at.message !== "" && !messages.includes(at.message)) messages.push(at.message);
    at = at instanceof AggregateError && at.cause === undefined ? at.errors[0] : at.cause;
  }
  return showText(messages.length > 0 ? messages.join(": ") : String(error));
}

/** The `Authorization` header that a user and password in a URL stand for. */
export function basicAuthorization({ username, password }: URL): string | undefined {
  if (username === "" && password === "") return undefined;
  const bytes = new TextEncoder().encode(`${unescape(username)}:${unescape(password)}`);
  return `Basic ${btoa(String.fromCharCode(...bytes))}`;
}

/** Refuses numbers with which a wait would never begin or never end. */
function checkNumbers({ retries = 0, retryDelay = 0, stallTimeout = 1 }: DownloadOptions): void {
  const refuse = (name: string, rule: string, value: unknown) => {
    throw new ConfigError(`Cannot fetch files with ${name} = ${show(value)}: it must be ${rule}`);
  };
  if (!Number.isSafeInteger(retries) || retries < 0) refuse("retries", "a whole number from 0 on", retries);
  const isTime = (value: number) => typeof value === "number" && value >= 0 && value <= LONGEST_TIME;
  if (!isTime(retryDelay)) refuse("retryDelay", `from 0 to ${LONGEST_TIME} milliseconds`, retryDelay);
  if (!isTime(stallTimeout) || stallTimeout === 0) {
    refuse("stallTimeout", `more than 0 and up to ${LONGEST_TIME} milliseconds`, stallTimeout);
  }
}

/** Whether Deno lacks a permission, which asking again would not give. */
function isForbidden(error: unknown): boolean {
  return error instanceof Error && error.name === "NotCapable";
}

/** A redirect that leads nowhere; asking again would not help. */
class RedirectFault extends Error {}

/**
 * Follows redirects. This is done here where the host allows it, because the first server describes the file in its
 * redirect, and because not every host drops credentials on the way. Browsers show no redirect, and drop them.
 */
async function follow(url: string, headers: Record<string, string>, options: DownloadOptions): Promise<Answer> {
  const begin = new URL(url);
  let target = begin;
  let authorization = options.authorization ?? basicAuthorization(begin);
  let linkedEtag: string | undefined;
  let isElsewhere = false;
  for (let redirects = 0; redirects <= MOST_REDIRECTS; redirects++) {
    const response = await fetchInTime(
      withoutCredentials(target),
      {
        // Lengths and ranges are those of the file itself only if nothing compresses it on the way.
        headers: { "accept-encoding": "identity", ...headers, ...authorization === undefined ? {} : { authorization } },
      },
      options,
    );
    const location = response.headers.get("location");
    if (![301, 302, 303, 307, 308].includes(response.status) || location === null) {
      if (response.redirected && new URL(response.url).origin !== begin.origin) isElsewhere = true;
      return { response, isElsewhere, linkedEtag };
    }
    await response.body?.cancel();
    if (!isElsewhere) linkedEtag = response.headers.get("x-linked-etag") ?? linkedEtag;
    if (!URL.canParse(location, target)) throw new RedirectFault("redirects to what is no URL");
    const next = new URL(location, target);
    if (!/^https?:$/.test(next.protocol)) {
      throw new RedirectFault(`redirects to ${showUrl(next)}, which is not on the web`);
    }
    if (next.origin !== target.origin) {
      isElsewhere = true;
      authorization = basicAuthorization(next);
    }
    target = next;
  }
  throw new RedirectFault(`redirects more than ${MOST_REDIRECTS} times, at last to ${showUrl(target)}`);
}

/** Fetches, and gives up where no answer comes. */
async function fetchInTime(url: string, init: RequestInit, options: DownloadOptions): Promise<Response> {
  const { fetch = globalThis.fetch, signal, stallTimeout = STALL_TIMEOUT } = options;
  const stalled = new AbortController();
  const timer = setTimeout(() => stalled.abort(new Error(`no answer came for ${stallTimeout} ms`)), stallTimeout);
  try {
    return await fetch(url, {
      ...init,
      redirect: isPage() ? "follow" : "manual",
      signal: anyOf(signal, stalled.signal),
    });
  } finally {
    clearTimeout(timer);
  }
}

/** A URL as `fetch` takes it: hosts differ in what they do with a user and password, and most refuse them. */
function withoutCredentials(url: URL): string {
  const bare = new URL(url);
  bare.username = "";
  bare.password = "";
  return bare.href;
}

/** Decodes percent signs, where they are valid. */
function unescape(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** `Retry-After` in seconds: a number or a date. */
function secondsOf(retryAfter: string | null): number | undefined {
  if (retryAfter === null) return undefined;
  if (/^\d+$/.test(retryAfter)) return Number(retryAfter);
  const date = Date.parse(retryAfter);
  return Number.isNaN(date) ? undefined : Math.max(0, Math.ceil((date - Date.now()) / 1000));
}
