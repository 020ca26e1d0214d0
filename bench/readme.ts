/**
 * Writes the measured figures into README.md, and draws its chart of other engines, from the results that benchmarks
 * have left in `results/`:
 *
 *     deno run -A bench/readme.ts
 *
 * @module
 */

import type { HostFigure } from "./hosts/main.ts";
import type { Largest } from "./hosts/largest.ts";
import type { GenerationFigure } from "./models/generation.ts";
import type { LargeFigure } from "./models/large.ts";
import { drawPeers } from "./peers/chart.ts";
import type { Origin } from "./support/report.ts";

/** The results of a benchmark. */
interface Report<Figures> {
  readonly origin: Origin;
  readonly figures: Figures;
}

/** The part of a figure of `linear` that README.md shows. */
interface LinearFigure {
  readonly format: string;
  readonly rows: number;
  readonly in: number;
  readonly out: number;
  readonly gflops: number;
  readonly ofPeak: number;
  readonly gigabytes: number;
  readonly ofReading: number;
}

/** The part of a product's figure on two threads that README.md shows. */
interface ThreadsFigure {
  readonly rows: number;
  readonly twoThreads: number;
  readonly ofTwoThreads: number;
}

/** Inputs and outputs of the product that README.md shows. */
const PRODUCT = 2560;

/** The part of a format's perplexity that README.md shows. */
interface PerplexityFigure {
  readonly engine: string;
  readonly format: string;
  readonly bytes: number;
  readonly perplexity: number;
}

/** The part of a user's wait that README.md shows. */
interface StartFigures {
  readonly milliseconds: { readonly fromImport: number };
  /** The engine alone, then a language model on it. */
  readonly downloads: readonly { readonly bytes: number }[];
}

/** The figures of `hosts`. */
interface HostsFigures {
  readonly hosts: readonly HostFigure[];
  readonly largest: readonly Largest[];
}

/** How fast an engine makes tokens of a text. */
interface TokenizerFigure {
  readonly vocabulary: string;
  readonly text: string;
  readonly engine: string;
  /** MB/s of a tokenizer that has seen no text before. */
  readonly fresh: number;
}

/** The vocabulary that README.md shows: all engines have it. */
const VOCABULARY = "gpt-oss";

/** How fast datasets are built. */
interface DatasetsFigures {
  readonly figures: readonly {
    readonly tokenizer: string;
    readonly megabytesPerSecond: Readonly<Record<string, number>>;
  }[];
}

/** Between these two lines README.md holds what this file makes. */
const BEGIN = "<!-- made by bench/readme.ts from bench/results -->\n\n<!-- deno-fmt-ignore-start -->\n";
const END = "<!-- deno-fmt-ignore-end -->\n";

