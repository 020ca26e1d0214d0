/**
 * Files behind the bindings of Cloudflare's Workers, which have no addresses.
 *
 * @module
 */

import { show } from "../../common/show.ts";
import { ConfigError } from "../../errors.ts";
import type { Fetch } from "./http.ts";

/**
 * What answers requests itself: static assets, or another Worker.
 *
 * @category Data
 */
export interface FetchBinding {
  /** Answers a request. */
  fetch(url: string, init: RequestInit): Promise<Response>;
}

/**
 * A file in an R2 bucket.
 *
 * @category Data
 */
export interface BucketObject {
  /** Bytes of the whole file. */
  readonly size: number;
  /** Its ETag, in quotes. */
  readonly httpEtag: string;
  /** The bytes that were asked for. */
  readonly body: ReadableStream;
  /** Which these are: some from a byte on, or the last ones. */
  readonly range?: { readonly offset?: number; readonly length?: number; readonly suffix?: number };
}

/**
 * An R2 bucket, as far as files are read from it.
 *
 * @category Data
 */
export interface BucketBinding {
  /** Finds an object; other bindings have no such method. */
  head(key: string): Promise<object | null>;
  /** Opens one, at the range that headers ask for. */
  get(key: string, options: { readonly range: Headers }): Promise<BucketObject | null>;
}

/**
 * A KV namespace, as far as files are read from it.
 *
 * @category Data
 */
export interface KeyValueBinding {
  /** Gives a value with what was stored beside it; other bindings have no such method. */
  getWithMetadata(key: string, type: "stream"): Promise<{ readonly value: ReadableStream | null }>;
}

/**
 * Makes the option `fetch` of a binding of Cloudflare's Workers. What it fetches is the path of a URL, under any host:
 * `https://model/mine/config.json` is the object or the value "mine/config.json". Files come as streams; from static
 * assets and R2 a download that breaks off is resumed, from KV it fails.
 *
 * @param binding Static assets, an R2 bucket or a KV namespace.
 * @throws {ConfigError} If it is none of these.
 *
 * @example
 * ```ts ignore
 * import { bindingFetch, createBackend, loadLanguageModel } from "@andromeda/runtime";
 * import kernels from "@andromeda/runtime/relaxed-simd.wasm";
 *
 * const backend = await createBackend("wasm", { wasm: kernels, threads: 1 });
 * const model = await loadLanguageModel("https://model/", { backend, fetch: bindingFetch(env.MODEL) });
 * ```
 *
 * @category Data
 */
export function bindingFetch(binding: FetchBinding | BucketBinding | KeyValueBinding): Fetch {
  // Asked for first, because a binding to a Worker claims to have any method.
  if (has(binding, "fetch")) return (url, init) => binding.fetch(url, init);
  if (has(binding, "head")) return (url, { headers }) => fromBucket(binding, keyOf(url), new Headers(headers));
  if (has(binding, "getWithMetadata")) return (url) => fromKeyValue(binding, keyOf(url));
  throw new ConfigError(
    `Cannot fetch files from ${
      show(binding)
    }: it must be a binding of static assets, R2 or KV; name one in wrangler's ` +
      "configuration",
  );
}

/** Whether a binding has a method, which only one kind has. */
function has<Method extends "fetch" | "head" | "getWithMetadata">(
  binding: FetchBinding | BucketBinding | KeyValueBinding,
  method: Method,
): binding is Extract<typeof binding, Record<Method, unknown>> {
  return typeof binding === "object" && binding !== null && typeof Reflect.get(binding, method) === "function";
}

/** The path of a URL without its first slash. */
function keyOf(url: string): string {
  return decodeURIComponent(new URL(url).pathname.slice(1));
}

async function fromBucket(bucket: BucketBinding, key: string, headers: Headers): Promise<Response> {
  const object = await bucket.get(key, { range: headers });
  if (object === null) return new Response(null, { status: 404 });
  const { body, size, httpEtag: etag, range = {} } = object;
  if ((headers.get("if-range") ?? etag) !== etag) {
    await body.cancel();
    return await fromBucket(bucket, key, new Headers());
  }
  const { suffix = size, offset = size - suffix, length = size - offset } = range;
  const isWhole = length === size;
  const part = `bytes ${offset}-${offset + length - 1}/${size}`;
  return new Response(body, {
    status: isWhole ? 200 : 206,
    headers: { etag, "content-length": `${length}`, ...isWhole ? {} : { "content-range": part } },
  });
}

async function fromKeyValue(namespace: KeyValueBinding, key: string): Promise<Response> {
  const { value } = await namespace.getWithMetadata(key, "stream");
  return new Response(value, { status: value === null ? 404 : 200 });
}
