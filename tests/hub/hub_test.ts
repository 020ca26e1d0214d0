import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { type Progress, readAll } from "../../data/files/byte_source.ts";
import { fetchHubFile } from "../../data/hub/hub.ts";
import { ConfigError, TokenizerError, WeightsError } from "../../errors.ts";
import { around, assertSame, keepings, repo } from "./around.ts";
import { HubServer, noise, tagOfLargeFile } from "./hub_server.ts";

for (const { name, size, whole } of keepings) {
  const kept = name !== "none";

  Deno.test(`${name}: a file is fetched, asked after and fetched again when it changed`, async () => {
    await around(name, async ({ server, fetch, files }) => {
      const first = noise(size);
      server.add("config.json", first);
      assertSame(await fetch("config.json"), first);
      assertSame(await fetch("config.json"), first);
      assertEquals(server.takeStatuses(), { folder: [200, 304], storage: [206, 206], none: [200, 200] }[name]);
      const second = noise(size / 2, 7);
      server.add("config.json", second);
      assertSame(await fetch("config.json"), second);
      server.isSimple = true;
      assertSame(await fetch("config.json"), second);
      assertEquals(server.takeStatuses(), name === "storage" ? [206, 206, 200] : [200, 200]);
      if (name === "folder") assertEquals(files().length, 2);
      server.files.clear();
      assertEquals(await fetch("config.json"), undefined);
    });
  });

  Deno.test(`${name}: a download that is cut goes on where it broke`, async () => {
    await around(name, async ({ server, fetch }) => {
      const bytes = noise(size);
      server.add("w", bytes);
      const cut = Math.floor(size / 4);
      server.faults.push({ cutAfter: cut }, { cutAfter: cut }, { hangUp: true }, { status: 503 });
      assertSame(await fetch("w"), bytes);
      assertEquals(server.requests.map(({ status }) => status), [whole, 206, 0, 503, 206]);
      const ranges = server.requests.map(({ headers }) => Number(/\d+/.exec(headers.get("range") ?? "0")));
      assert(ranges[1]! <= cut && ranges[4]! > ranges[1]! && ranges[4]! <= 2 * cut, `${ranges}`);
      // Pages may send no header to another site that it does not know.
      const allowed = ["accept-encoding", "range", "user-agent", "accept", "accept-language", "host", "connection"];
      const others = [...server.requests[4]!.headers.keys()].filter((header) => !allowed.includes(header));
      assertEquals(others, name === "storage" ? [] : ["if-range"]);
    });
  });

  Deno.test(`${name}: a server that can't send parts is asked in vain for the rest`, async () => {
    await around(name, async ({ server, fetch }) => {
      server.add("w", noise(size));
      server.isSimple = true;
      server.faults.push({ cutAfter: 1000 });
      await assertRejects(() => fetch("w"), WeightsError, "can't send the rest");
      server.add("w", noise(size), { etag: null });
      server.faults.push({ cutAfter: 1000 });
      await assertRejects(() => fetch("w"), WeightsError, `broke off after`);
      assertSame(await fetch("w"), noise(size));
    });
  });

  Deno.test(`${name}: a server that announces more than it has is found out`, async () => {
    await around(name, async ({ server, fetch, files }) => {
      server.add("w", noise(size));
      server.faults.push({ announce: 10 });
      await assertRejects(() => fetch("w"), WeightsError, `announced ${size + 10} bytes but ends after ${size}`);
      assert(!files().some((file) => !/state\.json|\.partial/.test(file)));
      assertSame(await fetch("w"), noise(size));
    });
  });

  Deno.test(`${name}: a stalled connection counts as cut`, async () => {
    await around(name, async ({ server, fetch }) => {
      server.add("w", noise(size));
      server.faults.push({ stallAfter: 1000 });
      assertSame(await fetch("w", { stallTimeout: 300 }), noise(size));
      assertEquals(server.takeStatuses(), [whole, 206]);
    });
  });

  Deno.test(`${name}: an abort ends a download with its reason`, async () => {
    await around(name, async ({ server, fetch, files }) => {
      const reason = new Error("enough");
      server.add("w", noise(size));
      const early = await assertRejects(() => fetch("w", { signal: AbortSignal.abort(reason) }));
      assertStrictEquals(early, reason);
      assertEquals(server.takeStatuses(), []);

      const controller = new AbortController();
      server.faults.push({ stallAfter: size / 2 });
      const late = assertRejects(() => fetch("w", { signal: controller.signal }));
      setTimeout(() => controller.abort(reason), 200);
      assertStrictEquals(await late, reason);
      assertEquals(files().some((file) => !/state\.json|\.partial/.test(file)), false);

      const pausing = new AbortController();
      server.faults.push({ status: 429, headers: { "retry-after": "60" } });
      setTimeout(() => pausing.abort(reason), 200);
      assertStrictEquals(await assertRejects(() => fetch("w", { signal: pausing.signal })), reason);
    });
  });

  Deno.test(`${name}: without a network what is known is used`, async () => {
    await around(name, async ({ server, fetch }) => {
      server.add("config.json", noise(100));
      assertSame(await fetch("config.json"), noise(100));
      assertEquals(await fetch("absent.json"), undefined);
      await server.close();
      if (kept) {
        assertSame(await fetch("config.json"), noise(100));
        assertSame(await fetch("config.json", { offline: true }), noise(100));
        assertEquals(await fetch("absent.json"), undefined);
        assertEquals(await fetch("absent.json", { offline: true }), undefined);
      }
      await assertRejects(() => fetch("other.json", { retries: 1 }), WeightsError, "can't be reached");
      await assertRejects(() => fetch("other.json", { offline: true }), WeightsError, "not in the cache");
    });
  });
}

