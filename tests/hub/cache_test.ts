import { assert, assertEquals, assertRejects } from "@std/assert";
import { readAll } from "../../data/files/byte_source.ts";
import { fetchHubFile } from "../../data/hub/hub.ts";
import { FolderCache } from "../../data/cache/folder_cache.ts";
import { WeightsError } from "../../errors.ts";
import { around, assertSame, repo } from "./around.ts";
import { type Fault, HubServer, noise, tagOfLargeFile, tagOfSmallFile } from "./hub_server.ts";

const commit = "0123456789abcdef0123456789abcdef01234567";
const text = (content: string) => new TextEncoder().encode(content);

/** Paths of the files below a folder. */
function pathsBelow(folder: string): string[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) =>
    isDirectory ? pathsBelow(`${folder}/${name}`) : [`${folder}/${name}`]
  );
}

function pathOfCopy(folder: string): string {
  return pathsBelow(folder).find((path) => !path.endsWith("state.json"))!;
}

for (const revision of ["main", commit]) {
  const kind = revision === commit ? "a commit" : "a branch";

  Deno.test(`a copy of ${kind} that was changed on the disk is fetched again`, async () => {
    await around("folder", async ({ server, options, folder }) => {
      const bytes = noise(5000);
      server.add("w", bytes, { etag: tagOfLargeFile(bytes) }, revision);
      const fetch = async () => {
        const source = await fetchHubFile({ ...repo, revision }, "w", options);
        assertSame(source && await readAll(source), bytes);
      };
      await fetch();
      const path = pathOfCopy(folder);
      const spoil: Record<string, () => void> = {
        "one bit, and the old times": () => {
          const { mtime, atime } = Deno.statSync(path);
          const wrong = bytes.slice();
          wrong[4321]! ^= 1;
          Deno.writeFileSync(path, wrong);
          Deno.utimeSync(path, atime!, mtime!);
        },
        "its end": () => Deno.truncateSync(path, 4999),
        "more behind it": () => Deno.writeFileSync(path, Uint8Array.of(0), { append: true }),
        "everything": () => Deno.writeFileSync(path, new Uint8Array(0)),
        "gone": () => Deno.removeSync(path),
      };
      for (const [name, run] of Object.entries(spoil)) {
        server.takeStatuses();
        run();
        await fetch();
        assertEquals(server.takeStatuses(), [200], name);
        await fetch();
        assertEquals(server.takeStatuses(), revision === commit ? [] : [304], name);
      }
    });
  });
}

Deno.test("large copies are hashed again where the file system says that they changed", async () => {
  await around("folder", async ({ server, folder, fetch, options }) => {
    server.add("w", noise(5000));
    await fetch("w");
    const url = `${options.host}/org/name/resolve/main/w`;
    const cache = new FolderCache(folder, WeightsError, 100);
    assert((await cache.find(url)).complete !== undefined);
    const path = pathOfCopy(folder);
    // Old enough that the clock of the file system tells the two apart.
    Deno.utimeSync(path, new Date(), new Date(1e12));
    assert((await cache.find(url)).complete !== undefined, "only the time changed");
    Deno.writeFileSync(path, noise(5000, 2));
    assertEquals((await cache.find(url)).complete, undefined);
  });
});

Deno.test("a copy in a browser's cache that is not whole any more is fetched again", async () => {
  for (const size of [1000, 17_000_000]) {
    await around("storage", async ({ server, options, fetch }) => {
      server.add("w", noise(size));
      await fetch("w");
      const cache = await caches.open(options.cache as string);
      const part = (await cache.keys()).find(({ url }) => /-0$/.test(url))!;
      const { headers } = (await cache.match(part))!;
      await cache.put(part, new Response(noise(Math.min(size, 1 << 24), 2).slice(), { headers }));
      // A file of one part is checked when it is opened, a larger file as it is read.
      if (size > 1 << 24) await assertRejects(() => fetch("w"), WeightsError, "not whole any more");
      assertSame(await fetch("w"), noise(size));
      assertSame(await fetch("w", { offline: true }), noise(size));
    });
  }
});

