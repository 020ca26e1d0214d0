/**
 * What requests that share steps gain, and what they cost each other: tokens a second of 1 to 16 streams, the time to
 * the first token on an idle and on a busy server, of a prompt whose beginning is known, and how long the event loop
 * stands still. Server and clients are two processes, over loopback.
 *
 *     deno task bench serving [--rounds 5]
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { fromFileUrl } from "@std/path";
import { median, writeReport } from "../support/report.ts";

const FORMATS = ["f32", "q8_0", "q4_0"];
const THREADS = [2];
const STREAMS = [1, 2, 4, 8, 16];
/** Tokens of a prompt and of a text, where streams are counted. */
const PROMPT = 16;
const TEXT = 64;

/** Times of one text, in milliseconds from the request on. */
interface Times {
  readonly first: number;
  readonly last: number;
  readonly tokens: number;
}

/** A figure of a server with one format and so many threads. */
export interface ServingFigure {
  readonly format: string;
  readonly threads: number;
  /** Tokens a second of all streams together, by their number. */
  readonly tokensPerSecond: Readonly<Record<string, number>>;
  /** Those of 8 streams as a multiple of one's. */
  readonly eightOfOne: number;
  /** Milliseconds to the first token of a prompt, by its tokens: idle, and as the ninth beside eight streams. */
  readonly firstToken: readonly {
    readonly prompt: number;
    readonly idle: number;
    readonly ninth: number;
    readonly ratio: number;
  }[];
  /** Milliseconds to the first token of 1,016 tokens: all of them new, and 1,000 known from another text. */
  readonly known: { readonly fresh: number; readonly known: number };
  /** While a prompt of 2,000 tokens is read: the longest turn of the event loop, and the longest answer of /health. */
  readonly longPrompt: { readonly longestTurn: number; readonly longestHealth: number };
}

let salt = 0;

/** Token ids that no earlier prompt began with. */
function freshPrompt(length: number): number[] {
  salt += 1;
  return Array.from({ length }, (_, i) => 1 + (i * 7919 + salt * 104_729) % 31_999);
}

/** A server in a process of its own. */
class ServerProcess {
  readonly url: string;
  readonly #child: Deno.ChildProcess;

  private constructor(url: string, child: Deno.ChildProcess) {
    this.url = url;
    this.#child = child;
  }

  static async start(format: string, threads: number): Promise<ServerProcess> {
    const script = fromFileUrl(new URL("server.ts", import.meta.url));
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", script, format, String(threads)],
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    for await (const line of child.stdout.pipeThrough(new TextDecoderStream())) {
      return new ServerProcess(`http://127.0.0.1:${line.trim()}`, child);
    }
    throw new Error("Cannot start the server: it printed no port");
  }

  /**
   * Streams a text and times it.
   *
   * @param onFirst Told when its first token is there.
   */
  async stream(prompt: readonly number[], maxTokens: number, onFirst?: () => void): Promise<Times> {
    const began = performance.now();
    const response = await fetch(`${this.url}/v1/completions`, {
      method: "POST",
      body: JSON.stringify({ prompt, max_tokens: maxTokens, temperature: 0, stream: true }),
    });
    if (!response.ok || !response.body) throw new Error(await response.text());
    let [first, tokens] = [NaN, 0];
    for await (const text of response.body.pipeThrough(new TextDecoderStream())) {
      if (tokens === 0) {
        first = performance.now() - began;
        onFirst?.();
      }
      tokens += text.split('"text":"w').length - 1 + text.split('"text":" w').length - 1;
    }
    return { first, last: performance.now() - began, tokens };
  }

  async longestTurn(): Promise<number> {
    return await (await fetch(`${this.url}/turns`)).json();
  }

  async stop(): Promise<void> {
    this.#child.kill();
    await this.#child.status;
  }
}

