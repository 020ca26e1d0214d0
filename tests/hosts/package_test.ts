/**
 * The packed npm package where strangers use it: Node, Bun, TypeScript, bundlers, pages and Cloudflare's runtime. Each
 * loads the demo's model and gives what this Deno gives. Needs `npm` and its registry; pages need the `chromium`
 * package. Without them the tests are ignored, with REQUIRE_NODE=1 and REQUIRE_CHROMIUM=1 they fail.
 *
 * @module
 */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { toFileUrl } from "@std/path";
import {
  AndromedaTokenizer,
  type BackendOptions,
  createBackend,
  Dataset,
  DatasetBuilder,
  type LanguageModel,
  loadLanguageModel,
} from "../../mod.ts";
import { WritableHub } from "../hub/writable_hub.ts";
import { ISOLATED, lacksChromium } from "../support/chromium.ts";
import { openPage, serveFolders, STRICT, type Visit, visit } from "./package/pages.ts";
import { hasRedis, startRedis } from "../support/redis.ts";
import { EXAMPLES, hasNpm, Project } from "./package/project.ts";

const MODEL = `${EXAMPLES}/shakespeare`;

/** What each host gives. */
interface Demo {
  readonly tokens: readonly number[];
  /** Of the last token, read together with all before it. */
  readonly logits: readonly number[];
  readonly threads: number;
  /** Why it gives nothing. */
  readonly error?: string;
}

/** Loads the demo's model, continues a text, and reads the result once more. */
const DEMO = `
import { AndromedaTokenizer, createBackend, loadLanguageModel } from "@andromeda/runtime";

export async function demo(source, engine, options) {
  const backend = await createBackend(engine, options);
  const tokenizer = await AndromedaTokenizer.load(source);
  const model = await loadLanguageModel(source, { backend, dtype: "f32" });
  const prompt = tokenizer.encode("ROMEO:");
  const tokens = [];
  for await (const token of model.generate(prompt, { maxNewTokens: 24, temperature: 0 })) tokens.push(token);
  const read = model.forward([...prompt, ...tokens]);
  const values = await read.data();
  const logits = Array.from(values.subarray(values.length - read.shape[2]));
  const { threads } = backend.info;
  read.dispose();
  model.dispose();
  const { tensors } = backend.memory();
  backend.dispose();
  if (tensors !== 0) throw new Error(tensors + " tensors are left");
  return { tokens, logits, threads };
}
`;

/** A run of it in a page: there or in a worker of the page, and what `createBackend` is given. */
interface Run {
  readonly place: "page" | "worker";
  readonly engine: "wasm" | "webgpu";
  readonly options: BackendOptions;
}

/** A page that does the runs which its address names, and gives what came of each in its title. */
const PAGE = `
import { demo } from "./demo.js";

const inWorker = (...given) =>
  new Promise((resolve, reject) => {
    const worker = new Worker(new URL("./demo_worker.js", import.meta.url), { type: "module" });
    worker.onmessage = ({ data }) => {
      worker.terminate();
      if (data.error === undefined) resolve(data);
      else reject(new Error(data.error));
    };
    worker.onerror = ({ message }) => reject(new Error(message));
    worker.postMessage(given);
  });

const results = [];
for (const { place, engine, options } of JSON.parse(decodeURIComponent(location.hash.slice(1)))) {
  const run = place === "worker" ? inWorker : demo;
  results.push(await run("/model/", engine, options).catch(({ message: error }) => ({ error })));
}
document.title = JSON.stringify({ results });
`;

const DEMO_WORKER = `
import { demo } from "./demo.js";

onmessage = ({ data }) =>
  demo(...data).then(postMessage, ({ message: error }) => postMessage({ error }));
`;

const HTML = `<!doctype html><meta charset="utf-8"><title></title>
<script type="module" src="page.js"></script>`;

const PROGRAM = `
import { demo } from "./demo.js";
const [source, threads, place] = process.argv.slice(2);
console.log(JSON.stringify(await demo(source, "wasm", { threads: Number(threads), inWorker: place === "worker" })));
`;

