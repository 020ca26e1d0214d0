/**
 * The tests of the operations, in a page of a real Chromium: on the CPU engine, and on the GPU engine with kernels that use subgroups,
 * which no other host here has, over a fifth of the shapes. CHROMIUM_FLAVOURS=register,workgroup,subgroup takes others, over all shapes:
 * minutes each.
 *
 * Needs the `chromium` package; without it the tests are ignored, with REQUIRE_CHROMIUM=1 they fail.
 *
 * @module
 */
import { assertEquals, assertNotEquals } from "@std/assert";
import { type Browser, chromium } from "playwright-core";
import type { PageResult } from "./page.ts";
import { serveTests, type Site } from "./serve.ts";

declare global {
  /** Defined by page.ts. */
  var runTests: (modules: readonly string[], report: (result: PageResult) => Promise<void>) => Promise<string[]>;
  /** Defined by playwright. */
  var report: (result: PageResult) => Promise<void>;
}

const executablePath = Deno.env.get("CHROMIUM") ?? "/usr/bin/chromium";
const isInstalled = await Deno.stat(executablePath).then(() => true, () => false);
const ignore = !isInstalled && Deno.env.get("REQUIRE_CHROMIUM") !== "1";

/** Software rendering, WebGPU on it, and none of what a browser does by itself. */
const args = [
  "--no-sandbox",
  "--disable-gpu",
  "--enable-unsafe-webgpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

const asked = Deno.env.get("CHROMIUM_FLAVOURS");
const flavours = (asked ?? "subgroup").split(",");
const engines: { readonly ANDROMEDA_BACKEND: string; readonly flavour?: string }[] = [
  { ANDROMEDA_BACKEND: "wasm" },
  ...flavours.map((flavour) => ({ ANDROMEDA_BACKEND: "webgpu", flavour })),
];

for (const engine of engines) {
  Deno.test({
    name: `chromium: operations on ${Object.values(engine).join(", ")}${ignore ? " (needs chromium)" : ""}`,
    ignore,
    fn: async (t) => {
      await using site = await serveTests("tests/ops");
      const browser = await chromium.launch({ executablePath, args });
      try {
        const results = await runInPage(browser, site, {
          ...engine,
          REQUIRE_WEBGPU: "1",
          ANDROMEDA_BRIEF: asked === undefined ? "1" : "0",
        });
        assertNotEquals(results.length, 0);
        for (const { name, error } of results) await t.step(name, () => assertEquals(error, undefined));
      } finally {
        await browser.close();
      }
    },
  });
}

async function runInPage(browser: Browser, site: Site, query: Record<string, string>): Promise<PageResult[]> {
  const page = await browser.newPage();
  const results: PageResult[] = [];
  const faults: string[] = [];
  page.on("pageerror", (error) => faults.push(error.message));
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") faults.push(message.text());
  });
  await page.exposeFunction("report", (result: PageResult) => void results.push(result));
  await page.goto(`${site.url}?${new URLSearchParams(query)}`);
  const flavours = await page.evaluate((modules) => globalThis.runTests(modules, globalThis.report), site.modules);
  assertEquals(flavours, query.flavour === undefined ? [] : [query.flavour]);
  assertEquals(faults, [], "the page reported errors");
  return results;
}
