/**
 * The hosts: how each starts, runs `programs/measure.js` once, and ends.
 *
 * @module
 */

import { fromFileUrl, toFileUrl } from "@std/path";
import { serveFolders, visit } from "../../tests/hosts/package/pages.ts";
import type { Printed, Project, Served } from "../../tests/hosts/package/project.ts";
import { ISOLATED } from "../../tests/support/chromium.ts";
import type { Checkpoint } from "./checkpoints.ts";
import { readHeap } from "./isolate.ts";
import { type Run, watchRun } from "./watch.ts";

/** Milliseconds that a server may take for a run. */
const PATIENCE = 120_000;

const PROGRAMS = fromFileUrl(new URL("programs", import.meta.url));

/** A host. */
export interface Host {
  readonly name: string;
  /** Puts what it needs into the project, and gives its version. */
  prepare(project: Project): Promise<string>;
  /** Starts it, measures one run and ends it. */
  measure(project: Project, checkpoint: Checkpoint): Promise<Run>;
}

/** A program that reads the package and the model from files. */
function program(name: string, pathOf: (project: Project) => string): Host {
  return {
    name,
    prepare: async (project) => {
      await project.copy(PROGRAMS, "programs");
      return versionIn(await project.run(pathOf(project), ["--version"]));
    },
    measure: (project, checkpoint) =>
      watchRun(/./, async (watch) => {
        const settings = settingsOf(checkpoint, watch);
        succeeded(await project.run(pathOf(project), ["programs/process.js", settings]));
      }),
  };
}

/** Deno, which imports the sources. */
const DENO: Host = {
  name: "Deno",
  prepare: async (project) => {
    await project.copy(PROGRAMS, "deno");
    return await mapImports(project, "deno", new URL("../../mod.ts", import.meta.url));
  },
  measure: (project, checkpoint) =>
    watchRun(/./, async (watch) => {
      const flags = ["--quiet", "--no-prompt", "--no-lock", "--allow-read", "--allow-net=127.0.0.1"];
      const args = ["run", ...flags, "deno/process.js", settingsOf(checkpoint, watch)];
      succeeded(await project.run(Deno.execPath(), args));
    }),
};

/** `deno serve` as Deno Deploy runs it: the package, no files, the model over HTTP, one thread. */
export const DENO_DEPLOY: Host = {
  name: "deno serve, as Deno Deploy",
  prepare: async (project) => {
    await project.copy(PROGRAMS, "deploy");
    return await mapImports(project, "deploy", toFileUrl(`${project.package}mod.js`));
  },
  measure: async (project, checkpoint) => {
    const flags = ["--no-prompt", "--no-lock", "--allow-net", "--port", "0"];
    await using served = await project.serve(Deno.execPath(), ["serve", ...flags, "deploy/handler.js"]);
    return await measureOverHttp(served, / serve /, checkpoint);
  },
};

/** Cloudflare's runtime as `wrangler dev` starts it. */
export const CLOUDFLARE: Host = {
  name: "workerd, as Cloudflare",
  prepare: async (project) => {
    await project.copy(PROGRAMS, "programs");
    return versionIn(await project.run(project.tool("workerd"), ["--version"]));
  },
  measure: async (project, checkpoint) => {
    await using served = await project.serve("node", ["programs/wrangler.js"]);
    return await measureOverHttp(served, /workerd serve/, checkpoint);
  },
};

/** Bytes of JavaScript's heap in Cloudflare's runtime before a worker does anything. */
export async function measureEmptyHeap(project: Project): Promise<number> {
  const port = freePort();
  await using _ = await project.serve("node", ["programs/wrangler.js", String(port)]);
  return await readHeap(port);
}

/** A page of Chromium, whose engine works in a worker. */
function chromium(name: string, headers: Readonly<Record<string, string>>): Host {
  return {
    name,
    prepare: async (project) => {
      await project.copy(PROGRAMS, "page");
      await mapImports(project, "page", toFileUrl(`${project.package}mod.js`));
      const flags = ["--quiet", "--platform", "browser", "--minify", "--code-splitting", "--outdir", "out"];
      succeeded(await project.run(Deno.execPath(), ["bundle", ...flags, "page.js"], "page"));
      await project.copy(`${project.folder}/page/out`, "page/site");
      await Deno.copyFile(`${PROGRAMS}/page.html`, `${project.folder}/page/site/page.html`);
      const path = Deno.env.get("CHROMIUM") ?? "/usr/bin/chromium";
      return versionIn(await project.run(path, ["--version"]));
    },
    measure: async (project, checkpoint) => {
      const folders = { "/model/": `${checkpoint.folder}/`, "/": `${project.folder}/page/site/` };
      await using site = serveFolders(folders, headers);
      return await watchRun(/--type=renderer/, async (watch) => {
        const settings = settingsOf(checkpoint, watch, `${site.url}/model/`);
        await visit(`${site.url}/page.html?settings=${encodeURIComponent(settings)}`);
      });
    },
  };
}

/** All hosts. */
export const HOSTS: readonly Host[] = [
  DENO,
  DENO_DEPLOY,
  program("Node, the system's", () => "node"),
  program("Node, the newest", (project) => project.tool("node")),
  program("Bun", (project) => project.tool("bun")),
  chromium("Chromium", {}),
  chromium("Chromium, isolated", ISOLATED),
  CLOUDFLARE,
];

/** The settings of `programs/measure.js`. */
function settingsOf({ folder, format, promptTokens }: Checkpoint, watch: string, source = folder, engine = {}): string {
  return JSON.stringify({ watch, source, dtype: format, promptTokens, engine });
}

/** Measures a run of a server with one thread, which reads the model over HTTP. */
async function measureOverHttp({ url }: Served, commandLine: RegExp, checkpoint: Checkpoint): Promise<Run> {
  await using site = serveFolders({ "/": `${checkpoint.folder}/` }, {});
  return await watchRun(commandLine, async (watch) => {
    const body = settingsOf(checkpoint, watch, `${site.url}/`, { threads: 1 });
    const response = await fetch(url, { method: "POST", body, signal: AbortSignal.timeout(PATIENCE) });
    const text = await response.text();
    if (!response.ok) throw new Error(`Cannot measure a run: the server says ${text}`);
  });
}

/** Says to Deno, in a folder of the project, where the package is. Gives Deno's version. */
async function mapImports(project: Project, folder: string, entry: URL): Promise<string> {
  await project.write(`${folder}/deno.json`, JSON.stringify({ imports: { "@andromeda/runtime": entry.href } }));
  return Deno.version.deno;
}

/** What a program printed, if it succeeded. */
function succeeded({ code, stdout, stderr }: Printed): string {
  if (code !== 0) throw new Error(`Cannot measure a run: ${stderr}`);
  return stdout;
}

function versionIn(printed: Printed): string {
  return /\d[\d.-]*/.exec(succeeded(printed))?.[0] ?? "unknown";
}

function freePort(): number {
  using listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  return listener.addr.port;
}
