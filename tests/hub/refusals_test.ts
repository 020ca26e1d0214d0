import { assert, assertEquals, assertRejects } from "@std/assert";
import { readAll } from "../../data/files/byte_source.ts";
import { fetchHubFile, openHubFile } from "../../data/hub/hub.ts";
import { AndromedaTokenizer } from "../../data/text/tokenizer.ts";
import { ConfigError, TokenizerError, WeightsError } from "../../errors.ts";
import { openModel } from "../../models/weights/source.ts";
import { around, repo } from "./around.ts";
import { noise } from "./hub_server.ts";

/** Answers as the Hub gives them, and the texts that the errors must contain. */
const refusals: [status: number, headers: Record<string, string>, ...said: string[]][] = [
  [404, { "x-error-code": "RepoNotFound" }, '"org/name"', "has no such repository, or it is private", "`token`"],
  [401, { "x-error-code": "RepoNotFound" }, '"org/name"', "has no such repository, or it is private", "`token`"],
  [404, { "x-error-code": "RevisionNotFound" }, '"org/name"', 'no revision "v2"', "branch, a tag or a commit"],
  [401, { "x-error-code": "GatedRepo" }, "org/name", "401", "gated; accept its terms", "`token`"],
  [403, { "x-error-code": "GatedRepo" }, "org/name", "403", "gated; accept its terms", "`token`"],
  [
    403,
    { "x-error-message": "Access to this resource is disabled." },
    "org/name",
    "access to the repository is disabled",
  ],
  [401, { "x-error-message": "Invalid credentials in Authorization header" }, "401", "`token`", '"Invalid credentials'],
  [401, {}, "org/name", "401", "private or gated; give a `token`"],
  [403, {}, "org/name", "403", "private or gated; give a `token`"],
  [451, {}, "org/name", "451"],
  [418, { "x-error-message": "line\ttwo" }, "418", '"line two"'],
  [400, {}, "400"],
  [304, {}, "304"],
  [204, {}, "204"],
  [416, {}, "416"],
  [302, {}, "302"],
];

for (const cache of [false, undefined] as const) {
  const kind = cache === false ? "without a cache" : "with a cache";

  Deno.test(`a hub's refusals are named as they are, ${kind}`, async () => {
    await around("folder", async ({ server, options }) => {
      for (const [status, headers, ...said] of refusals) {
        const sources = [
          [() => openModel("org/name@v2", { ...options, ...(cache === false && { cache }) }), WeightsError],
          [
            () => AndromedaTokenizer.load("org/name@v2", { ...options, ...(cache === false && { cache }) }),
            TokenizerError,
          ],
        ] as const;
        for (const [load, errorClass] of sources) {
          server.faults.push({ status, headers });
          const { message } = await assertRejects(load, errorClass);
          for (const part of said) assert(message.includes(part), `${status}: ${message}`);
        }
      }
    });
  });
}

Deno.test("a file that is missing is nothing, a repository or a revision that is missing is an error where it is needed", async () => {
  await around("folder", async ({ server, options }) => {
    assertEquals(await openHubFile(repo, "w", options), undefined);
    for (const code of ["RepoNotFound", "RevisionNotFound"]) {
      server.faults.push({ status: 404, headers: { "x-error-code": code } });
      assertEquals(await fetchHubFile(repo, "w", options), undefined);
      server.faults.push({ status: 404, headers: { "x-error-code": code } });
      await assertRejects(() => openHubFile(repo, "w", options), WeightsError, "Cannot fetch w of");
    }
    server.faults.push({ status: 410 });
    assertEquals(await openHubFile(repo, "w", options), undefined);
    // A static server knows no codes.
    await assertRejects(() => openModel("org/name", options), WeightsError, "no config.json in org/name");
  });
});

Deno.test("a copy at hand serves while its hub is down, or refuses this token", async () => {
  await around("folder", async ({ server, fetch }) => {
    server.add("w", noise(100));
    await fetch("w");
    for (const status of [401, 403, 429, 500, 503]) {
      server.always = { status };
      assertEquals(await fetch("w"), noise(100), String(status));
    }
    server.always = { hangUp: true };
    assertEquals(await fetch("w"), noise(100));
    server.always = {};
    server.add("w", noise(100, 2));
    assertEquals(await fetch("w"), noise(100, 2));
  });
});

Deno.test("redirects are followed to their end, and not for ever", async () => {
  await around("none", async ({ server, fetch }) => {
    server.add("w", noise(100), { redirect: "../../../../a" });
    for (let i = 0; i < 8; i++) {
      server.files.set(`/a${"a".repeat(i)}`, { bytes: noise(100), redirect: `/a${"a".repeat(i + 1)}` });
    }
    server.files.set("/aaaaaaaaa", { bytes: noise(100) });
    assertEquals(await fetch("w"), noise(100));
    server.takeStatuses();
    server.files.set("/aaaaaaaaa", { bytes: noise(100), redirect: "/a" });
    await assertRejects(() => fetch("w"), WeightsError, "redirects more than 10 times");
    assertEquals(server.takeStatuses().length, 11, "asking again would not help");
    server.add("w", noise(100), { redirect: "http://[" });
    await assertRejects(() => fetch("w"), WeightsError, "redirects to what is no URL");
    server.add("w", noise(100), { redirect: "file:///etc/passwd" });
    await assertRejects(() => fetch("w"), WeightsError, "redirects to file:///etc/passwd, which is not on the web");
    assertEquals(server.takeStatuses(), [302, 302]);
  });
});