/** The tables of README.md. */
async function makeTables(): Promise<string> {
  const generation = await read<readonly GenerationFigure[]>("generation");
  const large = await read<readonly LargeFigure[]>("large");
  const linear = await read<readonly LinearFigure[]>("linear");
  const perplexity = await read<{ readonly formats: readonly PerplexityFigure[] }>("perplexity");
  const prompt = generation.figures[0]?.prompt;
  const models = Map.groupBy(generation.figures, ({ model, format }) => `${model} | ${format}`);
  const speeds = [...models].map(([name, figures]) => [
    name,
    ...figures.map(({ prefill, ofPeak, limitThreads }) =>
      `${prefill.toFixed(0)} (${percent(ofPeak)} of ${ownersOf(limitThreads)} peak)`
    ),
    ...figures.map(({ decode, ofReading, limitThreads }) =>
      `${decode.toFixed(0)} (${percent(ofReading)} of ${ownersOf(limitThreads)} reading)`
    ),
  ]);
  const counts = new Set(generation.figures.map(({ threads }) => `${threads} thread${threads > 1 ? "s" : ""}`));
  const prompts = [...counts].map((count) => `prompt of ${prompt}, ${count}`);
  const texts = [...counts].map((count) => `text, ${count}`);
  const largest = large.figures.map((
    { dtype, threads, weightBytes, secondsToCreate, prefill, decode, readingBound, limitThreads },
  ) => [
    dtype,
    `${(weightBytes / 2 ** 30).toFixed(1)} GiB`,
    String(threads),
    `${secondsToCreate.toFixed(0)} s`,
    `${prefill.toFixed(1)} tokens/s`,
    `${decode.toFixed(1)} tokens/s, ${percent(decode / readingBound)} of ${ownersOf(limitThreads)} reading`,
  ]);
  const start = await read<StartFigures>("first_token");
  const { formats } = perplexity.figures;
  const qualities = formats.filter(({ engine }) => engine === "wasm").map(({ format, bytes, perplexity }) => [
    format,
    `${(bytes / 1e6).toFixed(1)} MB`,
    perplexity.toFixed(3),
    formats.find((other) => other.engine === "webgpu" && other.format === format)?.perplexity.toFixed(3) ?? "",
  ]);
  const threads = await read<{ readonly linear: readonly ThreadsFigure[] }>("threads");
  const products = [
    ...linear.figures.filter(isShown).map((figure) => [describe(figure), "1", ...speedsOf(figure)]),
    ...threads.figures.linear.filter(({ rows }) => rows > 1).map((figure) => [
      describe({ ...figure, in: PRODUCT, out: PRODUCT }),
      "2",
      speedOnTwoThreads(figure),
      "",
    ]),
  ];
  const hosts = await read<HostsFigures>("hosts");
  const tokenizers = await read<{ readonly speeds: readonly TokenizerFigure[] }>("tokenizers");
  const datasets = await read<DatasetsFigures>("datasets");
  return [
    ...table(["tokens/s", "weights", ...prompts, ...texts], speeds),
    "",
    ...table(["`Andromeda.create()`: 2.5 billion", "memory", "threads", "made in", "a prompt of 512", "text"], largest),
    "",
    ...large.figures.flatMap(describeContext),
    "",
    ...table(["`linear`, in f32", "threads", "arithmetic", "weights"], products),
    "",
    ...table(["the demo's model", "memory", "perplexity on the CPU", "on the GPU"], qualities),
    "",
    describeStart(start.figures),
    "",
    ...tablesOfHosts(hosts.figures),
    "",
    ...tableOfTokenizers(tokenizers.figures.speeds),
    "",
    ...tableOfDatasets(datasets.figures),
    "",
    ...[generation, large, linear, threads, perplexity, start, hosts, tokenizers, datasets].map(({ origin }) =>
      `- ${describeOrigin(origin)}`
    ),
    "",
  ].join("\n");
}

/** Threads as the owners of a limit. */
function ownersOf(threads: number): string {
  return threads === 1 ? "one thread's" : threads === 2 ? "two threads'" : `${threads} threads'`;
}

/** A run over a long context, of the format that made one. */
function describeContext({ dtype, context, secondsForContext }: LargeFigure): string[] {
  if (context === undefined || secondsForContext === undefined) return [];
  const [tokens, seconds] = [context.toLocaleString("en"), secondsForContext.toFixed(0)];
  return [`Its ${tokens} tokens of context, read at once, take the model of 2.5 billion ${seconds} s in ${dtype}.`];
}

/** The time that a user waits, in words. */
function describeStart({ milliseconds, downloads }: StartFigures): string {
  const [engine, model] = downloads.map(({ bytes }) => `${(bytes / 1000).toFixed(0)} KB`);
  return `From the import to the demo's first token: ${milliseconds.fromImport.toFixed(0)} ms in a fresh process. ` +
    `A page downloads ${engine} for the CPU engine (gzip), ${model} with layers, generation and loading.`;
}

/** Each host's time and memory, and the largest model where memory has a limit. */
function tablesOfHosts({ hosts, largest }: HostsFigures): string[] {
  const models = new Set(hosts.map(({ model, format }) => `${model}, ${format}`));
  const rows = [...Map.groupBy(hosts, ({ host, version }) => `${host}: ${version}`)].map(([name, figures]) => [
    name,
    String(figures[0]?.threads),
    megabytes(figures[0]?.stages.imported?.resident ?? NaN),
    ...figures.map(({ firstToken, peak }) => `${firstToken.toFixed(0)} ms, ${megabytes(peak)}`),
  ]);
  const largestRows = largest.map(({ host, limit, format, parameters, firstToken, bytes }) => [
    host,
    `${megabytes(bytes)} of ${megabytes(limit)}`,
    format,
    `${(parameters / 1e6).toFixed(0)} million`,
    `${(firstToken / 1000).toFixed(1)} s`,
  ]);
  return [
    ...table(["first token after the import, most memory", "threads", "imported", ...models], rows),
    "",
    ...table(["largest model", "memory", "format", "parameters", "first token, of 256 before it"], largestRows),
  ];
}

