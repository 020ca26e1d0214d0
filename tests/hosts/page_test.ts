/**
 * The page of `examples/page` in a real Chromium: what it writes is what Deno writes; everything on it works by
 * keyboard, offline, under a strict policy and at every size, and generating never holds up a frame.
 *
 * Needs `npm` with its registry and the `chromium` package; without them the tests are ignored, with REQUIRE_NODE=1 and
 * REQUIRE_CHROMIUM=1 they fail. ANDROMEDA_SHOTS names a folder for pictures of the page.
 *
 * @module
 */

import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { AndromedaTokenizer, createBackend, loadLanguageModel } from "../../mod.ts";
import { median } from "../../bench/support/report.ts";
import { ISOLATED, lacksChromium } from "../support/chromium.ts";
import { serveFolders, STRICT } from "./package/pages.ts";
import { EXAMPLES, hasNpm } from "./package/project.ts";
import { buildSite, type Site, Visitor } from "./page/site.ts";

const MODEL = `${EXAMPLES}/shakespeare`;
const PROMPT = "ROMEO:";
const LENGTH = 60;

/** The settings with which a text is the likeliest. */
const GREEDY = { temperature: 0, repetitionPenalty: 1, maxNewTokens: LENGTH };

/** The token, of what is written, that is looked at. */
const LOOKED_AT = 20;

/** What this Deno writes, from the sources. */
interface Expected {
  /** The text of each token. */
  readonly pieces: readonly string[];
  /** The same where that token's likeliest rival took its place, and the text that follows then. */
  readonly branch: readonly string[];
  /** The largest probabilities in the place of the token that is looked at. */
  readonly probabilities: readonly number[];
  /** What that token gives to each before it, in the last layer's first head. */
  readonly looks: readonly number[];
}

async function expect(): Promise<Expected> {
  const backend = await createBackend("wasm", { threads: 1 });
  const tokenizer = await AndromedaTokenizer.load(MODEL);
  const model = await loadLanguageModel(MODEL, { backend });
  const prompt = tokenizer.encode(PROMPT);
  let logits = new Float32Array();
  const options = { maxNewTokens: LENGTH, temperature: 0 };
  const tokens = await Array.fromAsync(model.generate(prompt, {
    ...options,
    onLogits: (each, index) => void (logits = index === LOOKED_AT ? each.slice() : logits),
  }));
  const [, rival = 0] = [...logits.keys()].sort((a, b) => logits[b]! - logits[a]!);
  const kept = [...tokens.slice(0, LOOKED_AT), rival];
  const branch = [...kept, ...await Array.fromAsync(model.generate([...prompt, ...kept], options))];
  const exponents = logits.map((logit) => Math.exp(logit - Math.max(...logits)));
  const sum = exponents.reduce((sum, each) => sum + each, 0);
  const text = [...prompt, ...tokens];
  const attention = model.attentionProbabilities(text, model.attentionCount - 1);
  const [query, n] = [prompt.length + LOOKED_AT, text.length];
  const looks = (await attention.data()).slice(query * n, query * n + n);
  backend.dispose();
  return {
    branch: await Array.fromAsync(tokenizer.decodeStream(branch)),
    pieces: await Array.fromAsync(tokenizer.decodeStream(tokens)),
    probabilities: Array.from(exponents.map((each) => each / sum).sort().toReversed().slice(0, 10)),
    looks: Array.from(looks),
  };
}

/** What the tests share, made by the first one that needs it. */
let shared: Promise<{ site: Site; expected: Expected }> | undefined;

Deno.test.afterAll(async () => void await (await shared?.catch(() => undefined))?.site[Symbol.asyncDispose]());

const lacks = (!hasNpm && Deno.env.get("REQUIRE_NODE") !== "1") || lacksChromium;

function test(name: string, fn: (site: Site, expected: Expected) => Promise<void>): void {
  Deno.test({
    name: `page: ${name}${lacks ? " (needs npm and chromium)" : ""}`,
    ignore: lacks,
    fn: async () => {
      shared ??= (async () => ({ site: await buildSite(), expected: await expect() }))();
      const { site, expected } = await shared;
      await fn(site, expected);
    },
    // The browser outlives the test that starts it.
    sanitizeResources: false,
    sanitizeOps: false,
  });
}

/** Serves the page under a policy of its own scripts only, isolated. */
function serve({ folder }: Site, headers: Readonly<Record<string, string>> = { ...STRICT, ...ISOLATED }) {
  return serveFolders({ "/": folder }, headers);
}