Deno.test("a network's failure says what failed", async () => {
  const options = { cache: false as const, retries: 1, retryDelay: 1, stallTimeout: 300 };
  const fetch = (host: string) => fetchHubFile(repo, "w", { ...options, host });
  const closed = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = closed.addr;
  closed.close();
  await assertRejects(() => fetch(`http://127.0.0.1:${port}`), WeightsError, "refused");
  await assertRejects(() => fetch("http://nowhere.invalid"), WeightsError, "lookup");
  await around("none", async ({ server }) => {
    server.always = { hangUp: true };
    const { message } = await assertRejects(() => fetch(server.host), WeightsError, "can't be reached: ");
    assert(message.endsWith("(tried 2 times)"), message);
    const encrypted = server.host.replace("http:", "https:");
    await assertRejects(() => fetch(encrypted), WeightsError, "can't be reached");
  });
});

Deno.test("lengths that are claimed cost nothing and are compared with what comes", async () => {
  for (const keeping of ["folder", "storage", "none"] as const) {
    await around(keeping, async ({ server, fetch }) => {
      const before = Deno.memoryUsage().rss;
      server.add("w", noise(100));
      server.add("w.json", noise(100));
      for (const announce of [1e9, 1e12, 1e15]) {
        server.faults.push({ announce });
        await assertRejects(() => fetch("w", { retries: 1 }), WeightsError, "but ends after 100");
        server.add("x", noise(100), { etag: null });
        server.faults.push({ announce });
        await assertRejects(() => fetch("x"), WeightsError, "broke off after 100 of");
        server.faults.push({ announce });
        await assertRejects(() => fetch("w.json"), WeightsError, "a JSON file has up to");
      }
      server.faults.push({ announce: 1e16 });
      await assertRejects(() => fetch("w"), WeightsError, "no file is that long");
      assert(Deno.memoryUsage().rss - before < 200_000_000);
    });
  }
});

Deno.test("ranges that are not those asked for are refused", async () => {
  await around("folder", async ({ server, fetch }) => {
    server.add("w", noise(5000));
    const claims = [
      "bytes 0-99/100",
      "bytes 4000-4999/4999",
      "bytes 4001-4999/5000",
      "bytes 4000-4999/*",
      "bytes x",
      "items 1-2/3",
    ];
    for (const claim of claims) {
      server.faults.push({ cutAfter: 4000 }, { headers: { "content-range": claim } });
      const result = await fetch("w", { cache: false }).then((bytes) => bytes, (error) => error);
      // A range can't be believed twice: either the file began anew and is right, or there is an error.
      if (result instanceof Uint8Array) assertEquals(result, noise(5000), claim);
      else assert(result instanceof WeightsError, `${claim}: ${result}`);
    }
  });
});

Deno.test("a tokenizer's files that should be JSON are called what they are", async () => {
  const text = (content: string) => new TextEncoder().encode(content);
  const kinds: [Uint8Array, string][] = [
    [text("\n <!doctype html><html>"), "a web page (HTML)"],
    [Uint8Array.of(0xff, 0xfe, ...text("<\0h\0t\0m\0l\0>\0")), "a web page (HTML)"],
    [Uint8Array.of(0x1f, 0x8b, 8), "compressed (gzip)"],
    [text("PK\x03\x04"), "an archive (zip)"],
    [text("version https://git-lfs.github.com/spec/v1\noid sha256:1"), "a pointer of Git LFS"],
    [text(""), "empty"],
    [text("{"), "is not JSON"],
  ];
  const folder = await Deno.makeTempDir();
  try {
    for (const [bytes, name] of kinds) {
      await Deno.writeFile(`${folder}/tokenizer.json`, bytes);
      await assertRejects(() => AndromedaTokenizer.load(folder), TokenizerError, name);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a source whose size is a claim is read to its end", async () => {
  const size = 1e15;
  const source = {
    name: "x",
    size,
    once: false,
    open: () => Promise.resolve({ read: () => Promise.resolve(0), close: () => Promise.resolve() }),
    close: () => Promise.resolve(),
  };
  assertEquals((await readAll(source)).length, 0);
  const reason = new Error("enough");
  const error = await assertRejects(() => readAll(source, AbortSignal.abort(reason)));
  assertEquals(error, reason);
});

Deno.test("a server that gives a few bytes a connection is not asked for ever", async () => {
  await around("none", async ({ server, fetch }) => {
    server.add("w", noise(100_000));
    server.always = { cutAfter: 100 };
    await assertRejects(() => fetch("w", { retries: 3 }), WeightsError, "broke off after");
    assertEquals(server.takeStatuses(), [200, 206, 206, 206]);
    server.add("v", noise(1_000_000));
    server.always = { cutAfter: 150_000 };
    assertEquals((await fetch("v", { retries: 1 }))?.length, 1_000_000);
  });
});

Deno.test("options that are none are refused by name before anything is asked", async () => {
  await around("none", async ({ server, fetch }) => {
    const wrongs: [string, unknown[]][] = [
      ["retries", [NaN, -1, 0.5, Infinity, "3"]],
      ["retryDelay", [NaN, -1, Infinity, 2 ** 31, "3"]],
      ["stallTimeout", [NaN, -1, 0, Infinity, 2 ** 31, "3"]],
      ["cache", ["", true, 5]],
      ["token", [5, {}]],
      ["host", [5, "", "hub", "https://"]],
    ];
    for (const [name, values] of wrongs) {
      for (const value of values) await assertRejects(() => fetch("w", { [name]: value }), ConfigError, name);
    }
    assertEquals(server.takeStatuses(), []);
  });
});