for (const { name, size, whole } of keepings.filter(({ name }) => name !== "none")) {
  Deno.test(`${name}: a download that failed goes on in a later call`, async () => {
    await around(name, async ({ server, fetch }) => {
      server.add("w", noise(size));
      server.faults.push({ cutAfter: Math.floor(size * 0.9) });
      await assertRejects(() => fetch("w", { retries: 0 }), WeightsError, "broke off");
      assertSame(await fetch("w"), noise(size));
      assertEquals(server.requests[1]?.status, 206);
      const from = Number(/\d+/.exec(server.requests[1]?.headers.get("range") ?? "0"));
      assert(from > size / 2 && from < size, String(from));
    });
  });

  Deno.test(`${name}: the rest of another file is not put behind the beginning of this one`, async () => {
    await around(name, async ({ server, fetch }) => {
      server.add("w", noise(size));
      server.faults.push({ cutAfter: Math.floor(size * 0.9) });
      await assertRejects(() => fetch("w", { retries: 0 }), WeightsError);
      server.add("w", noise(size, 2));
      assertSame(await fetch("w"), noise(size, 2));
      assertEquals(server.takeStatuses(), name === "storage" ? [206, 206, 206] : [200, 200]);

      server.add("v", noise(size, 3));
      server.faults.push({ cutAfter: Math.floor(size * 0.9) });
      const changing = fetch("v", { retryDelay: 300 });
      setTimeout(() => server.add("v", noise(size, 4)), 150);
      assertSame(await changing, noise(size, 4));
    });
  });

  Deno.test(`${name}: two calls at once get the same file`, async () => {
    await around(name, async ({ server, fetch }) => {
      server.pieceSize = size / 5;
      server.add("w", noise(size));
      const [a, b, c] = await Promise.all([fetch("w"), fetch("w"), fetch("w")]);
      assertSame(a, noise(size));
      assertSame(b, noise(size));
      assertSame(c, noise(size));
      assertSame(await fetch("w", { offline: true }), noise(size));
    });
  });

  Deno.test(`${name}: a copy is read from any byte on, and can be forgotten`, async () => {
    await around(name, async ({ server, options, fetch }) => {
      server.add("w", noise(size));
      await fetch("w");
      const source = (await fetchHubFile(repo, "w", options))!;
      assertEquals([source.size, source.once], [size, false]);
      for (const from of [0, 1, 17_000_000, size - 5, size]) {
        const reader = await source.open(from);
        const target = new Uint8Array(10);
        const count = await reader.read(target);
        assertEquals(target.subarray(0, count), noise(size).subarray(from, from + 10));
        await reader.close();
      }
      await source.discard?.();
      server.takeStatuses();
      assertSame(await fetch("w"), noise(size));
      assertEquals(server.takeStatuses(), [whole]);
    });
  });
}

Deno.test("an empty file and one without an ETag are files too", async () => {
  for (const { name } of keepings) {
    await around(name, async ({ server, fetch }) => {
      server.add("empty", new Uint8Array(0));
      server.add("plain", noise(10), { etag: null });
      for (let i = 0; i < 2; i++) {
        assertSame(await fetch("empty"), new Uint8Array(0));
        assertSame(await fetch("plain"), noise(10));
      }
    });
  }
});

