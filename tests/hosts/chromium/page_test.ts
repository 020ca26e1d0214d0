/**
 * The tests of operations, models and generation, in pages of a real Chromium: on the CPU engine, and on the GPU engine
 * with kernels that use subgroups, which no other host here has. The GPU runs a fifth of the shapes and the typical
 * cases, and the tests left out are ignored by name; CHROMIUM_FLAVORS=register,workgroup,subgroup takes other kernels,
 * over all shapes and cases: minutes each.
 *
 * Needs the `chromium` package; without it the tests are ignored, with REQUIRE_CHROMIUM=1 they fail.
 *
 * @module
 */

import { assertEquals, assertNotEquals } from "@std/assert";
import type { Browser } from "playwright-core";
import { lacksChromium, launchChromium } from "../../support/chromium.ts";
import type { PageResult } from "./page.ts";
import { serveTests, type Site } from "./serve.ts";

declare global {
  /** Defined by page.ts. */
  var runTests: (modules: readonly string[], report: (result: PageResult) => Promise<void>) => Promise<string[]>;
  /** Defined by playwright. */
  var report: (result: PageResult) => Promise<void>;
}

const asked = Deno.env.get("CHROMIUM_FLAVORS")?.split(",");

/** The tests that run together in one page, and the GPU's kernels for them. */
const suites: readonly { readonly name: string; readonly folders: readonly string[]; readonly flavor: string }[] = [
  { name: "operations", folders: ["tests/ops"], flavor: "subgroup" },
  { name: "models", folders: ["tests/models", "tests/generation"], flavor: "register" },
];

for (const { name: suite, folders, flavor } of suites) {
  const engines: { readonly ANDROMEDA_BACKEND: string; readonly flavor?: string }[] = [
    { ANDROMEDA_BACKEND: "wasm" },
    ...(asked ?? [flavor]).map((flavor) => ({ ANDROMEDA_BACKEND: "webgpu", flavor })),
  ];
  for (const engine of engines) {
    Deno.test({
      name: `chromium: ${suite} on ${Object.values(engine).join(", ")}${lacksChromium ? " (needs chromium)" : ""}`,
      ignore: lacksChromium,
      fn: async (t) => {
        await using site = await serveTests(folders);
        const browser = await launchChromium("--enable-unsafe-webgpu");
        try {
          const results = await runInPage(browser, site, {
            ...engine,
            GOLDEN: site.golden,
            REQUIRE_GOLDEN: Deno.env.get("REQUIRE_GOLDEN") ?? "0",
            REQUIRE_WEBGPU: "1",
            ANDROMEDA_BRIEF: asked === undefined ? "1" : "0",
          });
          assertNotEquals(results.length, 0);
          for (const { name, outcome, error } of results) {
            await t.step({ name, ignore: outcome === "ignored", fn: () => assertEquals(error, undefined) });
          }
        } finally {
          await browser.close();
        }
      },
    });
  }
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
  const flavors = await page.evaluate((modules) => globalThis.runTests(modules, globalThis.report), site.modules);
  assertEquals(flavors, query.flavor === undefined ? [] : [query.flavor]);
  assertEquals(faults, [], "the page reported errors");
  return results;
}
