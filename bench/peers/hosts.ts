/**
 * Starts engines: in processes of Deno or Node, or in a page of Chromium.
 *
 * @module
 */

import { fromFileUrl } from "@std/path";
import type { Page } from "playwright-core";
import { ANSWER, type Answer, type Engine, type Settings, type Task } from "./engine.ts";
import type { Installed } from "./install.ts";

/** The hosts of engines. */
export type Host = "deno" | "node" | "chromium";

/**
 * Native engines compute on the threads of Node's pool: with four of them, each call may come to another one, and
 * llama.cpp on two threads takes 3.4 to 8 ms for a token in q8_0 instead of 2.4 to 3 (AMD EPYC, 2 cores).
 */
const NODE_ENV = { UV_THREADPOOL_SIZE: "1" } as const;

/** An engine that runs in a host. */
export interface Running {
  /** The tasks that it can run. */
  readonly tasks: readonly string[];
  /** Runs a task once: milliseconds. */
  run(task: Task): Promise<number>;
  /** Its answer to the prompt; undefined for engines that run another model. */
  answer(): Promise<Answer | undefined>;
  stop(): Promise<void>;
}

/** Folders and programs that hosts need. */
export interface Places extends Installed {
  /** URL of the folder of the model's files and of the engines' bundles. */
  readonly files: string;
}

/**
 * Starts an engine.
 *
 * @param name Its file in `engines/`.
 * @throws {Error} With what the engine says if it does not start.
 */
export async function start(
  name: string,
  host: Host,
  settings: Pick<Settings, "what" | "format" | "threads">,
  places: Places,
): Promise<Running> {
  return host === "chromium"
    ? await startPage(name, settings, places)
    : await startProcess(name, host, { ...settings, packages: places.packages, files: places.files }, places);
}

/** Makes one script of each file, for hosts that read neither TypeScript nor this repository's imports. */
export async function bundle(names: readonly string[], files: string): Promise<void> {
  for (const name of names) {
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["bundle", "--quiet", "--platform", "browser", "-o", fromFileUrl(scriptUrl(name, files)), `${name}.ts`],
      cwd: fromFileUrl(new URL(".", import.meta.url)),
    }).output();
    if (!success) throw new Error(`Cannot bundle ${name}: ${new TextDecoder().decode(stderr)}`);
  }
}

function scriptUrl(name: string, files: string): string {
  return new URL(`${name.replaceAll("/", "-")}.mjs`, files).href;
}

async function startProcess(
  name: string,
  host: "deno" | "node",
  settings: Settings,
  { files, node }: Places,
): Promise<Running> {
  const script = [
    fromFileUrl(scriptUrl("child", files)),
    scriptUrl(`engines/${name}`, files),
    JSON.stringify(settings),
  ];
  const command = host === "node"
    ? new Deno.Command(node, { args: script, env: NODE_ENV, stdin: "piped", stdout: "piped", stderr: "null" })
    : new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "-A", "--no-config", "--node-modules-dir=none", ...script],
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    });
  const child = command.spawn();
  const input = child.stdin.getWriter();
  const answers = answersOf(child.stdout);
  const next = async (): Promise<unknown> => {
    const { value, done } = await answers.next();
    if (done) throw new Error(`${name} ended`);
    if (typeof value === "object" && value !== null && "error" in value) throw new Error(String(value.error));
    return value;
  };
  const ask = async (line: string): Promise<unknown> => {
    await input.write(new TextEncoder().encode(`${line}\n`));
    return await next();
  };
  const stop = async () => {
    // The process ends with its input; one that has ended already rejects the write.
    await input.close().catch(() => {});
    await answers.return(undefined);
    await child.status;
  };
  try {
    const tasks = tasksOf(await next());
    return {
      tasks,
      run: async (task) => Number(await ask(task)),
      answer: async () => answerOf(await ask("answer")),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** The answers among the lines that a process prints. */
async function* answersOf(stdout: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<unknown, undefined> {
  let rest = "";
  for await (const text of stdout.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) if (line.startsWith(ANSWER)) yield JSON.parse(line.slice(ANSWER.length));
  }
}

/** A page in a browser of its own. */
export interface OpenPage {
  readonly page: Page;
  /** Where the page finds `files/` and `packages/`. */
  readonly origin: string;
  stop(): Promise<void>;
}

/** Opens an empty page of Chromium, isolated so that it may have threads, and serves the files to it. */
export async function openPage(
  { files, packages }: Pick<Places, "files" | "packages">,
  args: readonly string[] = [],
): Promise<OpenPage> {
  const { chromium } = await import("playwright-core");
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, (request) => {
    const { pathname } = new URL(request.url);
    return respond(pathname.startsWith("/packages/") ? packages : files, pathname);
  });
  const origin = `http://127.0.0.1:${server.addr.port}`;
  const browser = await chromium.launch({
    executablePath: Deno.env.get("CHROMIUM") ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", ...args],
  });
  const stop = async () => {
    await browser.close();
    await server.shutdown();
  };
  try {
    const page = await browser.newPage();
    await page.goto(`${origin}/files/`);
    return { page, origin, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Loads an engine in a page of its own browser. */
async function startPage(
  name: string,
  settings: Pick<Settings, "what" | "format" | "threads">,
  places: Places,
): Promise<Running> {
  const { page, origin, stop } = await openPage(places);
  try {
    const module = scriptUrl(`engines/${name}`, `${origin}/files/`);
    const all: Settings = { ...settings, packages: `${origin}/packages/`, files: `${origin}/files/` };
    const engine = await page.evaluateHandle(async ([module, settings]): Promise<Engine> => {
      const { open }: { open(settings: Settings): Promise<Engine> } = await import(module);
      return await open(settings);
    }, [module, all] as const);
    return {
      tasks: await engine.evaluate(({ tasks }) => Object.keys(tasks)),
      run: async (task) => await engine.evaluate(({ tasks }, task) => tasks[task]?.() ?? NaN, task),
      answer: async () => await engine.evaluate((engine) => engine.answer?.()),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** A file, with the headers that isolate a page; for a folder an empty page. */
async function respond(folder: string, pathname: string): Promise<Response> {
  const headers = new Headers({
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-embedder-policy": "require-corp",
  });
  const path = pathname.replace(/^\/(files|packages)\//, "");
  const type = { html: "text/html", js: "text/javascript", mjs: "text/javascript", wasm: "application/wasm" }[
    path === "" ? "html" : path.split(".").at(-1) ?? ""
  ];
  if (type !== undefined) headers.set("content-type", type);
  if (path === "") return new Response("<!doctype html><title>peers</title>", { headers });
  try {
    return new Response((await Deno.open(new URL(path, folder))).readable, { headers });
  } catch {
    return new Response(null, { status: 404, headers });
  }
}

function tasksOf(value: unknown): string[] {
  const tasks = typeof value === "object" && value !== null && "tasks" in value ? value.tasks : undefined;
  if (!Array.isArray(tasks)) throw new TypeError("Cannot start: the engine does not say what it can do");
  return tasks.map(String);
}

function answerOf(value: unknown): Answer | undefined {
  if (typeof value !== "object" || value === null || !("logits" in value) || !("tokens" in value)) return undefined;
  const { logits, tokens } = value;
  return Array.isArray(logits) && Array.isArray(tokens)
    ? { logits: logits.map(Number), tokens: tokens.map(Number) }
    : undefined;
}
