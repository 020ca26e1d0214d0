/**
 * Serves the tests of the operations, bundled for a browser, to an isolated page (shared memory needs one).
 *
 * @module
 */
import { assertEquals } from "@std/assert";

const root = new URL("../../../", import.meta.url);

/** What a page is given. */
export interface Site extends AsyncDisposable {
  readonly url: string;
  /** Addresses of the test modules. */
  readonly modules: readonly string[];
}

/** Bundles every test file of a folder and serves them on a free port. */
export async function serveTests(folder: string): Promise<Site> {
  const files: string[] = [];
  for await (const { name } of Deno.readDir(new URL(folder, root))) {
    // Those with reference data read them from this machine's disk.
    if (name.endsWith("_test.ts") && !name.endsWith("_golden_test.ts")) files.push(`${folder}/${name}`);
  }
  const output = await Deno.makeTempDir({ prefix: "andromeda_page_" });
  // Paths of bundles begin at the folder that all entries share: with one from outside the tests, at the root.
  await bundle([...files.sort(), "tests/hosts/chromium/page.ts", "gpu/backend.ts"], output);
  const controller = new AbortController();
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", signal: controller.signal, onListen: () => {} },
    (request) => respond(new URL(request.url).pathname, output),
  );
  return {
    url: `http://localhost:${server.addr.port}/`,
    modules: files.map((file) => `/${file.replace(/\.ts$/, ".js")}`),
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
  const module = await read(`${output}${path}`);
  if (module === undefined) return new Response(`${path} does not exist`, { status: 404, headers });
  return new Response(module, { headers: { ...headers, "content-type": "text/javascript" } });
}

async function read(path: string): Promise<string | undefined> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