test("by keyboard alone, it writes what Deno writes and shows what else might have come", async (site, expected) => {
  await using server = serve(site);
  await using visitor = await Visitor.open(site, server.url);
  const { page } = visitor;
  const isFocused = (selector: string) => page.locator(`${selector}:focus`).count();
  const tabTo = async (selector: string) => {
    for (let presses = 0; presses < 40; presses++) {
      await page.keyboard.press("Tab");
      if (await isFocused(selector)) return;
    }
    throw new Error(`Tab does not reach ${selector}`);
  };
  await tabTo("#load-demo");
  await page.keyboard.press("Enter");
  await visitor.state("ready");
  await page.waitForSelector("#prompt:focus");
  for (const [id, key] of [["temperature", "Home"], ["repetitionPenalty", "Home"]] as const) {
    await tabTo(`#${id}`);
    await page.keyboard.press(key);
  }
  await tabTo("#maxNewTokens");
  await page.keyboard.press("Home");
  for (let length = 10; length < LENGTH; length += 10) await page.keyboard.press("ArrowRight");
  await tabTo("#prompt");
  await page.keyboard.press("Control+a");
  await page.keyboard.type(PROMPT);
  await page.keyboard.press("Control+Enter");
  await page.waitForSelector("#stop:not([hidden])");
  await visitor.written();
  assertEquals(await visitor.pieces(), expected.pieces);
  assert(/^Done: 60 tokens/.test(await page.innerText("#status")), await page.innerText("#status"));

  await tabTo(".token");
  for (let presses = 0; presses < LOOKED_AT; presses++) await page.keyboard.press("ArrowRight");
  assertEquals(await page.locator(".token:focus").textContent(), expected.pieces[LOOKED_AT]);
  const shares = await page.locator("#alternatives .bar-value").allInnerTexts();
  assertEquals(shares.length, 10);
  for (const [i, share] of shares.entries()) {
    assertAlmostEquals(Number.parseFloat(share) / 100, expected.probabilities[i]!, 0.006);
  }
  assertEquals(await page.locator("#alternatives li.is-chosen").count(), 1);
  await page.keyboard.press("Escape");
  assertEquals(await page.isVisible("#alternatives"), false);

  await page.keyboard.press("2");
  await page.waitForSelector("#stop:not([hidden])");
  await visitor.written();
  assertEquals(await visitor.pieces(), expected.branch);
  assertEquals(visitor.faults, []);
});

test("attention shades the text and draws a map", async (site, expected) => {
  await using server = serve(site);
  await using visitor = await Visitor.open(site, server.url);
  const { page } = visitor;
  await visitor.load();
  await visitor.set(GREEDY);
  await page.fill("#prompt", PROMPT);
  await page.click("#write");
  await visitor.written();
  await page.check('input[value="attention"]');
  await page.waitForSelector("#head option:nth-child(2)", { state: "attached" });
  await page.selectOption("#head", { label: "1" });
  await page.locator(".token:not(.given)").nth(LOOKED_AT).click();
  const shades: number[] = await page.evaluate(
    `[...document.querySelectorAll(".token")].map(({ style }) => parseFloat(style.getPropertyValue("--look")))`,
  );
  const most = Math.max(...expected.looks);
  assertEquals(shades.length, expected.looks.length);
  for (const [i, shade] of shades.entries()) {
    assertAlmostEquals(shade / 100, Math.sqrt(expected.looks[i]! / most), 0.005);
  }
  const label = await page.getAttribute("#map", "aria-label") ?? "";
  assert(label.startsWith(`Attention map of layer 6, head 1: ${shades.length} tokens`), label);
  const inked: number = await page.evaluate(`(() => {
    const map = document.querySelector("#map");
    const { data } = map.getContext("2d").getImageData(0, 0, map.width, map.height);
    return data.filter((value, i) => i % 4 === 3 && value > 64).length;
  })()`);
  assert(inked > shades.length, `${inked} cells of the map are inked`);
  assertEquals(visitor.faults, []);
});

test("files that are dropped or chosen load, and what is no model says so in one line", async (site) => {
  await using server = serve(site);
  await using visitor = await Visitor.open(site, server.url);
  const { page } = visitor;
  const session = await visitor.context.newCDPSession(page);
  for (const type of ["dragEnter", "dragOver", "drop"] as const) {
    const data = { items: [], files: [MODEL], dragOperationsMask: 1 };
    await session.send("Input.dispatchDragEvent", { type, x: 200, y: 200, data });
    if (type === "dragOver") await page.waitForSelector("#drop");
  }
  await visitor.state("ready");
  assertEquals(await page.innerText("#model-name"), "shakespeare");
  await page.click("#change");
  await page.setInputFiles("#files", [`${MODEL}/config.json`, `${MODEL}/tokenizer.json`]);
  await page.waitForSelector("#start-error:not([hidden])");
  assert((await page.innerText("#start-error")).includes("there is no model.safetensors"));
  await page.setInputFiles("#folder", MODEL);
  await visitor.state("ready");
  assertEquals(await page.innerText("#model-name"), "shakespeare");
  assertEquals(visitor.faults, []);
});

