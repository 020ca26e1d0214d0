/**
 * The wait of a user: the time from the import to the demo model's first token in a fresh process, and the bytes that a
 * page downloads.
 *
 *     deno task bench first_token [--rounds 15]
 *
 * In Deno 2.9.6 on 2 cores of an EPYC, a profile (`--cpu-prof`) has about 40 ms of it in the start of a helper's
 * thread, for which this thread waits (a web worker starts in 15, but would keep the process from ending), 36 in the
 * import of the modules, and 28 in Deno's own modules of Node, by which files are read.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { fromFileUrl, join } from "@std/path";
import { median, writeReport } from "../support/report.ts";

/** Milliseconds of one process, as `first_token_run.ts` prints them. */
interface Run {
  readonly text: string;
  readonly fromImport: number;
  readonly fromStartOfProcess: number;
  readonly steps: Readonly<Record<string, number>>;
}

/** The downloads of a page: bytes after gzip. */
interface Download {
  readonly page: string;
  readonly bytes: number;
  /** By script; code that several share is in chunks. */
  readonly scripts: Readonly<Record<string, number>>;
}

/** Pages, by what their scripts import. Neither has a tokenizer. */
const PAGES = {
  "the CPU engine: kernels and what drives them": ['export { WasmBackend } from "ROOT/assembly/backend.ts";'],
  "a language model on it: layers, generation and loading of weights too": [
    'export { WasmBackend } from "ROOT/assembly/backend.ts";',
    'export { Andromeda } from "ROOT/mod.ts";',
  ],
} as const;

/**
 * Scripts that the engine asks for in an isolated page of a present browser: its build of the kernels, and the workers'
 * code.
 */
const ON_DEMAND = /^(relaxed-simd-shared|worker)-/;

/**
 * Runs `first_token_run.ts` once for each round, after two that let Deno cache the JavaScript of TypeScript; V8
 * compiles it anew each time.
 */
async function measureTime(rounds: number): Promise<Run> {
  const runs: Run[] = [];
  for (let round = -2; round < rounds; round++) {
    const run = await runOnce();
    if (round >= 0) runs.push(run);
  }
  const middle = (value: (run: Run) => number | undefined) => median(runs.map((run) => value(run) ?? NaN));
  const steps = Object.keys(runs[0]?.steps ?? {}).map((step) => [step, middle((run) => run.steps[step])]);
  return {
    text: runs[0]?.text ?? "",
    fromImport: middle((run) => run.fromImport),
    fromStartOfProcess: middle((run) => run.fromStartOfProcess),
    steps: Object.fromEntries(steps),
  };
}

async function runOnce(): Promise<Run> {
  const script = fromFileUrl(new URL("first_token_run.ts", import.meta.url));
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-code-cache", script],
  }).output();
  if (!success) throw new Error(`Cannot run the demo's model: ${new TextDecoder().decode(stderr)}`);
  return JSON.parse(new TextDecoder().decode(stdout));
}

/** Bundles a page's script as a bundler for browsers does, and adds up what it loads. */
async function measureDownload(page: string, lines: readonly string[]): Promise<Download> {
  const folder = await Deno.makeTempDir();
  try {
    const entry = join(folder, "page.ts");
    const root = new URL("../..", import.meta.url).href.replace(/\/$/, "");
    await Deno.writeTextFile(entry, lines.join("\n").replaceAll("ROOT", root));
    const out = join(folder, "out");
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["bundle", "--quiet", "--platform", "browser", "--minify", "--code-splitting", "--outdir", out, entry],
      cwd: fromFileUrl(new URL("../..", import.meta.url)),
    }).output();
    if (!success) throw new Error(`Cannot bundle ${page}: ${new TextDecoder().decode(stderr)}`);
    const onDemand = [...Deno.readDirSync(out)].map(({ name }) => name).filter((name) => ON_DEMAND.test(name));
    const scripts: Record<string, number> = {};
    for (const name of await withImports(out, ["page.js", ...onDemand])) {
      const script = name.replace(/-[A-Z0-9]{8}(?=\.js$)/, "");
      scripts[script] = (scripts[script] ?? 0) + await gzipSize(await Deno.readFile(join(out, name)));
    }
    return { page, bytes: Object.values(scripts).reduce((sum, bytes) => sum + bytes, 0), scripts };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Scripts and all that they import statically. */
async function withImports(folder: string, names: readonly string[]): Promise<Set<string>> {
  const found = new Set(names);
  for (const name of found) {
    const script = await Deno.readTextFile(join(folder, name));
    for (const [, imported] of script.matchAll(/(?:from|import)"\.\/([\w.-]+\.js)"/g)) {
      if (imported) found.add(imported);
    }
  }
  return found;
}

async function gzipSize(bytes: Uint8Array<ArrayBuffer>): Promise<number> {
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream("gzip"));
  return (await new Response(stream).arrayBuffer()).byteLength;
}

if (import.meta.main) {
  const args = parseArgs(Deno.args, { string: ["rounds"], default: { rounds: "15" } });
  const time = await measureTime(Number(args.rounds));
  console.log(`First token ${time.fromImport.toFixed(0)} ms after the import`);
  for (const [step, milliseconds] of Object.entries(time.steps)) {
    console.log(`  ${step}: ${milliseconds.toFixed(0)} ms`);
  }
  const downloads: Download[] = [];
  for (const [page, lines] of Object.entries(PAGES)) {
    const download = await measureDownload(page, lines);
    console.log(`${page}: ${(download.bytes / 1000).toFixed(1)} KB of gzip`);
    downloads.push(download);
  }
  await writeReport("first_token", { milliseconds: time, downloads });
}
