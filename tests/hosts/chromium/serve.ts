/**
 * Serves tests, bundled for a browser, and the files that they read to an isolated page (shared memory needs one).
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { goldenFolders, goldenUrl } from "../../support/golden.ts";

const root = new URL("../../../", import.meta.url);

/** The data that a page is given. */
export interface Site extends AsyncDisposable {
  readonly url: string;
  /** Addresses of the test modules. */
  readonly modules: readonly string[];
  /** URL of the reference data. */
  readonly golden: string;
}

/** Bundles every test file of some folders and serves them on a free port. */
export async function serveTests(folders: readonly string[]): Promise<Site> {
  const files: string[] = [];
  for (const folder of folders) {
    for await (const { name } of Deno.readDir(new URL(folder, root))) {
      if (name.endsWith("_test.ts")) files.push(`${folder}/${name}`);
    }
  }
  const output = await Deno.makeTempDir({ prefix: "andromeda_page_" });
  // Paths of bundles begin at the folder that all entries share: with one from outside the tests, at the root.
  await bundle([...files.sort(), "tests/hosts/chromium/page.ts", "gpu/backend.ts"], output);
  const controller = new AbortController();
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", signal: controller.signal, onListen: () => {} },
    (request) => respond(new URL(request.url).pathname, output),
  );
  const url = `http://localhost:${server.addr.port}/`;
  return {
    url,
    modules: files.map((file) => `/${file.replace(/\.ts$/, ".js")}`),
    golden: `${url}golden/`,
    async [Symbol.asyncDispose]() {
      controller.abort();
      await server.finished;
      await Deno.remove(output, { recursive: true });
    },
  };
}

async function bundle(files: readonly string[], output: string): Promise<void> {
  const options = ["--quiet", "--platform", "browser", "--code-splitting", "--outdir", output];
  const command = new Deno.Command(Deno.execPath(), { args: ["bundle", ...options, ...files], cwd: root });
  const { success, stderr } = await command.output();
  assertEquals(success, true, new TextDecoder().decode(stderr));
}

const types: Record<string, string> = { js: "text/javascript", json: "application/json" };

async function respond(path: string, output: string): Promise<Response> {
  const headers = {
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-embedder-policy": "require-corp",
    "cache-control": "no-store",
  };
  if (path === "/") {
    const page =
      '<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><script type="module" src="/tests/hosts/chromium/page.js"></script>';
    return new Response(page, { headers: { ...headers, "content-type": "text/html" } });
  }
  const [, golden] = path.split(/^\/golden\//);
  if (golden?.endsWith("/") || golden === "") return Response.json(await goldenFolders(golden), { headers });
  const file = golden !== undefined
    ? goldenUrl(golden)
    : path.startsWith("/examples/")
    ? new URL(path.slice(1), root)
    : `${output}${path}`;
  const content = await open(file);
  if (content === undefined) return new Response(`${path} does not exist`, { status: 404, headers });
  const type = types[path.split(".").at(-1) ?? ""] ?? "application/octet-stream";
  return new Response(content.readable, { headers: { ...headers, "content-type": type } });
}

async function open(file: string | URL): Promise<Deno.FsFile | undefined> {
  try {
    return await Deno.open(file);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
