/**
 * Keeps the files of the page, all of one version, and gives them the headers of an isolated page. Models are kept by
 * the page itself (`kept_files.ts`).
 *
 * @module
 */

/// <reference lib="webworker" />

export {};

declare const self: ServiceWorkerGlobalScope;
/** Filled in by `vite.config.js`. */
declare const __FILES__: readonly string[];
declare const __VERSION__: string;

const PREFIX = "andromeda-page-files-";
const CACHE = PREFIX + __VERSION__;

self.addEventListener("install", (event) => {
  event.waitUntil((async () => {
    const cache = await caches.open(CACHE);
    await cache.addAll(__FILES__.map((file) => new Request(file, { cache: "no-cache" })));
  })());
});

self.addEventListener("activate", (event) => {
  event.waitUntil((async () => {
    const names = await caches.keys();
    await Promise.all(
      names.filter((name) => name.startsWith(PREFIX) && name !== CACHE).map((name) => caches.delete(name)),
    );
    await self.clients.claim();
  })());
});

self.addEventListener("message", ({ data }) => {
  if (data === "take over") void self.skipWaiting();
});

self.addEventListener("fetch", (event) => {
  const file = fileOf(event.request);
  if (file !== undefined) event.respondWith(respond(file, event.request));
});

/** The file of the page that a request asks for, if it does. */
function fileOf({ method, mode, url }: Request): string | undefined {
  const { scope } = self.registration;
  if (method !== "GET" || !url.startsWith(scope)) return undefined;
  const path = url.slice(scope.length).replace(/[?#].*/s, "");
  if (mode === "navigate" && (path === "" || path === "index.html")) return "./";
  return __FILES__.includes(path) ? path : undefined;
}

async function respond(file: string, request: Request): Promise<Response> {
  const cache = await caches.open(CACHE);
  return isolated(await cache.match(file) ?? await fetch(request));
}

/** A response with the headers that let a page share memory between threads. */
function isolated(response: Response): Response {
  const { status, statusText, body } = response;
  const headers = new Headers(response.headers);
  headers.set("cross-origin-opener-policy", "same-origin");
  headers.set("cross-origin-embedder-policy", "require-corp");
  return new Response(body, { status, statusText, headers });
}
