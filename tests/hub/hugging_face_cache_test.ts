import { assertEquals, assertRejects } from "@std/assert";
import type { HubOptions } from "../../data/hub/hub_options.ts";
import { fetchHubFile } from "../../data/hub/hub.ts";
import { readAll } from "../../data/files/byte_source.ts";
import { ConfigError, WeightsError } from "../../errors.ts";
import { around, assertSame, filesBelow, repo } from "./around.ts";
import { type HubServer, noise, tagOfLargeFile, tagOfSmallFile } from "./hub_server.ts";

const COMMIT = "0123456789abcdef0123456789abcdef01234567";

/** Files as Hugging Face's programs keep them. */
async function keep(cache: string, files: Readonly<Record<string, Uint8Array>>): Promise<void> {
  const home = `${cache}/models--org--name`;
  await Deno.mkdir(`${home}/refs`, { recursive: true });
  await Deno.mkdir(`${home}/blobs`, { recursive: true });
  await Deno.writeTextFile(`${home}/refs/main`, COMMIT);
  for (const [name, bytes] of Object.entries(files)) {
    const blob = (bytes.length > 1000 ? tagOfLargeFile(bytes) : tagOfSmallFile(bytes)).slice(1, -1);
    await Deno.writeFile(`${home}/blobs/${blob}`, bytes);
    const path = `${home}/snapshots/${COMMIT}/${name}`;
    await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true });
    await Deno.symlink(`${"../".repeat(name.split("/").length + 1)}blobs/${blob}`, path);
  }
}

async function aroundCache(
  run: (surroundings: {
    readonly cache: string;
    readonly server: HubServer;
    fetch(file: string, options?: HubOptions, revision?: string): Promise<Uint8Array | undefined>;
  }) => Promise<void>,
): Promise<void> {
  const cache = await Deno.makeTempDir();
  try {
    await around("none", async ({ server, options }) => {
      const fetch = async (file: string, more: HubOptions = {}, revision?: string) => {
        const source = await fetchHubFile({ ...repo, revision }, file, {
          ...options,
          huggingFaceCache: cache,
          ...more,
        });
        return source && await readAll(source);
      };
      await run({ cache, fetch, server });
    });
  } finally {
    await Deno.remove(cache, { recursive: true });
  }
}

const large = noise(5000);
const small = noise(500);

Deno.test("what Hugging Face's cache holds is read from there: a commit and offline at once, a branch if current", async () => {
  await aroundCache(async ({ cache, fetch, server }) => {
    await keep(cache, { "model.safetensors": large, "sub/config.json": small });
    const before = filesBelow(cache);
    for (const [options, revision] of [[{}, COMMIT], [{ offline: true }, COMMIT], [{ offline: true }]] as const) {
      assertSame(await fetch("model.safetensors", options, revision), large);
      assertSame(await fetch("sub/config.json", options, revision), small);
    }
    assertEquals(server.takeStatuses(), []);
    server.add("sub/config.json", small, { etag: tagOfSmallFile(small) });
    server.add("model.safetensors", large, {
      redirect: "/elsewhere",
      headers: { "x-linked-etag": tagOfLargeFile(large) },
    });
    server.files.set("/elsewhere", { bytes: large });
    assertSame(await fetch("model.safetensors"), large);
    assertSame(await fetch("sub/config.json"), small);
    assertEquals(server.takeStatuses(), [302, 200, 304]);
    server.add("sub/config.json", large);
    assertSame(await fetch("sub/config.json"), large);
    assertEquals(filesBelow(cache), before);
  });
});

Deno.test("a file that is broken or not in Hugging Face's cache is fetched", async () => {
  await aroundCache(async ({ cache, fetch, server }) => {
    await keep(cache, { "w": large });
    server.add("w", large, { etag: tagOfLargeFile(large) }, COMMIT);
    server.add("other", small, {}, COMMIT);
    assertEquals(await fetch("absent", { offline: true }), undefined);
    assertSame(await fetch("other", {}, COMMIT), small);
    assertEquals(server.takeStatuses(), [200]);
    const blob = `${cache}/models--org--name/blobs/${tagOfLargeFile(large).slice(1, -1)}`;
    await Deno.writeFile(blob, noise(5000, 2));
    assertSame(await fetch("w", {}, COMMIT), large);
    assertEquals(server.takeStatuses(), [200]);
    await Deno.remove(`${cache}/models--org--name`, { recursive: true });
    assertSame(await fetch("w", {}, COMMIT), large);
    await assertRejects(() => fetch("w", { offline: true }, COMMIT), WeightsError, "not in the cache");
  });
});

Deno.test("copies in place of links serve a commit and offline, and a branch is fetched", async () => {
  await aroundCache(async ({ cache, fetch, server }) => {
    await keep(cache, { "w": large });
    const path = `${cache}/models--org--name/snapshots/${COMMIT}/w`;
    await Deno.remove(path);
    await Deno.writeFile(path, large);
    assertSame(await fetch("w", {}, COMMIT), large);
    assertSame(await fetch("w", { offline: true }), large);
    assertEquals(server.takeStatuses(), []);
    server.add("w", small);
    assertSame(await fetch("w"), small);
  });
});

Deno.test("the variables of Hugging Face's programs say where their cache is; false leaves it alone", async () => {
  const before = ["HF_HUB_CACHE", "HF_HOME", "HF_ENDPOINT"].map((name) => [name, Deno.env.get(name)] as const);
  try {
    await aroundCache(async ({ cache, fetch, server }) => {
      await keep(`${cache}/hub`, { "w": large });
      Deno.env.delete("HF_HUB_CACHE");
      Deno.env.set("HF_HOME", cache);
      const unset = { huggingFaceCache: undefined };
      assertEquals(await fetch("w", unset, COMMIT), undefined, "of another hub");
      Deno.env.set("HF_ENDPOINT", server.host);
      assertSame(await fetch("w", unset, COMMIT), large);
      Deno.env.set("HF_HUB_CACHE", `${cache}/hub`);
      Deno.env.set("HF_HOME", "/nowhere");
      assertSame(await fetch("w", unset, COMMIT), large);
      assertEquals(await fetch("w", { huggingFaceCache: false }, COMMIT), undefined);
      await assertRejects(() => fetch("w", { huggingFaceCache: "" }), ConfigError, "Cannot read huggingFaceCache");
    });
  } finally {
    for (const [name, value] of before) value === undefined ? Deno.env.delete(name) : Deno.env.set(name, value);
  }
});
