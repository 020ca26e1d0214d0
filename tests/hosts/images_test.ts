/**
 * Images in Node and in a page of Chromium, of one bundled file: their hosts inflate in their own ways. Needs `node`
 * from 20 on, and the `chromium` package; without them the tests are ignored, with REQUIRE_NODE=1 and
 * REQUIRE_CHROMIUM=1 they fail.
 */

import { assertEquals, assertGreater } from "@std/assert";
import { bytesOf, expected, fixture } from "../image/expected.ts";
import { lacksChromium, launchChromium } from "../support/chromium.ts";
import { deno } from "../support/deno.ts";

/** One file as a host has decoded it: bytes of red, green and blue, plane by plane; or its error's name. */
type Decoded = { readonly planes: readonly number[] } | { readonly error: string };

/** Decodes files given as lists of bytes; its text runs in the hosts, behind the bundle of `data/image/image.ts`. */
const DECODE_ALL = `async (files) => {
  const results = [];
  for (const file of files) {
    try {
      const { data } = await imageTensor(Uint8Array.from(file));
      results.push({ planes: Array.from(data, (value) => Math.round(value * 255)) });
    } catch (error) {
      results.push({ error: error.name });
    }
  }
  return results;
}`;

const files = expected.files.map(({ file }) => [...fixture(file)]);
const damaged = ["rgb.png", "sharp_420.jpg"].map((file) => [...fixture(file)].slice(0, -40));
/** Data that are no zlib stream, under right checksums, so that the host's own inflating must refuse them. */
const broken = [...fixture("broken.png")];

function assertDecoded(results: readonly Decoded[]): void {
  assertGreater(expected.files.length, 25);
  for (const [i, { file, width, height, rgb }] of expected.files.entries()) {
    const [bytes, size] = [bytesOf(rgb), width * height];
    const planes = Array.from({ length: 3 * size }, (_, at) => bytes[at % size * 3 + Math.floor(at / size)]);
    assertEquals(results[i], { planes } as Decoded, file);
  }
  const rest = results.slice(expected.files.length);
  assertEquals(rest, [{ error: "ImageError" }, { error: "ImageError" }, { error: "ImageError" }]);
}

async function bundle(): Promise<string> {
  const { code, stdout, stderr } = await deno([
    "bundle",
    "--quiet",
    "--no-lock",
    "--platform",
    "browser",
    "data/image/image.ts",
  ]);
  assertEquals(code, 0, stderr);
  return stdout;
}

const hasNode = await new Deno.Command("node", { args: ["--version"], stdout: "null" }).output()
  .then(({ success }) => success, () => false);

Deno.test({
  name: `node: images have Pillow's pixels${hasNode ? "" : " (needs node)"}`,
  ignore: !hasNode && Deno.env.get("REQUIRE_NODE") !== "1",
  async fn() {
    const program = `${await bundle()}
      import { text } from "node:stream/consumers";
      console.log(JSON.stringify(await (${DECODE_ALL})(JSON.parse(await text(process.stdin)))));`;
    const path = await Deno.makeTempFile({ suffix: ".mjs" });
    try {
      await Deno.writeTextFile(path, program);
      const child = new Deno.Command("node", { args: [path], stdin: "piped", stdout: "piped", stderr: "piped" })
        .spawn();
      const writer = child.stdin.getWriter();
      await writer.write(new TextEncoder().encode(JSON.stringify([...files, ...damaged, broken])));
      await writer.close();
      const { code, stdout, stderr } = await child.output();
      assertEquals([code, new TextDecoder().decode(stderr)], [0, ""]);
      assertDecoded(JSON.parse(new TextDecoder().decode(stdout)));
    } finally {
      await Deno.remove(path);
    }
  },
});

Deno.test({
  name: `chromium: images have Pillow's pixels${lacksChromium ? " (needs chromium)" : ""}`,
  ignore: lacksChromium,
  async fn() {
    const browser = await launchChromium();
    try {
      const page = await browser.newPage();
      const script = `${await bundle()}; globalThis.decodeAll = ${DECODE_ALL};`;
      await page.addScriptTag({ type: "module", content: script });
      await page.waitForFunction("globalThis.decodeAll !== undefined");
      const input = JSON.stringify([...files, ...damaged, broken]);
      assertDecoded(await page.evaluate(`decodeAll(${input})`));
    } finally {
      await browser.close();
    }
  },
});