/** How fast texts become tokens, beside others, on one thread. */
function tableOfTokenizers(speeds: readonly TokenizerFigure[]): string[] {
  const shown = speeds.filter(({ vocabulary }) => vocabulary === VOCABULARY);
  const engines = [...new Set(shown.map(({ engine }) => engine))];
  const rows = [...Map.groupBy(shown, ({ text }) => text)].map(([text, figures]) => [
    text,
    ...engines.map((name) => `${figures.find(({ engine }) => engine === name)?.fresh.toFixed(1) ?? ""} MB/s`),
  ]);
  return table([`tokens of ${VOCABULARY}, one thread`, ...engines], rows);
}

/** How fast a dataset is made of texts, beside Python. */
function tableOfDatasets({ figures }: DatasetsFigures): string[] {
  const ways = Object.keys(figures[0]?.megabytesPerSecond ?? {});
  const rows = figures.map(({ tokenizer, megabytesPerSecond }) => [
    tokenizer,
    ...ways.map((way) => `${megabytesPerSecond[way]?.toFixed(1) ?? ""} MB/s`),
  ]);
  return table(["texts to a dataset", ...ways], rows);
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  return [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`);
}

/** README.md with its figures made anew. */
export async function withFigures(readme: string): Promise<string> {
  const [begin, end] = [readme.indexOf(BEGIN), readme.indexOf(END)];
  if (begin < 0 || end < begin) throw new Error(`README.md has no place for figures: ${BEGIN}${END}`);
  return readme.slice(0, begin) + `${BEGIN}\n${await makeTables()}\n` + readme.slice(end);
}

async function read<Figures>(name: string): Promise<Report<Figures>> {
  return JSON.parse(await Deno.readTextFile(new URL(`results/${name}.json`, import.meta.url)));
}

/** Many rows, and a single one. */
function isShown({ format, rows, in: inSize, out }: LinearFigure): boolean {
  return format === "f32" && (rows === 1 || rows === 128) && inSize === PRODUCT && out === PRODUCT;
}

function describe({ rows, in: inSize, out }: Pick<LinearFigure, "rows" | "in" | "out">): string {
  return `${rows === 1 ? "one row" : `${rows} rows`} × ${inSize} × ${out}`;
}

/** One row is bound by reading its weights, many rows by arithmetic. */
function speedsOf({ rows, gigabytes, ofReading, gflops, ofPeak }: LinearFigure): string[] {
  return rows === 1
    ? ["", `${gigabytes.toFixed(1)} GB/s, ${percent(ofReading)} of ${ownersOf(1)} reading`]
    : [`${gflops.toFixed(1)} GFLOP/s, ${percent(ofPeak)} of ${ownersOf(1)} peak`, ""];
}

function speedOnTwoThreads({ rows, twoThreads, ofTwoThreads }: ThreadsFigure): string {
  const gflops = 2 * rows * PRODUCT ** 2 / twoThreads / 1e6;
  return `${gflops.toFixed(1)} GFLOP/s, ${percent(ofTwoThreads)} of ${ownersOf(2)} peak`;
}

function describeOrigin({ command, commit, date, machine, runtime }: Origin): string {
  const state = commit.slice(0, 7) + (commit.endsWith("changes") ? " with changes" : "");
  return `\`${command}\` on ${machine}; ${runtime}; ${date}, commit ${state}`;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0)} MB`;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(0)} %`;
}

if (import.meta.main) {
  const path = new URL("../README.md", import.meta.url);
  await Deno.writeTextFile(path, await withFigures(await Deno.readTextFile(path)));
  await drawPeers();
}
