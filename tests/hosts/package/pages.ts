/**
 * Pages in a real Chromium, and a server for their files.
 *
 * @module
 */

import type { Page } from "playwright-core";
import { launchChromium } from "../../support/chromium.ts";

const TYPES: Readonly<Record<string, string>> = {
  css: "text/css",
  html: "text/html",
  js: "text/javascript",
  json: "application/json",
  wasm: "application/wasm",
};

/** Headers of a site that allows its own scripts, WebAssembly, and nothing else. */
export const STRICT = { "content-security-policy": "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'" };

/** Serves folders by the paths that they are under. */
export function serveFolders(
  folders: Readonly<Record<string, string>>,
  headers: Readonly<Record<string, string>>,
): { readonly url: string } & AsyncDisposable {
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, async (request) => {
    const pathname = decodeURIComponent(new URL(request.url).pathname).replace(/\/$/, "/index.html");
    if (pathname === "/favicon.ico") return new Response(null, { status: 204 });
    const [prefix, folder] = Object.entries(folders).find(([prefix]) => pathname.startsWith(prefix)) ?? [];
    const bytes = prefix === undefined
      ? undefined
      : await Deno.readFile(`${folder}/${pathname.slice(prefix.length)}`).catch(() => undefined);
    const type = TYPES[pathname.split(".").at(-1) ?? ""] ?? "application/octet-stream";
    return new Response(bytes, { status: bytes ? 200 : 404, headers: { ...headers, "content-type": type } });
  });
  return { url: `http://localhost:${server.addr.port}`, [Symbol.asyncDispose]: () => server.shutdown() };
}

/** What a page did. */
export interface Visit {
  /** The JSON that it wrote into its title. */
  readonly result: unknown;
  /** Workers that it started. */
  readonly workers: number;
  /** What it reported on the console as wrong. */
  readonly faults: readonly string[];
}

/** What a page that is open has done so far. */
export interface Deeds {
  /** Workers that it started. */
  workers(): number;
  /** What it reported on the console as wrong. */
  readonly faults: readonly string[];
}

/** Opens a page in a browser of its own, started with some flags, and closes it after use. */
export async function openPage<T>(
  url: string,
  use: (page: Page, deeds: Deeds) => Promise<T>,
  flags: readonly string[] = [],
): Promise<T> {
  const browser = await launchChromium(...flags);
  try {
    const page = await browser.newPage();
    const faults: string[] = [];
    let workers = 0;
    page.on("worker", () => workers++);
    page.on("pageerror", (error) => faults.push(error.message));
    page.on("console", (message) => {
      if (message.type() === "error" || message.type() === "warning") faults.push(message.text());
    });
    await page.goto(url);
    return await use(page, { workers: () => workers, faults });
  } finally {
    await browser.close();
  }
}

/** Opens a page and waits until its title is JSON. */
export async function visit(url: string, ...flags: readonly string[]): Promise<Visit> {
  return await openPage(url, async (page, { workers, faults }) => {
    await page.waitForFunction(() => Reflect.get(globalThis, "document").title.startsWith("{"), undefined, {
      timeout: 60_000,
    }).catch((error) => {
      throw new Error(`${url} gave nothing: ${faults.join("; ")}`, { cause: error });
    });
    return { result: JSON.parse(await page.title()), workers: workers(), faults };
  }, flags);
}
