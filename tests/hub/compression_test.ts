import { assert, assertEquals, assertRejects } from "@std/assert";
import { gzipSync } from "node:zlib";
import { readAll } from "../../data/files/byte_source.ts";
import { openFileSet } from "../../data/files/files.ts";
import { WeightsError } from "../../errors.ts";
import { around, assertSame, keepings } from "./around.ts";
import { noise, tagOfLargeFile, tagOfSmallFile } from "./hub_server.ts";

/** Bytes that compress: the servers' way of sending JSON. */
const json = new TextEncoder().encode(
  JSON.stringify(Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [i, i]))),
);

for (const { name, whole } of keepings) {
  for (const coding of ["gzip", "deflate", "br"] as const) {
    for (const withoutLength of [false, true]) {
      const length = withoutLength ? "without a length" : "with the length of what it sends";

      Deno.test(`${name}: a server that compresses anyway (${coding}, ${length}) gives the file`, async () => {
        await around(name, async ({ server, fetch }) => {
          server.add("config.json", json, { etag: tagOfSmallFile(json) });
          server.add("w", noise(5000), { etag: `W/"1"` });
          server.add("empty", new Uint8Array(0), { etag: null });
          server.always = { coding, withoutLength };
          for (let i = 0; i < 2; i++) {
            assertSame(await fetch("config.json"), json);
            assertSame(await fetch("w"), noise(5000));
            assertSame(await fetch("empty"), new Uint8Array(0));
          }
          if (name !== "none") assertSame(await fetch("config.json", { offline: true }), json);
          assert(server.requests.every(({ headers }) => headers.get("accept-encoding") === "identity"));
        });
      });
    }
  }

  Deno.test(`${name}: parts that a server compresses are not put behind what came before`, async () => {
    await around(name, async ({ server, fetch }) => {
      // Where a part of a page's cache is whole, so that there is something to go on after.
      const bytes = noise(name === "storage" ? 17_000_000 : 100_000);
      server.add("w", bytes, { etag: tagOfLargeFile(bytes) });
      server.faults.push({ cutAfter: bytes.length - 1000 });
      await assertRejects(() => fetch("w", { retries: 0 }), WeightsError, "broke off");
      server.faults.push({ coding: "gzip" });
      assertSame(await fetch("w"), bytes);
      assertEquals(server.takeStatuses(), name === "none" ? [200, 200] : [whole, 206, whole]);

      server.add("v", noise(100_000));
      server.faults.push({ cutAfter: 1000 }, { coding: "gzip" });
      await assertRejects(() => fetch("v"), WeightsError, "can't send the rest alone");
      server.always = { coding: "gzip", cutAfter: 1000 };
      await assertRejects(() => fetch("v"), WeightsError, "broke off after");
      server.always = { coding: "gzip", cutAfter: 1000, withoutLength: true };
      await assertRejects(() => fetch("v"), WeightsError, "broke off after");
    });
  });
}

Deno.test("a coding that the host can't undo is named, and its bytes are not kept", async () => {
  for (const coding of ["zstd", "lzma"] as const) {
    await around("folder", async ({ server, fetch }) => {
      server.add("w", noise(5000));
      server.always = { coding };
      await assertRejects(() => fetch("w"), WeightsError, `compressed as "${coding}"`);
      await assertRejects(() => fetch("w", { offline: true }), WeightsError, "not in the cache");
      server.always = {};
      assertSame(await fetch("w"), noise(5000));
    });
  }
});

Deno.test("codings are undone one after the other, and what is not what it says is refused", async () => {
  await around("folder", async ({ server, fetch }) => {
    const headers = { "content-encoding": "identity, GZIP,x-gzip" };
    server.faults.push({ body: gzipSync(gzipSync(json)), headers });
    assertSame(await fetch("a.json"), json);
    server.faults.push({ body: gzipSync(json), headers });
    await assertRejects(() => fetch("b.json"), WeightsError, "broke off");
    server.faults.push({ body: json, headers: { "content-encoding": "gzip" } });
    await assertRejects(() => fetch("c.json"), WeightsError, "broke off");
    const whole = gzipSync(json);
    for (const length of [whole.length - 1, whole.length - 9, 5, 0]) {
      server.faults.push({ body: whole.subarray(0, length), headers: { "content-encoding": "gzip" } });
      await assertRejects(() => fetch(`${length}.json`), WeightsError, "broke off", `${length}`);
    }
  });
});

Deno.test("few bytes that grow to very many are refused", async () => {
  await around("folder", async ({ server, options }) => {
    // 300 MB of zeros in 300 KB, from a URL and from a hub. A reader that doubles its room holds three times the bound.
    const bomb = gzipSync(new Uint8Array(300_000_000));
    server.always = { body: bomb, headers: { "content-encoding": "gzip" } };
    const before = Deno.memoryUsage().rss;
    for (const place of [`${server.host}/m/`, "org/name"]) {
      const files = await openFileSet(place, options);
      const read = async () => await readAll((await files.open("config.json"))!);
      await assertRejects(read, WeightsError, "compressed bytes grow to more than");
    }
    const grown = Deno.memoryUsage().rss - before;
    assert(grown < 150_000_000, `${grown} bytes`);
  });
});