/** Builds a dataset with a worker of its own, and prints what that has done. */
const JOBS = `
import { buildByJobs, runDatasetWorker } from "@andromeda/runtime/jobs";

const [options, redis] = process.argv.slice(2);
const end = new AbortController();
let done;
const worker = runDatasetWorker({ redis, signal: end.signal, onProgress: (progress) => done = progress });
await buildByJobs(JSON.parse(options), { redis, jobBytes: 256 });
end.abort();
await worker;
console.log(JSON.stringify(done));
`;

/** A model of text and its tokenizer, in this Deno, from the sources. */
async function loadHere(dtype: "f32" | "q8_0"): Promise<{ model: LanguageModel; tokenizer: AndromedaTokenizer }> {
  const backend = await createBackend("wasm", { threads: 1 });
  const tokenizer = await AndromedaTokenizer.load(MODEL);
  const model = await loadLanguageModel(MODEL, { backend, dtype });
  return { model, tokenizer };
}

async function expectedDemo(): Promise<Demo> {
  const { model, tokenizer } = await loadHere("f32");
  const prompt = tokenizer.encode("ROMEO:");
  const tokens = await Array.fromAsync(model.generate(prompt, { maxNewTokens: 24, temperature: 0 }));
  const values = await model.forward([...prompt, ...tokens]).data();
  model.backend.dispose();
  return { tokens, logits: Array.from(values.subarray(-model.net.numTokens)), threads: 1 };
}

/** A text as `examples/` write it. */
async function expectedText(prompt: string, maxNewTokens: number, dtype: "f32" | "q8_0" = "q8_0"): Promise<string> {
  const { model, tokenizer } = await loadHere(dtype);
  const tokens = await Array.fromAsync(model.generate(tokenizer.encode(prompt), { maxNewTokens, temperature: 0 }));
  model.backend.dispose();
  return tokenizer.decode(tokens);
}

function assertDemo(found: Demo, expected: Demo): void {
  assertEquals([found.error, found.tokens], [undefined, expected.tokens]);
  const errors = found.logits.map((logit, i) => Math.abs(logit - (expected.logits[i] ?? NaN)));
  assertEquals(errors.length, expected.logits.length);
  assert(Math.max(...errors) <= 1e-4, `logits differ by ${Math.max(...errors)}`);
}

/** What the tests share, made by the first one that needs it. */
let shared: Promise<{ project: Project; expected: Demo }> | undefined;

function share(): Promise<{ project: Project; expected: Demo }> {
  shared ??= (async () => {
    const project = await Project.create();
    await project.write("demo.js", DEMO);
    await project.write("program.js", PROGRAM);
    return { project, expected: await expectedDemo() };
  })();
  return shared;
}

Deno.test.afterAll(async () => void await (await shared?.catch(() => undefined))?.project[Symbol.asyncDispose]());

type HostTest = (project: Project, expected: Demo) => Promise<void>;

const lacksNpm = !hasNpm && Deno.env.get("REQUIRE_NODE") !== "1";

/** A test of the package on a host. */
function test(name: string, fn: HostTest, needs = "npm", lacks = lacksNpm): void {
  Deno.test({
    name: `package: ${name}${lacks ? ` (needs ${needs})` : ""}`,
    ignore: lacks,
    fn: async () => {
      const { project, expected } = await share();
      await fn(project, expected);
    },
  });
}

/** Hosts beside Deno, by the programs that they are. */
const HOSTS = {
  "the system's Node": () => "node",
  "the newest Node": (project: Project) => project.tool("node"),
  Bun: (project: Project) => project.tool("bun"),
};

const PLACES = [
  { threads: 1, place: "here", where: "on 1 thread" },
  { threads: 2, place: "here", where: "on 2 threads" },
  { threads: 2, place: "worker", where: "in a worker" },
];