Deno.test("a state counts only if it is whole, of this layout and of this file", async () => {
  await around("folder", async ({ server, folder, fetch }) => {
    server.add("a", text("a"));
    server.add("b", text("b"));
    await fetch("a");
    await fetch("b");
    const [a, b] = ["a", "b"].map((name) =>
      pathsBelow(folder).find((path) => path.includes(`main-${name}-`) && path.endsWith("state.json"))!
    );
    const right = Deno.readTextFileSync(a!);
    const { complete, url } = JSON.parse(right);
    const outside = "../".repeat(20) + "etc/passwd";
    const wrongs = [
      "",
      "{",
      "null",
      right.slice(0, 50),
      Deno.readTextFileSync(b!),
      JSON.stringify({ complete }),
      JSON.stringify({ url, complete: { ...complete, sha256: undefined } }),
      JSON.stringify({ url, complete: { ...complete, data: outside, size: Deno.statSync("/etc/passwd").size } }),
    ];
    for (const wrong of wrongs) {
      Deno.writeTextFileSync(a!, wrong);
      await assertRejects(() => fetch("a", { offline: true }), WeightsError, "not in the cache", wrong);
      assertEquals(await fetch("a"), text("a"));
      assertEquals(await fetch("a", { offline: true }), text("a"));
    }
    // As copies lay before they were checked.
    const old = `${folder}/${new URL(server.host).host.replace(":", "_")}/org/name/resolve/main/c`;
    Deno.mkdirSync(old, { recursive: true });
    Deno.writeTextFileSync(`${old}/data`, "c");
    Deno.writeTextFileSync(`${old}/state.json`, JSON.stringify({ complete: { size: 1, data: "data" } }));
    assertEquals(await fetch("c"), undefined);
  });
});

for (const keeping of ["folder", "storage"] as const) {
  for (const [kind, tag] of [["SHA-256", tagOfLargeFile], ["SHA-1 of git", tagOfSmallFile]] as const) {
    Deno.test(`${keeping}: bytes that don't fit the ${kind} of an ETag are asked for again and not kept`, async () => {
      await around(keeping, async ({ server, fetch, files }) => {
        const bytes = noise(3000);
        server.add("w", bytes, { etag: tag(bytes) });
        const headers = { etag: tag(bytes) };
        server.faults.push({ body: noise(3000, 2), headers }, { body: bytes.subarray(1), headers });
        assertSame(await fetch("w"), bytes);
        assertEquals(server.takeStatuses(), [200, 200, keeping === "storage" ? 206 : 200]);

        server.add("v", bytes, { etag: tag(noise(3000, 2)) });
        await assertRejects(() => fetch("v"), WeightsError, "its bytes are not those that the hub's hash is of");
        await assertRejects(() => fetch("v", { offline: true }), WeightsError, "not in the cache");
        if (keeping === "folder") assertEquals(files().filter((name) => name !== "state.json").length, 1);
      });
    });
  }
}

Deno.test("mirrors may give the SHA-1 of the bytes, and other ETags are no hashes", async () => {
  await around("folder", async ({ server, fetch }) => {
    const sha1 = "aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d";
    server.add("a", text("hello"), { etag: `"${sha1}"` });
    // As git hash-object says.
    server.add("b", text("hello"), { etag: '"b6fc4c620b67d95f953a5c1c1230aaab5db5a1b0"' });
    server.add("c", text("hello"), { etag: `W/"${sha1.replaceAll("a", "b")}"` });
    server.add("d", text("hello"), { etag: `"${sha1.slice(8)}"` });
    for (const name of ["a", "b", "c", "d"]) assertEquals(await fetch(name), text("hello"), name);
    assertEquals(server.takeStatuses(), [200, 200, 200, 200]);
  });
});

Deno.test("a redirect's X-Linked-Etag counts, the ETag of the server that it leads to does not", async () => {
  await around("folder", async ({ server, options }) => {
    const elsewhere = new HubServer();
    try {
      const bytes = noise(1000);
      const redirect = `${elsewhere.host}/cdn/w`;
      elsewhere.files.set("/cdn/w", { bytes, etag: tagOfLargeFile(noise(1000, 2)) });
      server.add("w", bytes, { redirect, headers: { "x-linked-etag": tagOfLargeFile(bytes) } }, commit);
      server.add("x", bytes, { redirect }, commit);
      const wrong = { "x-linked-etag": tagOfLargeFile(noise(1000, 3)) };
      server.add("v", bytes, { redirect, headers: wrong }, commit);
      const fetch = async (file: string) => {
        const source = await fetchHubFile({ ...repo, revision: commit }, file, options);
        return source && await readAll(source);
      };
      assertSame(await fetch("w"), bytes);
      assertSame(await fetch("x"), bytes);
      await assertRejects(() => fetch("v"), WeightsError, "hub's hash");
      server.takeStatuses();
      assertSame(await fetch("w"), bytes);
      assertEquals(server.takeStatuses(), [], "a copy that a hash proves is final");
      assertSame(await fetch("x"), bytes);
      assertEquals(server.takeStatuses(), [302], "one that none proves is asked after");
    } finally {
      await elsewhere.close();
    }
  });
});