/** A server of another site that stops in the middle of the weights. */
function serveHalf(): { readonly url: string } & AsyncDisposable {
  const open = { "access-control-allow-origin": "*" };
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, async (request) => {
    const name = new URL(request.url).pathname.slice(1);
    const bytes = await Deno.readFile(`${MODEL}/${name}`).catch(() => undefined);
    if (!bytes) return new Response(null, { status: 404, headers: open });
    if (name !== "model.safetensors") return new Response(bytes, { headers: open });
    const half = new ReadableStream({ start: (controller) => controller.enqueue(bytes.subarray(0, bytes.length / 2)) });
    return new Response(half, { headers: { ...open, "content-length": String(bytes.length) } });
  });
  return { url: `http://localhost:${server.addr.port}/`, [Symbol.asyncDispose]: () => server.shutdown() };
}

test("loading shows the bytes that have come and can be aborted", async (site) => {
  await using half = serveHalf();
  await using server = serve(site, ISOLATED);
  await using visitor = await Visitor.open(site, server.url);
  const { page } = visitor;
  await page.fill("#location", half.url);
  await page.click("text=Open");
  await visitor.until(`document.querySelector("#progress-bytes").value.startsWith("2.")`);
  assert(/^2\.\d of 5\.0 MB$/.test(await page.innerText("#progress-bytes")), await page.innerText("#progress-bytes"));
  await page.click("#abort");
  await visitor.state("start");
  assertEquals(await page.isVisible("#start-error"), false);
  await visitor.load();
  assertEquals(visitor.faults, []);
});

test("an engine that is not there leaves the one that is, and says why", async (site) => {
  await using server = serve(site);
  await using visitor = await Visitor.open(site, server.url);
  const { page } = visitor;
  await visitor.load();
  await page.check('input[value="webgpu"]', { force: true }).catch(() => {});
  await page.waitForSelector("#engine-error:not([hidden])");
  assertEquals(await page.isChecked('input[value="auto"]'), true);
  await page.selectOption("#dtype", "q4_0");
  await visitor.until(`!document.querySelector("#engine-error").offsetParent`);
  await page.waitForSelector("#progress", { state: "hidden" });
  await page.click("#measure");
  await visitor.until(`document.querySelector("#decode").value.endsWith("tokens/s")`);
  console.log(`      reads ${await page.innerText("#prefill")}, writes ${await page.innerText("#decode")}`);
  await page.click("#write");
  // By an event: a text may be whole before a pointer has reached the button.
  await page.dispatchEvent("#stop", "click");
  await visitor.written();
  assertEquals(visitor.faults, []);
});

test("after one visit to a plain server it works offline, threaded, and takes new versions", async (site, expected) => {
  const server = serve(site, {});
  await using visitor = await Visitor.open(site, server.url);
  const { page, context } = visitor;
  await visitor.until("crossOriginIsolated && navigator.serviceWorker.controller");
  await visitor.load();
  await visitor.until(`/on [2-9] threads/.test(document.querySelector("#engine-facts").textContent)`);

  const script = `${site.folder}service_worker.js`;
  const built = await Deno.readTextFile(script);
  await Deno.writeTextFile(script, built.replace(/"[0-9a-f]{12}"/, '"another one"'));
  await page.evaluate("navigator.serviceWorker.getRegistration().then((each) => each.update())");
  await page.click("#update-now");
  await visitor.until(`document.body.dataset.state === "start"`);
  await visitor.until(`caches.keys().then((names) => names.includes("andromeda-page-files-another one"))`);
  await Deno.writeTextFile(script, built);

  await context.setOffline(true);
  await server[Symbol.asyncDispose]();
  await page.reload();
  await visitor.load();
  await visitor.set(GREEDY);
  await page.fill("#prompt", PROMPT);
  await page.click("#write");
  await visitor.written();
  assertEquals(await visitor.pieces(), expected.pieces);
});