for (const [name, programOf] of Object.entries(HOSTS)) {
  for (const { threads, place, where } of PLACES) {
    test(`${name} computes ${where}, and ends`, async (project, expected) => {
      const args = ["program.js", MODEL, String(threads), place];
      const { code, stdout, stderr } = await project.run(programOf(project), args);
      assertEquals([code, stderr], [0, ""]);
      const found: Demo = JSON.parse(stdout);
      assertDemo(found, expected);
      assertEquals(found.threads, threads);
    });
  }
}

for (const [host, programOf] of Object.entries(HOSTS)) {
  test(`andromeda continues a text in ${host}, and shows a model's insides`, async (project, expected) => {
    const andromeda = (...args: string[]) => project.run(programOf(project), [project.tool("andromeda"), ...args]);
    const options = ["--max-new-tokens", "24", "--temperature", "0", "--dtype", "f32"];
    const generated = await andromeda("generate", "--model", MODEL, "--prompt", "ROMEO:", ...options, "--json");
    assertEquals([generated.code, generated.stderr], [0, ""]);
    assertEquals(JSON.parse(generated.stdout).tokens, expected.tokens);
    const inspected = await andromeda("inspect", MODEL, "--backend", "wasm", "--json");
    assertEquals([inspected.code, inspected.stderr], [0, ""]);
    assertEquals(JSON.parse(inspected.stdout).parameters, 4665984);
    const mistaken = await andromeda("generate", "--promt", "ROMEO:");
    assertEquals([mistaken.code, mistaken.stdout], [2, ""]);
    assertMatch(mistaken.stderr, /^error: Unknown flag "--promt": did you mean --prompt\? [^\n]*\n$/);
    const nameless = await andromeda("generate", "--prompt", "ROMEO:");
    assertMatch(nameless.stderr, /^error: Missing --model <model>: [^\n]*\n$/);
  });

  test(`andromeda makes a dataset in ${host}, in workers, and pushes it`, async (project) => {
    await using hub = new WritableHub();
    const [source, out] = [`${project.folder}/texts of ${host}.jsonl`, `${project.folder}/dataset in ${host}`];
    const text = await Deno.readTextFile(`${project.package}README.md`);
    // Workers start where there are several batches of texts.
    await Deno.writeTextFile(source, `${JSON.stringify({ text })}\n`.repeat(Math.ceil(1e6 / text.length)));
    const flags = [
      "--tokenizer",
      MODEL,
      "--seq-len",
      "64",
      "--remainder",
      "pad",
      "--num-cpu",
      "2",
      "--out",
      out,
      "--push",
      "org/blocks",
      "--json",
    ];
    const args = [project.tool("andromeda"), "dataset", source, ...flags];
    const env = { HF_ENDPOINT: hub.host, HF_TOKEN: hub.token };
    const { code, stdout, stderr } = await project.run(programOf(project), args, "", env);
    assertEquals([code, stderr], [0, ""]);
    const options = { datasetName: source, tokenizer: MODEL, seqLen: 64, remainder: "pad", numCpu: 1 } as const;
    const expected = await new DatasetBuilder(options).buildDataset();
    assertEquals(JSON.parse(stdout).rows, expected.length);
    const rows = await Array.fromAsync(expected);
    assertEquals(await Array.fromAsync(await Dataset.load(out)), rows);
    assertEquals(await Array.fromAsync(await Dataset.load("org/blocks", { host: hub.host })), rows);
  });

  test(
    `a dataset is built by jobs in ${host}`,
    async (project) => {
      await using redis = await startRedis();
      await project.write("jobs.js", JOBS);
      const source = `${project.folder}/texts in ${host}.jsonl`;
      await Deno.writeTextFile(
        source,
        Array.from({ length: 50 }, (_, i) => JSON.stringify({ text: `${i}. light` })).join("\n"),
      );
      const options = {
        datasetName: source,
        tokenizer: MODEL,
        seqLen: 16,
        output: `${project.folder}/jobs in ${host}`,
      };
      const args = ["jobs.js", JSON.stringify(options), redis.url];
      const { code, stdout, stderr } = await project.run(programOf(project), args);
      assertEquals([code, stderr, JSON.parse(stdout).jobs], [0, "", 4]);
      const expected = await new DatasetBuilder({ ...options, output: undefined }).buildDataset();
      assertEquals(await Array.fromAsync(await Dataset.load(options.output)), await Array.fromAsync(expected));
    },
    "npm and redis-server",
    lacksNpm || !hasRedis,
  );

  test(`andromeda serves a model in ${host}, until it is asked to stop`, async (project) => {
    const args = [project.tool("andromeda"), "serve", MODEL, "--port", "0", "--backend", "wasm"];
    await using served = await project.serve(programOf(project), args);
    const answer = await fetch(`${served.url}/v1/models`);
    assertEquals((await answer.json()).data.map(({ id }: { id: string }) => id), ["shakespeare"]);
    assertEquals(textOf(await (await complete(served.url)).text()), await expectedText("ROMEO:", 200, "f32"));
  });
}

