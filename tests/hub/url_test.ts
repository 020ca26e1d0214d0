import { assert, assertEquals, assertRejects } from "@std/assert";
import { openUrlFile } from "../../data/cache/url_file.ts";
import { readAll } from "../../data/files/byte_source.ts";
import type { HubOptions } from "../../data/hub/hub_options.ts";
import { AndromedaTokenizer } from "../../data/text/tokenizer.ts";
import { WeightsError } from "../../errors.ts";
import { loadModel } from "../../models/load_model.ts";
import { deno } from "../support/deno.ts";
import { around, assertSame, keepings } from "./around.ts";
import { type Fault, noise, tagOfLargeFile } from "./hub_server.ts";

const DATE = "Wed, 21 Oct 2015 07:28:00 GMT";

async function read(url: string, options: HubOptions): Promise<Uint8Array | undefined> {
  const source = await openUrlFile(new URL(url), options);
  return source && await readAll(source);
}

for (const { name, size } of keepings.filter(({ name }) => name !== "none")) {
  Deno.test(`what a URL gives is kept, asked for again by its tag, and there offline (${name})`, async () => {
    await around(name, async ({ server, options }) => {
      const [first, second] = [noise(size), noise(size, 2)];
      server.files.set("/models/w.bin", { bytes: first });
      const url = `${server.host}/models/w.bin`;
      const offline = { ...options, offline: true };
      await assertRejects(() => read(url, offline), WeightsError, `Cannot read ${url}: it is not in the cache`);
      assertSame(await read(url, options), first);
      server.takeStatuses();
      assertSame(await read(`${url}#part`, options), first);
      assertEquals(server.takeStatuses(), [name === "folder" ? 304 : 206]);
      assertSame(await read(url, offline), first);
      assertEquals(server.takeStatuses(), []);
      server.files.set("/models/w.bin", { bytes: second });
      assertSame(await read(url, options), second);
      assertSame(await read(url, offline), second);
      server.files.delete("/models/w.bin");
      assertEquals(await read(url, options), undefined);
      assertEquals(await read(url, offline), undefined);
    });
  });
}

Deno.test("a broken download of a URL goes on where it broke, and a copy serves while the server is away", async () => {
  await around("folder", async ({ server, options }) => {
    const bytes = noise(200_000);
    server.files.set("/w", { bytes });
    const url = `${server.host}/w`;
    server.faults.push({ cutAfter: 70_000 });
    await assertRejects(() => read(url, { ...options, retries: 0 }), WeightsError, "broke off");
    server.takeStatuses();
    assertSame(await read(url, options), bytes);
    assertEquals(server.takeStatuses(), [206]);
    server.always = { hangUp: true };
    assertSame(await read(url, options), bytes);
  });
});

Deno.test("a date is a tag too, and an ETag that looks like a hash is none of these bytes", async () => {
  await around("folder", async ({ server, options, files }) => {
    const bytes = noise(1000);
    server.files.set("/dated", { bytes, etag: null });
    server.always = { headers: { "last-modified": DATE } };
    for (let i = 0; i < 2; i++) assertSame(await read(`${server.host}/dated`, options), bytes);
    assertEquals(server.requests.at(-1)?.headers.get("if-modified-since"), DATE);
    server.always = {};
    server.files.set("/tagged", { bytes, etag: tagOfLargeFile(noise(5)) });
    assertSame(await read(`${server.host}/tagged`, options), bytes);
    assertEquals(files().filter((file) => file === "state.json").length, 2);
  });
});

Deno.test("no copies are kept of what is secret, made by the caller, forbidden to keep, or without a tag", async () => {
  await around("folder", async ({ server, options, files }) => {
    const bytes = noise(1000);
    server.files.set("/w", { bytes });
    server.files.set("/w?key=secret", { bytes });
    server.files.set("/bare", { bytes, etag: null });
    const cases: Record<string, [url: string, options?: HubOptions, fault?: Fault]> = {
      "a query": [`${server.host}/w?key=secret`],
      "credentials": [`${server.host.replace("//", "//user:password@")}/w`],
      "a fetch": [`${server.host}/w`, { fetch: (url, init) => fetch(url, init) }],
      "no cache": [`${server.host}/w`, { cache: false }],
      "no tag": [`${server.host}/bare`],
      "no-store": [`${server.host}/w`, {}, { headers: { "cache-control": "private, no-store" } }],
      "no end": [`${server.host}/w`, {}, { withoutLength: true }],
    };
    for (const [name, [url, more = {}, fault = {}]] of Object.entries(cases)) {
      server.always = fault;
      assertSame(await read(url, { ...options, ...more }), bytes);
      assertEquals(files(), [], name);
      const count = server.requests.length;
      const { message } = await assertRejects(() => read(url, { ...options, ...more, offline: true }), WeightsError);
      assert(/^Cannot (fetch|read) http/.test(message) && !/secret|password/.test(message), message);
      assertEquals(server.requests.length, count, name);
    }
  });
});

Deno.test("a model and its tokenizer load from a URL, then without a network", async () => {
  await around("folder", async ({ server, options }) => {
    const folder = new URL("../../examples/shakespeare/", import.meta.url);
    for (const { name } of Deno.readDirSync(folder)) {
      server.files.set(`/shakespeare/${name}`, { bytes: await Deno.readFile(new URL(name, folder)) });
    }
    const url = `${server.host}/shakespeare`;
    for (const offline of [false, true]) {
      const model = await loadModel(url, { ...options, offline });
      assertEquals(model.modelType, "andromeda");
      model.dispose();
      const tokenizer = await AndromedaTokenizer.load(url, { ...options, offline });
      assertEquals(tokenizer.vocabSize, 1024);
      await server.close();
    }
  });
});

Deno.test("without permission to keep copies, nothing asks for it and files are read as they come", async () => {
  await around("folder", async ({ server }) => {
    server.files.set("/w", { bytes: noise(1000) });
    const program = `
      const { openUrlFile } = await import(${JSON.stringify(import.meta.resolve("../../data/cache/url_file.ts"))});
      const { readAll } = await import(${JSON.stringify(import.meta.resolve("../../data/files/byte_source.ts"))});
      console.log((await readAll(await openUrlFile(new URL("${server.host}/w"), {}))).length);`;
    const path = await Deno.makeTempFile({ suffix: ".ts" });
    await Deno.writeTextFile(path, program);
    try {
      const { stdout, stderr } = await deno(["run", "--no-check", "--allow-net=127.0.0.1", path]);
      assertEquals(stdout, "1000\n", stderr);
    } finally {
      await Deno.remove(path);
    }
  });
});