test("colors are the system's until a person chooses others, which are remembered", async (site) => {
  await using server = serve(site);
  await using visitor = await Visitor.open(site, server.url, { colorScheme: "dark" });
  const { page } = visitor;
  const paper = () => page.evaluate("getComputedStyle(document.documentElement).backgroundColor");
  const dark = await paper();
  await page.getByRole("button", { name: "Dark colors", pressed: true }).click();
  const light = await paper();
  assert(light !== dark, `both are ${light}`);
  await page.reload();
  assertEquals(await paper(), light);
  await page.getByRole("button", { name: "Dark colors", pressed: false }).click();
  assertEquals(await paper(), dark);
  await page.emulateMedia({ colorScheme: "light" });
  await visitor.until(`getComputedStyle(document.documentElement).backgroundColor === "${light}"`);
});

/** Notes how long each frame takes, without looking at the page meanwhile as Playwright does. */
const FRAMES = `
globalThis.frames = [];
let last = performance.now();
requestAnimationFrame(function next() {
  frames.push(performance.now() - last);
  last = performance.now();
  requestAnimationFrame(next);
});
globalThis.longestFrame = async (button, isDone) => {
  await new Promise((resolve) => setTimeout(resolve, 300));
  frames.length = 0;
  document.querySelector(button).click();
  do await new Promise((resolve) => setTimeout(resolve, 50));
  while (!isDone());
  return Math.round(Math.max(...frames));
};`;

/** Visits in which frames are measured. */
const ROUNDS = 3;

test("no frame takes 50 ms while a model loads or writes", async (site) => {
  await using server = serve(site);
  const times: Record<string, { frames: number[]; work: number[] }> = {
    loading: { frames: [], work: [] },
    writing: { frames: [], work: [] },
  };
  for (let round = 0; round < ROUNDS; round++) {
    await using visitor = await Visitor.open(site, server.url, {}, FRAMES);
    const { page } = visitor;
    // Playwright puts a script of its own into the page at the first call.
    await page.evaluate("undefined");
    const measure = async (what: string, button: string, isDone: string) => {
      const work = await visitor.longestTask(async () =>
        void times[what]?.frames.push(await page.evaluate(`longestFrame("${button}", () => ${isDone})`))
      );
      times[what]?.work.push(Math.round(work));
    };
    await measure("loading", "#load-demo", `document.body.dataset.state === "ready"`);
    await measure("writing", "#write", `document.querySelector("#stop").hidden`);
    if (round === 0) console.log(`      ${(await page.innerText("#figures")).replaceAll("\n", " ")}`);
  }
  for (const [what, { frames, work }] of Object.entries(times)) {
    console.log(`      while ${what}: longest frames ${frames.join(", ")} ms, most work at once ${work.join(", ")} ms`);
    // A frame lasts as long as the page's work, and waits for other programs on the machine. Those slow down the work
    // of some visits too, so that the middle one counts.
    assert(median(work) < 50, `the page works ${work.join(", ")} ms at once while ${what}`);
  }
});

const SIZES = [[360, 740], [820, 1180], [1440, 900]] as const;

/** The width at which the rules of accessibility are checked. */
const CHECKED = { light: 360, dark: 1440 };

for (const colorScheme of ["light", "dark"] as const) {
  test(`every size in ${colorScheme} colors fits, and every control has a name`, async (site) => {
    await using server = serve(site);
    for (const [width, height] of SIZES) {
      const options = { viewport: { width, height }, colorScheme, hasTouch: width < 1000 };
      await using visitor = await Visitor.open(site, server.url, options);
      const { page } = visitor;
      const check = async (what: string) => {
        await page.evaluate("document.fonts.ready");
        const folder = Deno.env.get("ANDROMEDA_SHOTS");
        if (folder) await page.screenshot({ path: `${folder}/${width}-${colorScheme}-${what}.png` });
        assert(
          await page.evaluate("document.documentElement.scrollWidth <= innerWidth"),
          `${what} is wider than ${width}`,
        );
        // Rules of accessibility look at colors and at what is there, which sizes hardly change.
        if (width === CHECKED[colorScheme]) assertEquals(await visitor.violations(site), [], what);
      };
      await check("1-start");
      await visitor.load();
      await check("2-ready");
      await visitor.set({ seed: 7, maxNewTokens: 120 });
      await page.click("#write");
      await visitor.written();
      await page.locator(".token:not(.given)").nth(40).click();
      await check("3-alternatives");
      await page.keyboard.press("Escape");
      await page.check('input[value="attention"]');
      await page.waitForSelector("#head option:nth-child(2)", { state: "attached" });
      await page.locator(".token:not(.given)").nth(60).click();
      await check("4-attention");
      assertEquals(visitor.faults, []);
    }
  });
}