test("the package depends on no other, and says whose code it holds", async (project) => {
  const { dependencies, bin } = JSON.parse(await Deno.readTextFile(`${project.package}package.json`));
  assertEquals([dependencies, bin], [undefined, { andromeda: "./cli/bin.js" }]);
  const licenses = await Deno.readTextFile(`${project.package}BUNDLED_LICENSES.txt`);
  for (
    const name of [
      "commander",
      "cli-progress",
      "srvx",
      "hyparquet",
      "hyparquet-writer",
      "bullmq",
      "ioredis",
      "@huggingface/hub",
    ]
  ) {
    assertStringIncludes(licenses, `## ${name} `);
  }
});

const TYPED = `
import { AndromedaTokenizer, createBackend, generateText, loadLanguageModel, type Session } from "@andromeda/runtime";
import { main } from "@andromeda/runtime/cli";
import type { TokenBatch } from "@andromeda/runtime/data";
import { buildByJobs, type JobOptions, runDatasetWorker } from "@andromeda/runtime/jobs";
import type { Llama } from "@andromeda/runtime/models";
import kernels from "@andromeda/runtime/relaxed-simd.wasm";

const backend = await createBackend("wasm", { wasm: kernels });
const tokenizer: AndromedaTokenizer = await AndromedaTokenizer.load("model");
const model = await loadLanguageModel("model", { backend });
const session: Session = model.session();
for await (const token of model.generate(tokenizer.encode("a"), { topK: 5 })) token.toFixed();
for await (const text of generateText(model, tokenizer, "a", { topK: 5, stop: ["."] })) text.trim();
model.embed(["a"], { tokenizer, pooling: "last" }).dispose();
session.dispose();
export const code: number = await main(["--help"]);
export const jobs: JobOptions = { redis: "redis://queue:6379" };
export const rows: number = (await buildByJobs({ datasetName: "books", output: "blocks" }, jobs)).length;
await runDatasetWorker({ redis: jobs.redis, onProgress: ({ tokens }) => tokens.toFixed() });
export const describe = ({ shape }: TokenBatch, { modelType }: Llama): [readonly number[], string] => [shape, modelType];
`;

for (const [module, moduleResolution] of [["nodenext", "nodenext"], ["esnext", "bundler"]] as const) {
  for (const lib of ["es2024,dom", "es2024"]) {
    test(`TypeScript checks its types by ${moduleResolution} with ${lib}`, async (project) => {
      await project.write("typed.ts", TYPED);
      // Without "dom" the host's types are Node's.
      const types = lib.includes("dom") ? "" : "node";
      const options = { module, moduleResolution, lib, types, target: "es2024", skipLibCheck: "false" };
      const flags = Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]);
      const { code, stdout } = await project.run(project.tool("tsc"), ["--noEmit", "--strict", ...flags, "typed.ts"]);
      assertEquals([code, stdout], [0, ""]);
    });
  }
}

const BOUND = `
import { AndromedaTokenizer, bindingFetch } from "@andromeda/runtime";

interface Env {
  readonly assets: Fetcher;
  readonly bucket: R2Bucket;
  readonly values: KVNamespace;
}
export const load = ({ assets, bucket, values }: Env) =>
  Promise.all([assets, bucket, values].map((binding) =>
    AndromedaTokenizer.load("https://model/", { fetch: bindingFetch(binding) })
  ));
`;

