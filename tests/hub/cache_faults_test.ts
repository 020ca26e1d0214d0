import { assert, assertEquals, assertRejects } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { readAll } from "../../data/files/byte_source.ts";
import { fetchHubFile } from "../../data/hub/hub.ts";
import { WeightsError } from "../../errors.ts";
import { around, assertSame, filesBelow, repo } from "./around.ts";
import { noise, tagOfLargeFile } from "./hub_server.ts";

const fetcher = fromFileUrl(new URL("fetch_process.ts", import.meta.url));

/** Fetches "w" in a process of its own, which prints the SHA-256 of what it got. */
function fetchInProcess(host: string, cache: string, permissions: string[]): Deno.ChildProcess {
  const args = ["run", "--no-prompt", "--no-check", ...permissions, fetcher, host, cache];
  return new Deno.Command("deno", { args, stdout: "piped", stderr: "piped", env: { NO_COLOR: "1" } }).spawn();
}

async function outputOf(process: Deno.ChildProcess): Promise<string> {
  const { stdout, stderr, success } = await process.output();
  assert(success, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout).trim();
}

Deno.test("a cache that must not be written to gives its copies, and is done without otherwise", async () => {
  await around("folder", async ({ server, folder, fetch, files }) => {
    const readOnly = ["--allow-read", "--allow-net", "--allow-env", "--allow-sys"];
    server.add("w", noise(3000), { etag: tagOfLargeFile(noise(3000)) });
    assertEquals(await outputOf(fetchInProcess(server.host, folder, readOnly)), tagOfLargeFile(noise(3000)));
    assertEquals(files(), []);
    await fetch("w");
    server.takeStatuses();
    assertEquals(await outputOf(fetchInProcess(server.host, folder, readOnly)), tagOfLargeFile(noise(3000)));
    assertEquals(server.takeStatuses(), [304]);
  });
});

Deno.test("a folder whose inside can't be written to is done without", async () => {
  await around("folder", async ({ server, folder, fetch }) => {
    Deno.writeTextFileSync(`${folder}/v2`, "in the way");
    server.add("w", noise(3000));
    assertSame(await fetch("w"), noise(3000));
    assertEquals(await fetch("absent"), undefined);
  });
});

Deno.test({
  name: "a full disk is no reason to fail, and gets its room back",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    await around("folder", async ({ server, folder, fetch, files }) => {
      server.add("w", noise(50_000));
      server.faults.push({ cutAfter: 40_000 });
      await assertRejects(() => fetch("w", { retries: 0 }), WeightsError, "broke off");
      const [entry] = [...Deno.readDirSync(`${folder}/v2`)];
      const partial = files().find((name) => name.endsWith(".partial"))!;
      const path = `${folder}/v2/${entry!.name}/${partial}`;
      Deno.removeSync(path);
      // Every write to it fails with ENOSPC.
      Deno.symlinkSync("/dev/full", path);
      assertSame(await fetch("w"), noise(50_000));
      assertEquals(files(), ["state.json"]);
    });
  },
});

Deno.test("a browser that gives no more room is no reason to fail", async () => {
  await around("storage", async ({ server, fetch }) => {
    const put = Cache.prototype.put;
    try {
      server.add("w", noise(3000));
      Cache.prototype.put = () => Promise.reject(new DOMException("no room", "QuotaExceededError"));
      assertSame(await fetch("w"), noise(3000));
      assertEquals(await fetch("absent"), undefined);
    } finally {
      Cache.prototype.put = put;
    }
  });
});

Deno.test("processes that fetch the same file at once, and one that is killed, leave one right copy", async () => {
  await around("folder", async ({ server, folder, options, files }) => {
    const bytes = noise(400_000);
    server.pieceSize = 2000;
    server.add("w", bytes, { etag: tagOfLargeFile(bytes) });
    const processes = Array.from({ length: 3 }, () => fetchInProcess(server.host, folder, ["-A"]));
    const killed = processes.pop()!;
    const results = Promise.all(processes.map(outputOf));
    const ended = killed.output();
    while (!files().some((name) => name.endsWith(".partial"))) await new Promise((resolve) => setTimeout(resolve, 5));
    killed.kill("SIGKILL");
    await ended;
    assertEquals(await results, [tagOfLargeFile(bytes), tagOfLargeFile(bytes)]);
    assertEquals(filesBelow(folder).filter((name) => !name.endsWith(".tmp")).length, 2);
    server.takeStatuses();
    const source = await fetchHubFile(repo, "w", options);
    assertSame(await readAll(source!), bytes);
    assertEquals(server.takeStatuses(), [304]);
  });
});

Deno.test("a copy stays readable while another process writes the same bytes to it, or puts them in its place", async () => {
  await around("folder", async ({ server, folder, fetch, options }) => {
    const bytes = noise(3000);
    server.add("w", bytes, { etag: tagOfLargeFile(bytes) });
    await fetch("w");
    const source = await fetchHubFile(repo, "w", options);
    const [entry] = [...Deno.readDirSync(`${folder}/v2`)];
    const [data] = [...Deno.readDirSync(`${folder}/v2/${entry!.name}`)].filter(({ name }) => name !== "state.json");
    const path = `${folder}/v2/${entry!.name}/${data!.name}`;
    const { mtime } = Deno.statSync(path);
    Deno.writeFileSync(path, bytes);
    Deno.utimeSync(path, mtime!, new Date(mtime!.getTime() + 5000));
    assertSame(await readAll(source!), bytes);
    Deno.writeFileSync(`${path}.again`, bytes);
    Deno.renameSync(`${path}.again`, path);
    assertSame(await readAll(source!), bytes);
  });
});
