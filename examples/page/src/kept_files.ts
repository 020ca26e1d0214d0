/**
 * Files of models that were fetched once, kept by the browser. A kept file is used while its server still describes it
 * with the same tag, date and length, or can't be reached.
 *
 * @module
 */

const CACHE = "andromeda-page-models";

/** What a server says of a file that changes when the file does. */
const MARKS = ["etag", "last-modified", "content-length"];

/** Fetches as `fetch` does, and keeps what comes. */
export async function keptFetch(
  url: string,
  init: RequestInit,
): Promise<Response> {
  // Pages have no cache where the connection is not safe, and parts of files are not kept.
  if (!("caches" in globalThis) || new Headers(init.headers).has("range")) {
    return await fetch(url, init);
  }
  const cache = await caches.open(CACHE);
  const kept = await cache.match(url);
  if (kept && await isCurrent(url, kept, init)) return kept;
  const response = await fetch(url, init);
  if (response.status !== 200 || !response.body) return response;
  return keep(cache, url, response, response.body);
}

/** Whether a kept file is still the server's. */
async function isCurrent(
  url: string,
  kept: Response,
  { signal }: RequestInit,
): Promise<boolean> {
  if (!navigator.onLine) return true;
  try {
    const { ok, headers } = await fetch(url, {
      method: "HEAD",
      cache: "no-cache",
      signal: signal ?? null,
    });
    return ok &&
      MARKS.every((mark) => headers.get(mark) === kept.headers.get(mark));
  } catch {
    signal?.throwIfAborted();
    return true;
  }
}

/** Passes bytes on and into the cache, both at the pace of the slower one, so that no memory fills. */
function keep(
  cache: Cache,
  url: string,
  response: Response,
  body: ReadableStream<Uint8Array>,
): Response {
  const reader = body.getReader();
  const copy = new TransformStream<Uint8Array, Uint8Array>();
  const writer = copy.writable.getWriter();
  const { status, statusText, headers } = response;
  // A full or forbidden cache is no reason to fail: the file is used without being kept.
  let isKept = true;
  const stop = () => void (isKept = false);
  cache.put(url, new Response(copy.readable, { status, statusText, headers }))
    .catch(stop);
  writer.closed.catch(stop);
  const passed = new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { done, value } = await reader.read();
        if (done) {
          if (isKept) await writer.close().catch(stop);
          return controller.close();
        }
        if (isKept) await writer.write(value).catch(stop);
        controller.enqueue(value);
      } catch (error) {
        writer.abort(error).catch(stop);
        controller.error(error);
      }
    },
    async cancel(reason) {
      writer.abort(reason).catch(stop);
      await reader.cancel(reason);
    },
  });
  return new Response(passed, { status, statusText, headers });
}