test("TypeScript takes Cloudflare's bindings", async (project) => {
  await project.write("bound.ts", BOUND);
  const flags = ["--noEmit", "--strict", "--module", "esnext", "--moduleResolution", "bundler", "--lib", "es2024"];
  const args = [...flags, "--target", "es2024", "--types", "@cloudflare/workers-types", "bound.ts"];
  const { code, stdout } = await project.run(project.tool("tsc"), args);
  assertEquals([code, stdout], [0, ""]);
});

/**
 * Programs that use a part of the package, and the bytes of gzip that each loads at once; engines come later. The
 * automata by which a tokenizer encodes English in an eighth of the time are 3 KB of them. What is shared with parts
 * that come later lies in files of its own, which compress a little worse.
 */
const BUNDLES = [
  { names: "{ createBackend }", entry: "", most: 3_000 },
  { names: "{ createBackend, loadModel, AndromedaTokenizer }", entry: "", most: 84_000 },
  { names: "{ createBackend }", entry: "/models", most: 3_000 },
  { names: "* as models", entry: "/models", most: 63_000 },
  { names: "{ AndromedaTokenizer }", entry: "/data", most: 32_600 },
  { names: "* as data", entry: "/data", most: 72_000 },
  { names: "{ createHandler }", entry: "/serve", most: 21_000 },
  { names: "{ main }", entry: "/cli", most: 42_500 },
];

/** Bytes of gzip of a bundle's file and of those that it imports statically. */
async function loadedBytes(folder: string, entry: string): Promise<number> {
  const files = new Set([entry]);
  let bytes = 0;
  for (const name of files) {
    const text = await Deno.readTextFile(`${folder}/${name}`);
    for (const [, other = ""] of text.matchAll(/(?:from|import)"\.\/([\w-]+\.js)"/g)) files.add(other);
    const zipped = new Blob([text]).stream().pipeThrough(new CompressionStream("gzip"));
    bytes += (await new Response(zipped).arrayBuffer()).byteLength;
  }
  return bytes;
}

for (const { names, entry, most } of BUNDLES) {
  test(`a bundle that uses ${names} of @andromeda/runtime${entry} loads at most ${most} bytes`, async (project) => {
    const used = names.replace("* as ", "");
    await project.write("small.js", `import ${names} from "@andromeda/runtime${entry}";\nconsole.log(${used});\n`);
    const output = [
      "--format=esm",
      "--outdir=small",
      "--log-level=warning",
      ...entry === "/cli" ? ["--platform=node"] : [],
    ];
    const flags = ["--bundle", "--minify", "--splitting", ...output];
    const { code, stderr } = await project.run(project.tool("esbuild"), ["small.js", ...flags]);
    assertEquals([code, stderr], [0, ""]);
    const bytes = await loadedBytes(`${project.folder}/small`, "small.js");
    assert(bytes <= most, `${bytes} bytes`);
  });
}

/** A test of the package in a page. */
function testPage(name: string, fn: HostTest): void {
  test(`in Chromium, ${name}`, fn, "npm and chromium", lacksNpm || lacksChromium);
}

/** Writes a page and its worker into a folder; `from` is the package's name there. */
async function writePage(project: Project, folder: string, from = "@andromeda/runtime"): Promise<void> {
  await project.write(`${folder}/index.html`, HTML);
  await project.write(`${folder}/page.js`, PAGE);
  await project.write(`${folder}/demo_worker.js`, DEMO_WORKER);
  await project.write(`${folder}/demo.js`, DEMO.replace("@andromeda/runtime", from));
}

/** Lets a page do some runs. */
async function visitRuns(url: string, runs: readonly Run[]): Promise<Visit & { readonly results: readonly Demo[] }> {
  const hash = encodeURIComponent(JSON.stringify(runs));
  const done = await visit(`${url}/#${hash}`, "--enable-unsafe-webgpu");
  const { results } = done.result as { results: readonly Demo[] };
  return { ...done, results };
}