for (const tag of [tagOfLargeFile, () => '"1"']) {
  const kind = tag === tagOfLargeFile ? "with a hash" : "without a hash";

  Deno.test(`a broken download ${kind} that was changed on the disk is not gone on with`, async () => {
    await around("folder", async ({ server, folder, fetch }) => {
      const bytes = noise(50_000);
      server.add("w", bytes, { etag: tag(bytes) });
      server.faults.push({ cutAfter: 40_000 });
      await assertRejects(() => fetch("w", { retries: 0 }), WeightsError, "broke off");
      const path = pathsBelow(folder).find((each) => each.endsWith(".partial"))!;
      const partial = Deno.readFileSync(path);
      assert(partial.length > 0);
      partial[0]! ^= 1;
      Deno.writeFileSync(path, partial);
      server.takeStatuses();
      assertSame(await fetch("w"), bytes);
      assertEquals(server.takeStatuses(), kind === "with a hash" ? [206, 200] : [200]);
    });
  });
}

Deno.test("a sign-in page in place of a file is not kept, and the file is asked for again", async () => {
  const pages = [
    "<html>Sign in</html>",
    "<!DOCTYPE html>\n<html><body>Welcome to the airport",
    "\ufeff \n<!-- portal --> <!-- v2 -->\n<HEAD><title>x</title>",
    '<?xml version="1.0"?><!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN">',
    '<a href="https://portal.example/">Found</a>.',
    "<!-- " + "x".repeat(2000) + " --><p>",
    "<meta http-equiv=refresh content=0>" + "x".repeat(5000),
  ];
  for (const revision of ["main", commit]) {
    await around("folder", async ({ server, options }) => {
      const load = async () => {
        const source = await fetchHubFile({ ...repo, revision }, "config.json", { ...options, retries: 0 });
        return source && await readAll(source);
      };
      for (const page of pages) {
        server.faults.push({ body: text(page), headers: { etag: '"portal"' } });
        await assertRejects(load, WeightsError, "web page (HTML) in place of the file", page);
      }
      server.add("config.json", text('{"a":1}'), {}, revision);
      assertEquals(await load(), text('{"a":1}'));
      server.faults.push({ body: text(pages[0]!) });
      assertEquals(await load(), text('{"a":1}'), "the copy at hand is better than a portal");
      assertEquals(await load(), text('{"a":1}'));
    });
  }
});

Deno.test("a file that only its reader finds wrong is asked for again too, at a commit as well", async () => {
  await around("folder", async ({ server, options }) => {
    const load = async () => {
      const source = await fetchHubFile({ ...repo, revision: commit }, "config.json", options);
      return source && await readAll(source);
    };
    server.faults.push({ body: text('{"error":"sign in first"}'), headers: { etag: '"portal"' } });
    assertEquals(await load(), text('{"error":"sign in first"}'));
    server.add("config.json", text('{"a":1}'), { etag: tagOfSmallFile(text('{"a":1}')) }, commit);
    assertEquals(await load(), text('{"a":1}'));
    server.takeStatuses();
    await load();
    assertEquals(server.takeStatuses(), []);
  });
});

Deno.test("that a file was missing is believed only while nobody can be asked", async () => {
  for (const revision of ["main", commit]) {
    await around("folder", async ({ server, options }) => {
      const fetch = async (more = {}) => {
        const source = await fetchHubFile({ ...repo, revision }, "w", { ...options, retries: 0, ...more });
        return source && await readAll(source);
      };
      for (const code of ["RepoNotFound", "RevisionNotFound"]) {
        server.faults.push({ status: 404, headers: { "x-error-code": code } });
        assertEquals(await fetch(), undefined);
        await assertRejects(() => fetch({ offline: true }), WeightsError, "not in the cache", code);
      }
      assertEquals(await fetch(), undefined);
      assertEquals(await fetch({ offline: true }), undefined);
      server.faults.push({ status: 503 });
      assertEquals(await fetch(), undefined);
      server.faults.push({ status: 403 });
      await assertRejects(() => fetch(), WeightsError, "403", "a refusal is an answer");
      server.add("w", text("w"), {}, revision);
      assertEquals(await fetch(), text("w"));
    });
  }
});