Deno.test("a server that is busy is asked again when it says", async () => {
  await around("folder", async ({ server, fetch }) => {
    server.add("a", noise(10));
    server.faults.push({ status: 429, headers: { "retry-after": "1" } });
    const begin = performance.now();
    assertSame(await fetch("a"), noise(10));
    assert(performance.now() - begin >= 990);
    const date = new Date(Date.now() + 2000).toUTCString();
    server.faults.push({ status: 503, headers: { "retry-after": date } });
    server.add("b", noise(10));
    assertSame(await fetch("b"), noise(10));
    assert(performance.now() - begin >= 1990);
    assertEquals(server.takeStatuses(), [429, 200, 503, 200]);

    server.faults.push({ status: 429, headers: { "retry-after": "86400" } });
    await assertRejects(() => fetch("c"), WeightsError, "asks to come back in 86400 s");
    server.faults.push(...Array(3).fill({ status: 502 }));
    await assertRejects(() => fetch("c", { retries: 2 }), WeightsError, "502 Bad Gateway (tried 3 times)");
  });
});

Deno.test("a token is sent to the hub, and to no other server", async () => {
  await around("folder", async ({ server, fetch }) => {
    const elsewhere = new HubServer();
    try {
      server.token = "secret";
      elsewhere.files.set("/cdn/w", { bytes: noise(1000) });
      server.add("w", new Uint8Array(0), { redirect: `${elsewhere.host}/cdn/w` });
      const { message } = await assertRejects(() => fetch("w"), WeightsError, "401");
      assert(message.includes("`token`") && !message.includes("secret"));
      elsewhere.faults.push({ cutAfter: 500 });
      assertSame(await fetch("w", { token: "secret" }), noise(1000));
      assertSame(await fetch("w", { token: "secret" }), noise(1000));
      assertEquals(elsewhere.requests.map(({ status }) => status), [200, 206, 304]);
      assert(elsewhere.requests.every(({ headers }) => !headers.has("authorization")));
    } finally {
      await elsewhere.close();
    }
  });
});

Deno.test("a commit is fetched once and never asked after", async () => {
  await around("folder", async ({ server, options }) => {
    const revision = "0123456789abcdef0123456789abcdef01234567";
    server.add("w", noise(10), { etag: tagOfLargeFile(noise(10)) }, revision);
    for (let i = 0; i < 3; i++) {
      const source = await fetchHubFile({ ...repo, revision }, "w", options);
      assertSame(source && await readAll(source), noise(10));
    }
    assertEquals(server.takeStatuses(), [200]);
  });
});

Deno.test("branches with a slash and files in folders have paths of their own", async () => {
  await around("folder", async ({ server, options }) => {
    server.add("onnx/w.json", noise(10), {}, "refs%2Fpr%2F1");
    const source = await fetchHubFile({ ...repo, revision: "refs/pr/1" }, "onnx/w.json", options);
    assertSame(source && await readAll(source), noise(10));
    assertEquals(await fetchHubFile(repo, "onnx/w.json", options), undefined);
  });
});

Deno.test("progress tells how far a download is", async () => {
  await around("folder", async ({ server, fetch }) => {
    server.add("w", noise(300_000));
    server.faults.push({ cutAfter: 100_000 });
    const heard: Progress[] = [];
    await fetch("w", { onProgress: (progress) => heard.push(progress) });
    assert(heard.every(({ stage, file, total }) => stage === "download" && file === "org/name/w" && total === 300_000));
    assert(heard.every(({ loaded }, i) => i === 0 || loaded > heard[i - 1]!.loaded));
    assertEquals(heard.at(-1)?.loaded, 300_000);
  });
});

Deno.test("names that a hub can't have are refused before anything is asked", async () => {
  await around("folder", async ({ server, options }) => {
    for (const name of ["name", "org/name/x", "../name", "org/..", "org/na me", ""]) {
      await assertRejects(() => fetchHubFile({ repo: name }, "w", options), ConfigError, JSON.stringify(name));
    }
    for (const file of ["", "../w", "a/../../w", "/etc/passwd", "a//b", "a\\b", "a?b", "a#b"]) {
      await assertRejects(() => fetchHubFile(repo, file, options), ConfigError, "expected the path of a file");
    }
    await assertRejects(() => fetchHubFile({ ...repo, revision: ".." }, "w", options), ConfigError, 'revision ".."');
    await assertRejects(() => fetchHubFile(repo, "w", { ...options, host: "huggingface.co" }), ConfigError, "URL");
    assertEquals(server.requests.length, 0);
  });
});

Deno.test("a cache that can't be used is named, and the caller's class of error is thrown", async () => {
  await around("folder", async ({ server, fetch }) => {
    server.add("w", noise(10));
    const file = await Deno.makeTempFile();
    await assertRejects(() => fetch("w", { cache: `${file}/x`, errorClass: TokenizerError }), TokenizerError, file);
    await Deno.remove(file);
    server.faults.push({ status: 403 });
    await assertRejects(() => fetch("w", { errorClass: TokenizerError }), TokenizerError, "403");
  });
});