/** Pages that may share memory, and one that may not; the most threads, and what is refused by name. */
const SITES = [
  {
    name: "isolated",
    headers: ISOLATED,
    threads: 2,
    refused: { threads: 2, inWorker: false },
    message: /^Cannot compute on 2 threads with inWorker = false: a page's own thread must not wait/,
  },
  {
    name: "not isolated",
    headers: {},
    threads: 1,
    refused: { threads: 2 },
    message: /^Cannot compute on 2 threads: .* A page must be cross-origin isolated/,
  },
];

for (const { name, headers, threads, refused, message } of SITES) {
  testPage(
    `modules from a static server, under a policy of its own scripts only, ${name}`,
    async (project, expected) => {
      await writePage(project, "plain", "/package/mod.js");
      const folders = { "/package/": project.package, "/model/": `${MODEL}/`, "/": `${project.folder}/plain/` };
      await using site = serveFolders(folders, { ...STRICT, ...headers });
      const { results } = await visitRuns(site.url, [
        { place: "page", engine: "wasm", options: refused },
        { place: "page", engine: "wasm", options: { threads } },
        { place: "page", engine: "wasm", options: { inWorker: false } },
        { place: "worker", engine: "wasm", options: { threads } },
        { place: "page", engine: "webgpu", options: {} },
        { place: "worker", engine: "webgpu", options: {} },
      ]);
      const [{ error = "" } = {}, ...demos] = results;
      assertMatch(error, message);
      for (const found of demos) assertDemo(found, expected);
      assertEquals(demos.map((found) => found.threads), [threads, 1, threads, 1, 1]);
    },
  );
}

for (const splitting of [true, false]) {
  testPage(`bundled by esbuild ${splitting ? "into several files" : "into one file"}`, async (project, expected) => {
    const folder = `esbuild-${splitting}`;
    await writePage(project, "bundled");
    const flags = ["--bundle", "--format=esm", `--outdir=${folder}`, ...splitting ? ["--splitting"] : []];
    const args = ["bundled/page.js", "bundled/demo_worker.js", "--log-level=warning", ...flags];
    const { code, stderr } = await project.run(project.tool("esbuild"), args);
    assertEquals([code, stderr], [0, ""]);
    await project.write(`${folder}/index.html`, HTML);
    await Deno.copyFile(`${project.package}assembly/generated/worker.js`, `${project.folder}/${folder}/worker.js`);
    await using site = serveFolders({ "/model/": `${MODEL}/`, "/": `${project.folder}/${folder}/` }, STRICT);
    const { results, workers, faults } = await visitRuns(site.url, [
      { place: "page", engine: "wasm", options: { workerUrl: "/worker.js" } },
      ...splitting ? [{ place: "page", engine: "webgpu", options: {} } as const] : [],
    ]);
    for (const found of results) assertDemo(found, expected);
    assertEquals([workers, faults], [1, []]);
  });
}

/** Bundles a page; webpack finds the workers that it starts by itself. */
const WEBPACK = `
import webpack from "webpack";

const output = { path: import.meta.dirname + "/webpack", filename: "[name].js" };
webpack({ mode: "production", entry: { page: "./bundled/page.js" }, output }, (fault, stats) => {
  if (fault) throw fault;
  if (stats.hasErrors() || stats.hasWarnings()) throw new Error(stats.toString("errors-warnings"));
});
`;

testPage("bundled by webpack, on several threads", async (project, expected) => {
  await writePage(project, "bundled");
  await project.write("webpack.js", WEBPACK);
  assertEquals(await project.run("node", ["webpack.js"]), { code: 0, stdout: "", stderr: "" });
  await project.write("webpack/index.html", HTML);
  const folders = { "/model/": `${MODEL}/`, "/": `${project.folder}/webpack/` };
  await using site = serveFolders(folders, { ...STRICT, ...ISOLATED });
  const { results } = await visitRuns(site.url, [
    { place: "page", engine: "wasm", options: { threads: 2 } },
    { place: "worker", engine: "wasm", options: { threads: 2 } },
  ]);
  for (const found of results) assertDemo(found, expected);
  assertEquals(results.map(({ threads }) => threads), [2, 2]);
});

