/**
 * The CPU engine in pages of a real Chromium: it computes in workers whatever the page's policy leaves of them, the
 * page stays alive meanwhile, and the results are the same.
 *
 * Needs the `chromium` package; without it the tests are ignored, with REQUIRE_CHROMIUM=1 they fail.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import type { Browser, Page } from "playwright-core";
import { ISOLATED, lacksChromium, launchChromium } from "../../support/chromium.ts";
import { deno } from "../../support/deno.ts";

/** The results of `run` in PAGE. */
interface Found {
  readonly description?: string;
  readonly threads?: number;
  /** Values of a product, and of what depends on its memory being reused. */
  readonly values?: readonly number[];
  /** How often a timer of 5 ms ticked while the engine computed for this many milliseconds. */
  readonly ticks?: number;
  readonly duration?: number;
  readonly error?: string;
}

declare global {
  /** Defined by PAGE. */
  var run: (options: Record<string, unknown>) => Promise<Found>;
  /** Defined by PAGE: the same in a worker. */
  var runInWorker: (options: Record<string, unknown>) => Promise<Found>;
}

/** Multiplies, with uploads and disposals while it runs, and counts ticks of a timer meanwhile. */
const ENGINE = `
import { WasmBackend } from "./backend.js";

export async function run(options) {
  let backend;
  try {
    backend = await WasmBackend.create(options);
  } catch (error) {
    return { error: error.name + ": " + error.message };
  }
  let ticks = 0;
  const timer = setInterval(() => ticks++, 5);
  const start = performance.now();
  const size = 512;
  const values = Float32Array.from({ length: size * size }, (_, i) => Math.sin(i));
  const weight = backend.weight([size, size], "f32");
  backend.writeRows(weight, 0, values);
  const found = [];
  for (let round = 0; round < 12; round++) {
    const product = backend.scope(() => {
      let x = backend.tensor(values, [size, size]);
      for (let i = 0; i < 3; i++) x = backend.l2Norm(backend.linear(x, weight));
      return x;
    });
    const data = product.data();
    // Its memory goes to the next commands; the values that were asked for stay.
    product.dispose();
    backend.scope(() => backend.tensor(new Float32Array(size * size).fill(round), [size, size]));
    backend.flush();
    found.push((await data)[round * 1000]);
  }
  found.push(...(await backend.readRows(weight, 7, 1)).subarray(0, 3));
  const duration = performance.now() - start;
  clearInterval(timer);
  const { description, threads } = backend.info;
  const left = backend.memory().tensors;
  backend.dispose();
  return { description, threads, values: found, ticks, duration, left };
}
`;

const WORKER = `
import { run } from "./engine.js";
onmessage = async ({ data }) => postMessage(await run(data));
`;

const PAGE = `<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><script type="module">
import { run } from "./engine.js";
globalThis.run = run;
globalThis.runInWorker = (options) => new Promise((resolve) => {
  const worker = new Worker("./worker_page.js", { type: "module" });
  worker.onmessage = ({ data }) => { worker.terminate(); resolve(data); };
  worker.postMessage(options);
});
</script>`;

const types: Record<string, string> = { html: "text/html", js: "text/javascript" };

/** Opens a page served with these headers and closes everything afterwards. */
async function inPage(headers: Record<string, string>, fn: (page: Page) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "andromeda_threads_" });
  let browser: Browser | undefined;
  let server: Deno.HttpServer<Deno.NetAddr> | undefined;
  try {
    const output = `${folder}/backend.js`;
    const entry = ["--platform", "browser", "assembly/backend.ts", "--output", output];
    const bundled = await deno(["bundle", "--quiet", "--no-lock", ...entry]);
    assertEquals(bundled.code, 0, bundled.stderr);
    const script = new URL("../../../assembly/generated/worker.js", import.meta.url);
    const files = new Map([
      ["/", PAGE],
      ["/engine.js", ENGINE],
      ["/worker_page.js", WORKER],
      ["/backend.js", await Deno.readTextFile(output)],
      ["/served/worker.js", await Deno.readTextFile(script)],
    ]);
    server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, (request) => {
      const { pathname } = new URL(request.url);
      const file = files.get(pathname);
      const type = types[pathname.split(".").at(-1) ?? ""] ?? "text/html";
      return new Response(file ?? null, { status: file ? 200 : 404, headers: { ...headers, "content-type": type } });
    });
    browser = await launchChromium();
    const page = await browser.newPage();
    await page.goto(`http://localhost:${server.addr.port}/`);
    await page.waitForFunction(() => "run" in globalThis);
    await fn(page);
  } finally {
    await browser?.close();
    await server?.shutdown();
    await Deno.remove(folder, { recursive: true });
  }
}

