/**
 * Files of models that were fetched once, kept by the browser. A kept file is used while its server still describes it
 * in the same way, or can't be reached.
 *
 * @module
 */

const CACHE = "andromeda-page-models";

/** What a server says of a file that changes when the file does, the surest first. */
const MARKS = ["etag", "last-modified", "content-length"];

/** Fetches as `fetch` does, and keeps what comes. */
export async function keptFetch(url: string, init: RequestInit): Promise<Response> {
  const range = new Headers(init.headers).get("range") ?? "bytes=0-";
  // Pages have no cache where the connection is not safe, and parts of files are not kept.
  if (!("caches" in globalThis) || range !== "bytes=0-") return await fetch(url, init);
  const cache = await caches.open(CACHE);
  const kept = await cache.match(url);
  if (kept && await isCurrent(url, kept, init)) return kept;
  const response = await fetch(url, init);
  if (!response.ok || !response.body) return response;
  return keep(cache, url, response, response.body);
}

/** Whether a kept file is still the server's. */
async function isCurrent(url: string, kept: Response, { signal }: RequestInit): Promise<boolean> {
  if (!navigator.onLine) return true;
  try {
    const { ok, headers } = await fetch(url, { method: "HEAD", cache: "no-cache", signal: signal ?? null });
    const mark = MARKS.find((name) => headers.has(name) && kept.headers.has(name));
    return ok && mark !== undefined && headers.get(mark) === kept.headers.get(mark);
  } catch {
    signal?.throwIfAborted();
    return true;
  }
}

/** Passes bytes on and into the cache, both at the pace of the slower one, so that no memory fills. */
function keep(cache: Cache, url: string, response: Response, body: ReadableStream<Uint8Array>): Response {
  // Caches take no parts of files, not even a part that is the whole.
  const headers = new Headers(response.headers);
  headers.delete("content-range");
  const reader = body.getReader();
  const copy = new TransformStream<Uint8Array, Uint8Array>();
  const writer = copy.writable.getWriter();
  // A full or forbidden cache is no reason to fail: the file is used without being kept.
  let isKept = true;
  const stop = () => void (isKept = false);
  cache.put(url, new Response(copy.readable, { headers })).catch(stop);
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
      // Who knows the length stops reading before the end is told.
      const { done } = await reader.read().catch(() => ({ done: false }));
      if (done) return void await writer.close().catch(stop);
      writer.abort(reason).catch(stop);
      await reader.cancel(reason);
    },
  });
  return new Response(passed, { headers });
}
