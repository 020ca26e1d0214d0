/**
 * A project as strangers have it: the packed npm package, installed beside the tools that they use.
 *
 * @module
 */

import { fromFileUrl } from "@std/path";
import { mergeReadableStreams } from "@std/streams/merge-readable-streams";
import { pack } from "../../../npm/pack.ts";

/** Tools that pages are made with, in the versions that are tested. */
export const PAGE_TOOLS = ["typescript@7.0.2", "vite@8.3.8"];

/** Hosts that npm brings. */
export const HOST_TOOLS = ["bun@1.4.5", "node@26.10.0", "wrangler@4.86.0"];

/** All tools. */
const TOOLS = [
  ...PAGE_TOOLS,
  ...HOST_TOOLS,
  "@cloudflare/workers-types@4.20260702.1",
  "@types/node@24",
  "esbuild@0.28.2",
  "srvx@1.0.8",
  "webpack@5.113.0",
];

/** Milliseconds that a program may take. */
const PATIENCE = 120_000;

/** The folder of the examples, and of the demo's model. */
export const EXAMPLES = fromFileUrl(new URL("../../../examples", import.meta.url));

/** What a program printed. */
export interface Printed {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Whether npm is here, which fetches the tools. */
export const hasNpm = await new Deno.Command("npm", { args: ["--version"], stdout: "null", stderr: "null" }).output()
  .then(({ success }) => success, () => false);

/** A folder with the package and the tools in its `node_modules`. */
export class Project implements AsyncDisposable {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  /** Packs the package and installs it. */
  static async create(tools: readonly string[] = TOOLS): Promise<Project> {
    const project = new Project(await Deno.makeTempDir({ prefix: "andromeda_package_" }));
    try {
      await project.write("package.json", JSON.stringify({ name: "stranger", private: true, type: "module" }));
      const tarball = await pack(`${project.folder}/packed`);
      const flags = ["--no-fund", "--no-audit", "--no-save", "--prefer-offline"];
      const { code, stderr } = await project.run("npm", ["install", ...flags, tarball, ...tools]);
      if (code !== 0) throw new Error(`npm can't install the package: ${stderr}`);
      return project;
    } catch (error) {
      await project[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Writes a file. */
  async write(path: string, text: string): Promise<void> {
    await Deno.mkdir(`${this.folder}/${path}`.replace(/\/[^/]*$/, ""), { recursive: true });
    await Deno.writeTextFile(`${this.folder}/${path}`, text);
  }

  /** Copies a folder, without what was installed or built in it. */
  async copy(source: string, target: string): Promise<void> {
    await Deno.mkdir(`${this.folder}/${target}`, { recursive: true });
    for await (const { name, isFile } of Deno.readDir(source)) {
      if (isFile) await Deno.copyFile(`${source}/${name}`, `${this.folder}/${target}/${name}`);
      else if (!["node_modules", "dist", "model"].includes(name)) {
        await this.copy(`${source}/${name}`, `${target}/${name}`);
      }
    }
  }

  /** The folder of the package, which ends with a slash. */
  get package(): string {
    return `${this.folder}/node_modules/@andromeda/runtime/`;
  }

  /** The path of an installed tool. */
  tool(name: string): string {
    return `${this.folder}/node_modules/.bin/${name}`;
  }

  /** Runs a program to its end, in a folder of the project, with more variables than those of this process. */
  async run(
    program: string,
    args: readonly string[],
    folder = "",
    env: Readonly<Record<string, string>> = {},
  ): Promise<Printed> {
    const { code, stdout, stderr } = await this.#command(program, args, env, folder).output();
    return { code, stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
  }

  /**
   * Starts a server and waits until it prints its address.
   *
   * @throws {Error} With what it printed, if it ends before.
   */
  async serve(program: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Served> {
    const process = this.#command(program, args, env).spawn();
    const output: ReadableStream<Uint8Array<ArrayBuffer>> = mergeReadableStreams(process.stdout, process.stderr);
    const reader = output.pipeThrough(new TextDecoderStream()).getReader();
    let printed = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) throw new Error(`${program} printed no address: ${printed}`);
      // deno-lint-ignore no-control-regex
      printed += value.replace(/\x1b\[[\d;]*m/g, "");
      const [url] = printed.match(/http:\/\/(?:localhost|127\.0\.0\.1|0\.0\.0\.0):\d+/) ?? [];
      if (url) return new Served(url.replace("0.0.0.0", "localhost"), process, reader);
    }
  }

  #command(
    program: string,
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
    folder = "",
  ): Deno.Command {
    return new Deno.Command(program, {
      args: [...args],
      cwd: `${this.folder}/${folder}`,
      env: { NO_COLOR: "1", CI: "1", WRANGLER_SEND_METRICS: "false", ...env },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
      signal: AbortSignal.timeout(PATIENCE),
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.folder, { recursive: true });
  }
}

/** A server that runs. */
export class Served implements AsyncDisposable {
  /** Its address. */
  readonly url: string;
  readonly #process: Deno.ChildProcess;
  readonly #ended: Promise<void>;

  /** @param reader The rest of what it prints; it is read on, because the server waits where nobody reads. */
  constructor(url: string, process: Deno.ChildProcess, reader: ReadableStreamDefaultReader<string>) {
    this.url = url;
    this.#process = process;
    this.#ended = (async () => {
      while (!(await reader.read()).done);
      await process.status;
    })();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill("SIGTERM");
    await this.#ended;
  }
}