function pageTest(name: string, headers: Record<string, string>, fn: (page: Page) => Promise<void>): void {
  Deno.test({
    name: `chromium: ${name}${lacksChromium ? " (needs chromium)" : ""}`,
    ignore: lacksChromium,
    fn: () => inPage(headers, fn),
  });
}

/** Asserts that the page had time for other things while the engine computed. */
function assertAlive({ ticks = 0, duration = 0 }: Found): void {
  assert(ticks > duration / 50, `${ticks} ticks of 5 ms in ${duration} ms`);
}

pageTest("an isolated page computes on threads in workers, stays alive, and leaves none", ISOLATED, async (page) => {
  const one = await page.evaluate(() => globalThis.run({ threads: 1 }));
  const two = await page.evaluate(() => globalThis.run({ threads: 2 }));
  const usual = await page.evaluate(() => globalThis.run({}));
  assertEquals([one.error, two.error, usual.error], [undefined, undefined, undefined]);
  assertEquals([one.threads, two.threads], [1, 2]);
  assertEquals(two.values, one.values);
  assertEquals(usual.values, one.values);
  for (const found of [one, two, usual]) assertAlive(found);
  const deadline = performance.now() + 5000;
  while (page.workers().length > 0 && performance.now() < deadline) await page.waitForTimeout(20);
  assertEquals(page.workers().length, 0);
});

pageTest("a worker of an isolated page computes on threads", ISOLATED, async (page) => {
  const here = await page.evaluate(() => globalThis.run({ threads: 1 }));
  const there = await page.evaluate(() => globalThis.runInWorker({ threads: 2 }));
  assertEquals([there.error, there.threads], [undefined, 2]);
  assertEquals(there.values, here.values);
});

pageTest("a page that is not isolated computes in one worker, and says why not in more", {}, async (page) => {
  const found = await page.evaluate(() => globalThis.run({}));
  assertEquals([found.error, found.threads], [undefined, 1]);
  assertAlive(found);
  const { error = "" } = await page.evaluate(() => globalThis.run({ threads: 2 }));
  assert(error.startsWith("BackendUnavailableError") && error.includes("Cross-Origin-Opener-Policy"), error);
});

const POLICY = "default-src 'self'; script-src 'self' 'unsafe-inline' 'wasm-unsafe-eval'; worker-src";

pageTest(
  "where blobs are forbidden the worker comes from the page's own origin",
  { ...ISOLATED, "content-security-policy": `${POLICY} 'self'` },
  async (page) => {
    const found = await page.evaluate(() => globalThis.run({ threads: 2, workerUrl: "/served/worker.js" }));
    assertEquals([found.error, found.threads], [undefined, 2]);
    assertAlive(found);
    const { error = "" } = await page.evaluate(() => globalThis.run({ threads: 2 }));
    assert(error.startsWith("BackendUnavailableError") && error.includes("options.workerUrl"), error);
  },
);

pageTest(
  "where all workers are forbidden the engine computes in place",
  { ...ISOLATED, "content-security-policy": `${POLICY} 'none'` },
  async (page) => {
    const found = await page.evaluate(() => globalThis.run({}));
    assertEquals([found.error, found.threads], [undefined, 1]);
  },
);