/** Tokens a second of some streams that begin together, prompts included. */
async function throughput(server: ServerProcess, streams: number): Promise<number> {
  const began = performance.now();
  const times = await Promise.all(Array.from({ length: streams }, () => server.stream(freshPrompt(PROMPT), TEXT)));
  const seconds = (performance.now() - began) / 1000;
  return times.reduce((sum, { tokens }) => sum + tokens, 0) / seconds;
}

/** Time to the first token of a prompt, idle and beside eight streams that all have begun to write. */
async function firstTokens(server: ServerProcess, prompt: number): Promise<{ idle: number; ninth: number }> {
  const idle = (await server.stream(freshPrompt(prompt), 1)).first;
  const others = Array.from({ length: 8 }, () => Promise.withResolvers<void>());
  const texts = others.map(({ resolve }) => server.stream(freshPrompt(PROMPT), 200, resolve));
  await Promise.all(others.map(({ promise }) => promise));
  const ninth = (await server.stream(freshPrompt(prompt), 1)).first;
  await Promise.all(texts);
  return { idle, ninth };
}

/** The longest turn and the longest answer of /health while a prompt of 2,000 tokens is read. */
async function longPrompt(server: ServerProcess): Promise<ServingFigure["longPrompt"]> {
  await server.longestTurn();
  let isRead = false;
  const text = server.stream(freshPrompt(2000), 1).then(() => isRead = true);
  let longestHealth = 0;
  while (!isRead) {
    const began = performance.now();
    await (await fetch(`${server.url}/health`)).body?.cancel();
    longestHealth = Math.max(longestHealth, performance.now() - began);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await text;
  return { longestTurn: await server.longestTurn(), longestHealth };
}

async function measure(format: string, threads: number, rounds: number): Promise<ServingFigure> {
  const server = await ServerProcess.start(format, threads);
  try {
    await throughput(server, 4);
    const speeds = new Map<number, number[]>(STREAMS.map((streams) => [streams, []]));
    for (let round = 0; round < rounds; round++) {
      for (const [streams, values] of speeds) values.push(await throughput(server, streams));
    }
    const [ones, eights] = [speeds.get(1) ?? [], speeds.get(8) ?? []];
    const firstToken = [];
    for (const prompt of [64, 512]) {
      const times = [];
      for (let round = 0; round < rounds; round++) times.push(await firstTokens(server, prompt));
      const [idle, ninth] = [median(times.map(({ idle }) => idle)), median(times.map(({ ninth }) => ninth))];
      firstToken.push({ prompt, idle, ninth, ratio: median(times.map(({ idle, ninth }) => ninth / idle)) });
    }
    const shared: { fresh: number; known: number }[] = [];
    for (let round = 0; round < rounds; round++) {
      const system = freshPrompt(1000);
      const fresh = (await server.stream([...system, ...freshPrompt(16)], 1)).first;
      shared.push({ fresh, known: (await server.stream([...system, ...freshPrompt(16)], 1)).first });
    }
    const turns = [];
    for (let round = 0; round < rounds; round++) turns.push(await longPrompt(server));
    return {
      format,
      threads,
      tokensPerSecond: Object.fromEntries([...speeds].map(([streams, values]) => [streams, median(values)])),
      eightOfOne: median(eights.map((eight, round) => eight / (ones[round] ?? NaN))),
      firstToken,
      known: { fresh: median(shared.map(({ fresh }) => fresh)), known: median(shared.map(({ known }) => known)) },
      longPrompt: {
        longestTurn: median(turns.map(({ longestTurn }) => longestTurn)),
        longestHealth: median(turns.map(({ longestHealth }) => longestHealth)),
      },
    };
  } finally {
    await server.stop();
  }
}

if (import.meta.main) {
  const args = parseArgs(Deno.args, { string: ["rounds"], default: { rounds: "5" } });
  const figures: ServingFigure[] = [];
  for (const format of FORMATS) {
    for (const threads of THREADS) {
      const figure = await measure(format, threads, Number(args.rounds));
      console.log(JSON.stringify(figure));
      figures.push(figure);
    }
  }
  await writeReport("serving", figures);
}
