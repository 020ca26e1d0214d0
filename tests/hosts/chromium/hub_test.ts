/**
 * Files of a hub and of plain URLs in a page of a real Chromium, which asks servers to compress, decompresses what
 * comes, and tells a
 * page of another site nothing of it.
 *
 * Needs the `chromium` package; without it the tests are ignored, with REQUIRE_CHROMIUM=1 they fail.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { noise } from "../../hub/hub_server.ts";
import { lacksChromium, launchChromium } from "../../support/chromium.ts";
import { deno } from "../../support/deno.ts";

/** The length and the sum of each file that the page reads in turn; sums tell bytes apart well enough. */
const PAGE = `<!doctype html><title>hub</title><script type="module">
import { fetchHubFile } from "./hub/hub.js";
import { openUrlFile } from "./cache/url_file.js";
import { readAll } from "./files/byte_source.js";
globalThis.read = async (host, cache, file, offline) => {
  const options = { cache, offline, retries: 1, retryDelay: 1 };
  const source = await (file.startsWith("http")
    ? openUrlFile(new URL(file), options)
    : fetchHubFile({ repo: "org/name" }, file, { ...options, host }));
  const bytes = source && await readAll(source);
  return bytes && [bytes.length, bytes.reduce((sum, byte, i) => (sum + byte * (i % 251 + 1)) % 65521, 0)];
};
</script>`;

const ENTRIES = ["data/hub/hub.ts", "data/cache/url_file.ts", "data/files/byte_source.ts"];

declare global {
  /** Defined by PAGE. */
  var read: (
    host: string,
    cache: string | false,
    file: string,
    offline?: boolean,
  ) => Promise<[number, number] | undefined>;
}

const files: Record<string, Uint8Array> = {
  "config.json": new TextEncoder().encode(JSON.stringify(Array.from({ length: 30_000 }, (_, i) => i))),
  "w": noise(17_000_000),
  "empty": new Uint8Array(0),
};

/**
 * A server of another site that compresses whenever it is told that it may, and whether it shows the range it sends.
 */
function serveFiles(showsRange: boolean): Deno.HttpServer<Deno.NetAddr> {
  const exposed = showsRange ? "ETag, Content-Range" : "ETag";
  const open = { "access-control-allow-origin": "*", "access-control-expose-headers": exposed };
  return Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, async (request) => {
    const bytes = files[new URL(request.url).pathname.split("/").at(-1) ?? ""]?.slice();
    if (bytes === undefined) return new Response(null, { status: 404, headers: open });
    const etag = `"${bytes.length}"`;
    const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.get("range") ?? "");
    if (range !== null) {
      const from = Number(range[1]);
      const end = range[2] ? Number(range[2]) + 1 : bytes.length;
      if (from >= bytes.length) return new Response(null, { status: 416, headers: open });
      const headers = { ...open, etag, "content-range": `bytes ${from}-${end - 1}/${bytes.length}` };
      return new Response(bytes.subarray(from, end), { status: 206, headers });
    }
    const mayCompress = bytes.length > 0 && /gzip/.test(request.headers.get("accept-encoding") ?? "");
    if (!mayCompress) return new Response(bytes, { headers: open });
    const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream("gzip"));
    const packed = await new Response(stream).arrayBuffer();
    const headers = {
      ...open,
      etag: `W/${etag}`,
      "content-encoding": "gzip",
      "content-length": `${packed.byteLength}`,
    };
    return new Response(packed, { headers });
  });
}

Deno.test({
  name: `chromium: files of a site that compresses come as they are, with a cache and without${
    lacksChromium ? " (needs chromium)" : ""
  }`,
  ignore: lacksChromium,
  fn: async () => {
    const folder = await Deno.makeTempDir();
    const options = ["--quiet", "--platform", "browser", "--code-splitting", "--outdir", folder];
    const { code, stderr } = await deno(["bundle", ...options, ...ENTRIES]);
    assertEquals(code, 0, stderr);
    const site = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, async ({ url }) => {
      const name = new URL(url).pathname.slice(1);
      if (name === "") return new Response(PAGE, { headers: { "content-type": "text/html" } });
      const script = await Deno.readTextFile(`${folder}/${name}`).catch(() => undefined);
      return new Response(script ?? null, {
        status: script === undefined ? 404 : 200,
        headers: { "content-type": "text/javascript" },
      });
    });
    const hubs = [serveFiles(true), serveFiles(false)];
    const browser = await launchChromium();
    try {
      const page = await browser.newPage();
      await page.goto(`http://localhost:${site.addr.port}/`);
      await page.waitForFunction(() => "read" in globalThis);
      for (const [index, { addr }] of hubs.entries()) {
        for (const cache of [`cache-${index}`, `cache-${index}`, false] as const) {
          for (const [name, bytes] of Object.entries(files)) {
            const sum = bytes.reduce((sum, byte, i) => (sum + byte * (i % 251 + 1)) % 65521, 0);
            const host = `http://127.0.0.1:${addr.port}`;
            const read = (file: string, offline = false) =>
              page.evaluate(
                ([host, cache, file, offline]) => globalThis.read(host, cache, file, offline),
                [host, cache, file, offline] as const,
              );
            assertEquals(await read(name), [bytes.length, sum], `${name} in ${cache}`);
            const url = `${host}/plain/${name}`;
            assertEquals(await read(url), [bytes.length, sum], `${url} in ${cache}`);
            // The empty file has no ETag here, so that no copy is kept.
            if (cache !== false && bytes.length > 0) assertEquals(await read(url, true), [bytes.length, sum]);
          }
        }
      }
    } finally {
      await browser.close();
      for (const server of [site, ...hubs]) await server.shutdown();
      await Deno.remove(folder, { recursive: true });
    }
  },
});