/** Copies `examples/vite` with a model. */
async function copyVite(project: Project): Promise<void> {
  await project.copy(`${EXAMPLES}/vite`, "vite");
  await project.copy(MODEL, "vite/public/model");
}

/** Lets the page of `examples/vite` write, and gives the number of its workers. */
async function assertPageWrites(url: string): Promise<number> {
  return await openPage(url, async (page, { workers }) => {
    await page.fill("textarea", "ROMEO:");
    await page.fill("input", "0");
    await page.click("button:enabled");
    await page.waitForSelector("button:enabled");
    assertEquals(await page.textContent("output"), await expectedText("ROMEO:", 200));
    return workers();
  });
}

testPage(
  "built by Vite, examples/vite writes under a policy of its own scripts only, on all cores",
  async (project) => {
    await copyVite(project);
    for (const [tool, args] of [["tsc", []], ["vite", ["build", "--logLevel", "warn"]]] as const) {
      const { code, stdout, stderr } = await project.run(project.tool(tool), args, "vite");
      assertEquals([code, stdout, stderr], [0, "", ""]);
    }
    await using site = serveFolders({ "/": `${project.folder}/vite/dist/` }, { ...STRICT, ...ISOLATED });
    assertEquals(await assertPageWrites(`${site.url}/`), Math.min(navigator.hardwareConcurrency, 16));
  },
);

testPage("served by Vite's development server, examples/vite writes", async (project) => {
  await copyVite(project);
  await using served = await project.serve(project.tool("vite"), ["vite", "--port", "0"]);
  assert(await assertPageWrites(`${served.url}/`) > 0, "the page computed in its own thread");
});

/** Asks a server for a text by OpenAI's interface, as a stream. */
async function complete(url: string, signal: AbortSignal | null = null): Promise<Response> {
  const body = JSON.stringify({ prompt: "ROMEO:", max_tokens: 200, temperature: 0, stream: true });
  return await fetch(`${url}/v1/completions`, { method: "POST", body, signal });
}

/** The text of a stream's events. */
function textOf(stream: string): string {
  const events = stream.split("\n\n").filter((event) => event.startsWith("data: {"));
  return events.map((event) => JSON.parse(event.slice("data: ".length)).choices[0]?.text ?? "").join("");
}

/** Asks a server of `examples/` for a text, which comes while it is written, and goes on when another client leaves. */
async function assertWrites({ url }: { readonly url: string }): Promise<void> {
  const expected = await expectedText("ROMEO:", 200);
  const answer = await complete(url);
  const pieces = await Array.fromAsync(answer.body?.pipeThrough(new TextDecoderStream()) ?? []);
  assertEquals([answer.status, textOf(pieces.join(""))], [200, expected]);
  assert(pieces.length > 3, `the text came in ${pieces.length} pieces`);
  const leaving = new AbortController();
  const left = await complete(url, leaving.signal);
  const others = [complete(url), complete(url)];
  await left.body?.getReader().read();
  leaving.abort();
  for (const other of others) assertEquals(textOf(await (await other).text()), expected);
}

for (const flags of [[], ["--compatibility-flags", "nodejs_compat"]]) {
  test(`Cloudflare's runtime streams the text of examples/cloudflare ${flags.join(" ")}`, async (project) => {
    await project.copy(`${EXAMPLES}/cloudflare`, ".");
    await project.copy(MODEL, "model");
    await using served = await project.serve(project.tool("wrangler"), ["dev", "--port", "0", ...flags]);
    await assertWrites(served);
  });
}

/** Puts the files of a folder into the local store that \`wrangler dev\` has for the binding \`MODEL\`. */
const STORE = `
import { readdir, readFile } from "node:fs/promises";
import { getPlatformProxy } from "wrangler";

const [folder] = process.argv.slice(2);
const { env, dispose } = await getPlatformProxy();
for (const name of await readdir(folder)) {
  await env.MODEL.put(name, Uint8Array.from(await readFile(folder + "/" + name)).buffer);
}
await dispose();
`;

