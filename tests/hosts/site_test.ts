/**
 * The site of guides and reference builds, asks no other server for anything, and has the page on which a model writes.
 * Needs npm with its registry and the `chromium` package; without them the tests are ignored, with REQUIRE_NODE=1 and
 * REQUIRE_CHROMIUM=1 they fail. ANDROMEDA_SHOTS names a folder for pictures.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { buildSite } from "../../docs/build.ts";
import { lacksChromium, launchChromium } from "../support/chromium.ts";
import { deno, ROOT } from "../support/deno.ts";
import { serveFolders } from "./package/pages.ts";

/** Whether the generator can be had. */
async function hasGenerator(): Promise<boolean> {
  const { code } = await deno(["install", "--quiet", "--frozen"], { cwd: fromFileUrl(new URL("docs/", ROOT)) });
  return code === 0;
}

const lacksGenerator = Deno.env.get("REQUIRE_NODE") !== "1" && !await hasGenerator();

/** Every page of a folder, from it. */
async function pagesIn(folder: string, within = ""): Promise<string[]> {
  const pages: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(`${folder}/${within}`)) {
    if (isDirectory) pages.push(...await pagesIn(folder, `${within}${name}/`));
    else if (name.endsWith(".html")) pages.push(`${within}${name}`);
  }
  return pages;
}

Deno.test({
  name: "the site builds, and its links lead somewhere",
  ignore: lacksGenerator,
  fn: async (t) => {
    const folder = await Deno.makeTempDir({ prefix: "andromeda_site_" });
    try {
      await buildSite(folder, "/site/");
      const pages = new Set(await pagesIn(folder));

      await t.step("its configuration has the types of the generator", async () => {
        const modules = [".vitepress/config.ts", ".vitepress/source_links.ts"];
        const { code, stderr } = await deno(["check", ...modules], { cwd: fromFileUrl(new URL("docs/", ROOT)) });
        assertEquals(code, 0, stderr);
      });

      await t.step("every page's links within it exist", async () => {
        const broken: string[] = [];
        for (const page of pages) {
          const html = (await Deno.readTextFile(`${folder}/${page}`)).replaceAll("&#x2F;", "/");
          for (const [, href = ""] of html.matchAll(/<a\b[^>]*\bhref="([^"#?]+)/g)) {
            const { origin, pathname } = new URL(href, `http://site/site/${page}`);
            if (origin !== "http://site") continue;
            const target = decodeURIComponent(pathname).replace(/^\/site\//, "").replace(/(^|\/)$/, "$1index.html");
            if (!pages.has(target)) broken.push(`${page} links to ${href}`);
          }
        }
        assert(pages.size > 300, `${pages.size} pages were made`);
        assertEquals(broken.slice(0, 20), []);
      });

      await t.step({
        name: "pages fit a phone, say nothing on the console, and ask no other server",
        ignore: lacksChromium,
        fn: () =>
          visitAll(folder, [...pages].filter((page) => /^(?:index|try|guide\/.*|api\/models)\.html$/.test(page))),
      });

      await t.step({
        name: "a model writes within it",
        ignore: lacksChromium,
        fn: () => writeWithin(folder),
      });
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

async function visitAll(folder: string, pages: readonly string[]): Promise<void> {
  await using server = serveFolders({ "/site/": folder }, {});
  const browser = await launchChromium();
  try {
    const page = await browser.newPage({ viewport: { width: 390, height: 844 } });
    const faults: string[] = [];
    page.on("request", (request) => {
      if (!request.url().startsWith(server.url)) faults.push(`asks ${request.url()}`);
    });
    page.on("console", (message) => message.type() === "error" && faults.push(message.text()));
    page.on("pageerror", (error) => faults.push(error.message));
    for (const path of pages) {
      await page.goto(`${server.url}/site/${path}`, { waitUntil: "networkidle" });
      const excess = await page.evaluate("document.documentElement.scrollWidth - innerWidth");
      if (Number(excess) > 0) faults.push(`${path} is ${excess} pixels too wide`);
    }
    assert(pages.length > 10, `${pages.length} pages were visited`);
    assertEquals(faults, []);
  } finally {
    await browser.close();
  }
}

/** Loads the demo's model on the page within the site, and has it write. */
async function writeWithin(folder: string): Promise<void> {
  await using server = serveFolders({ "/site/": folder }, {});
  const browser = await launchChromium();
  const shots = Deno.env.get("ANDROMEDA_SHOTS");
  try {
    for (const [width, colorScheme] of [[390, "light"], [1440, "dark"]] as const) {
      const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme });
      await page.goto(`${server.url}/site/`, { waitUntil: "networkidle" });
      await page.getByRole("link", { name: "Try it" }).last().click();
      const frame = page.frameLocator("iframe.try");
      await frame.locator("#load-demo").click();
      await frame.locator('body[data-state="ready"]').waitFor();
      await frame.locator("#write").click();
      await frame.locator(".token:not(.given)").nth(20).waitFor({ state: "attached" });
      if (shots) await page.screenshot({ path: `${shots}/site-${width}-${colorScheme}.png` });
      await page.close();
    }
  } finally {
    await browser.close();
  }
}