Deno.test("no two files share a copy", async () => {
  await around("folder", async ({ server, options, folder }) => {
    const names = [
      "a+b",
      "a_b",
      "a-b",
      "a b",
      "a%20b",
      "a%2Bb",
      "A+B",
      "é",
      "e\u0301",
      "E\u0301",
      "a/b",
      "a..b",
      "con",
      "x".repeat(200),
    ];
    for (const name of names) server.add(encodeURI(name), text(name));
    const revisions = ["a/b", "a-b", "a%2Fb"];
    for (const revision of revisions) server.add("r", text(revision), {}, encodeURIComponent(revision));
    const read = async (more: { offline?: boolean }) => {
      for (const name of names) {
        const source = await fetchHubFile(repo, name, { ...options, ...more });
        assertEquals(await readAll(source!), text(name));
      }
      for (const revision of revisions) {
        const source = await fetchHubFile({ ...repo, revision }, "r", { ...options, ...more });
        assertEquals(await readAll(source!), text(revision));
      }
    };
    await read({});
    await read({ offline: true });
    const folders = pathsBelow(folder).map((path) => path.split("/").at(-2)!.toLowerCase());
    assertEquals(new Set(folders).size, names.length + revisions.length, "also where file systems know no case");
    assert(folders.every((name) => /^[a-z0-9.-]{1,130}$/.test(name)));

    const cache = new FolderCache(folder, WeightsError);
    const encrypted = `https://${new URL(server.host).host}/org/name/resolve/main/a+b`;
    assertEquals(await cache.find(encrypted), { complete: undefined, partial: undefined, missing: false });
    const other = new HubServer();
    other.add("a+b", text("other"));
    try {
      const source = await fetchHubFile(repo, "a+b", { ...options, host: other.host });
      assertEquals(await readAll(source!), text("other"));
    } finally {
      await other.close();
    }
  });
});

Deno.test("where a server gives no ETag, the date of the last change tells whether a copy is still right", async () => {
  await around("folder", async ({ server, fetch }) => {
    const date = "Tue, 05 Mar 2024 10:00:00 GMT";
    server.add("w", noise(100), { etag: null });
    server.always = { headers: { "last-modified": date } };
    await fetch("w");
    let sent = 0;
    const onProgress = () => sent++;
    assertSame(await fetch("w", { onProgress }), noise(100));
    assertEquals([sent, server.requests.at(-1)?.headers.get("if-modified-since")], [0, date]);
    server.faults.push({ status: 304 });
    assertSame(await fetch("w", { onProgress }), noise(100));
    assertEquals(sent, 0);
    server.add("w", noise(100, 2), { etag: null });
    server.always = { headers: { "last-modified": date.replace("10:", "11:") } };
    assertSame(await fetch("w", { onProgress }), noise(100, 2));
    assert(sent > 0);
  });
});

Deno.test("the leftovers of other versions and of killed processes are removed", async () => {
  await around("folder", async ({ server, folder, fetch, files }) => {
    server.add("w", noise(100));
    await fetch("w");
    const entry = pathOfCopy(folder).replace(/\/[^/]*$/, "");
    for (const name of ["state.json.a.tmp", "state.json.b.tmp"]) Deno.writeTextFileSync(`${entry}/${name}`, "{");
    Deno.utimeSync(`${entry}/state.json.a.tmp`, new Date(), new Date(Date.now() - 7_200_000));
    server.add("w", noise(100, 2));
    assertSame(await fetch("w"), noise(100, 2));
    assertEquals(files().filter((name) => !/^[0-9a-f]{40}$/.test(name)).sort(), ["state.json", "state.json.b.tmp"]);
    assertEquals(files().length, 3);
  });
});

Deno.test("a file that may have been cut off unnoticed is read, and not kept", async () => {
  await around("folder", async ({ server, fetch }) => {
    const bytes = noise(5000);
    const isKept = async (name: string) => await fetch(name, { offline: true }).then(() => true, () => false);
    const fetchWith = async (name: string, etag: string | null, fault: Fault) => {
      server.add(name, bytes, { etag });
      server.faults.push(fault);
      return await fetch(name, { retries: 0 });
    };
    assertSame(await fetchWith("a", '"1"', { withoutLength: true }), bytes);
    assertEquals(await isKept("a"), false);
    await fetchWith("b", null, { withoutLength: true, cutAfter: 3000 });
    assertEquals(await isKept("b"), false);
    assertSame(await fetchWith("c", tagOfLargeFile(bytes), { withoutLength: true }), bytes);
    assertEquals(await isKept("c"), true, "a hash tells");
    server.add("d", bytes, { etag: tagOfLargeFile(bytes) });
    server.faults.push({ withoutLength: true, cutAfter: 3000 });
    assertSame(await fetch("d"), bytes);
    assertSame(await fetchWith("e", '"1"', { chunked: true }), bytes);
    assertEquals(await isKept("e"), true, "the last chunk tells");
    await assertRejects(() => fetchWith("f", '"1"', { chunked: true, cutAfter: 3000 }), WeightsError, "broke off");
    assertEquals(await isKept("f"), false);
  });
});