/** The worker of examples/cloudflare, which shows what its binding gives too. */
const FILES = `
import { bindingFetch } from "@andromeda/runtime";
import worker from "./worker.js";

export default {
  fetch: (request, env, context) => new URL(request.url).pathname.startsWith("/v1/")
    ? worker.fetch(request, env, context)
    : bindingFetch(env.MODEL)(request.url, { headers: request.headers }),
};
`;

/** Bindings that examples/cloudflare/wrangler.jsonc has as comments, and whether they answer with parts of files. */
const STORES = [
  { name: "R2", field: "r2_buckets", hasRanges: true },
  { name: "KV", field: "kv_namespaces", hasRanges: false },
];

for (const { name, field, hasRanges } of STORES) {
  test(`Cloudflare's runtime streams the text of examples/cloudflare, with its model in ${name}`, async (project) => {
    await project.copy(`${EXAMPLES}/cloudflare`, ".");
    const configuration = await Deno.readTextFile(`${project.folder}/wrangler.jsonc`);
    await project.write(
      "wrangler.jsonc",
      configuration.replace(/^ *"assets".*\n/m, "").replace(`// "${field}"`, `"${field}"`),
    );
    await project.write("store.js", STORE);
    await project.write("files.js", FILES);
    // Files of KV are small ones.
    const folder = `${project.folder}/${name}`;
    const { model, tokenizer } = await loadHere("q8_0");
    await model.save(folder, { shardBytes: hasRanges ? undefined : 2e6 });
    await tokenizer.save(folder);
    model.backend.dispose();
    assertEquals(await project.run("node", ["store.js", folder]), { code: 0, stdout: "", stderr: "" });
    await using served = await project.serve(project.tool("wrangler"), ["dev", "files.js", "--port", "0"]);
    await assertWrites(served);

    const file = await Deno.readTextFile(`${folder}/config.json`);
    const ask = async (headers: Record<string, string> = {}) => {
      const answer = await fetch(`${served.url}/config.json`, { headers });
      return { status: answer.status, part: answer.headers.get("content-range"), text: await answer.text(), answer };
    };
    const { answer, ...whole } = await ask();
    assertEquals(whole, { status: 200, part: null, text: file });
    const part = { status: 206, part: `bytes 2-9/${file.length}`, text: file.slice(2, 10) };
    const etag = answer.headers.get("etag") ?? "";
    for (const [validator, expected] of [[etag, part], ['"another"', whole]] as const) {
      const { answer: _, ...found } = await ask({ range: "bytes=2-9", "if-range": validator });
      assertEquals(found, hasRanges ? expected : whole);
    }
    const absent = await fetch(`${served.url}/absent.json`);
    assertEquals([absent.status, await absent.text()], [404, ""]);
  });
}

for (const name of ["node", "bun"] as const) {
  test(`${name} streams the text of examples/node`, async (project) => {
    await project.copy(`${EXAMPLES}/node`, ".");
    const program = name === "bun" ? project.tool("bun") : "node";
    await using served = await project.serve(program, ["server.js"], { PORT: "0", MODEL });
    await assertWrites(served);
  });
}

test("deno serve streams the text of examples/deno-deploy, without files", async (project) => {
  await project.copy(`${EXAMPLES}/deno-deploy`, "deno-deploy");
  await project.write(
    "deno-deploy/deno.json",
    JSON.stringify({
      imports: {
        "@andromeda/runtime": `${toFileUrl(project.package)}mod.js`,
        "@andromeda/runtime/serve": `${toFileUrl(project.package)}serve/mod.js`,
      },
    }),
  );
  await using site = serveFolders({ "/": `${MODEL}/` }, {});
  const flags = ["--no-prompt", "--no-lock", "--allow-net", "--allow-env=MODEL", "--port", "0"];
  const args = ["serve", ...flags, "deno-deploy/main.ts"];
  await using served = await project.serve(Deno.execPath(), args, { MODEL: `${site.url}/` });
  await assertWrites(served);
});
