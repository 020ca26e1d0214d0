/**
 * The comparison as a picture: a column for each host, and in it for each task a bar for each engine, as long as it is
 * fast.
 *
 * @module
 */

import type { Origin } from "../support/report.ts";
import type { Comparison, Figure } from "./comparison.ts";
import type { Contender } from "./groups.ts";
import { NATIVE } from "./install.ts";

/** The results of a host. */
export interface HostReport {
  readonly origin: Origin;
  readonly figures: Pick<Comparison, "figures">;
}

const WIDTH = 560;
/** Where bars begin in a column, and what the longest one takes. */
const LABELS = 232;
const BAR = 270;
const ROW = 20;
const TITLE = 34;
const HEADER = 98;

const NAMES: Readonly<Record<Contender["engine"], string>> = {
  andromeda: "Andromeda",
  onnxruntime: "onnxruntime-web",
  tfjs: "TensorFlow.js",
  jax: "jax-js",
  wllama: "wllama (llama.cpp)",
  onnxruntime_node: "onnxruntime, native",
  node_llama_cpp: "llama.cpp, native",
};

const COLORS = { ours: "#0969da", native: "#6e7781", other: "#afb8c1" } as const;

/** The panels: a task of a group, in a format. */
const PANELS = [
  { title: "Decode, f32", group: "f32, threads: 1", task: "decode", format: "f32" },
  { title: "Decode, f16", group: "f16, threads: 1", task: "decode", format: "f16" },
  { title: "Decode, q8_0", group: "q8_0, threads: 1", task: "decode", format: "q8_0" },
  { title: "Decode, q4_0", group: "q4_0, threads: 1", task: "decode", format: "q4_0" },
  { title: "Prefill of 128 tokens, f32", group: "f32, threads: 1", task: "prefill, last logits", format: "f32" },
  { title: "Prefill of 128 tokens, q8_0", group: "q8_0, threads: 1", task: "prefill, last logits", format: "q8_0" },
  { title: "Product 128×2560×2560, f32", group: "products, threads: 1", task: "128×2560×2560", format: "f32" },
] as const;

/** The chart as SVG, on a background of its own so that it can be read on any page. */
export function peersChart(hosts: readonly HostReport[]): string {
  const panels = PANELS
    .map(({ title, group, task, format }) => ({
      title,
      columns: hosts.map(({ figures: { figures } }) =>
        fastest(figures.filter((each) => each.group === group && each.task === task && each.format === format))
      ),
    }))
    .filter(({ columns }) => columns.some((figures) => figures.length > 1));
  const body = hosts.flatMap(({ origin: { machine, date } }, column) => [
    `<text class="title" x="${column * WIDTH + 16}" y="74">${escape(machine)}</text>`,
    `<text class="note" x="${column * WIDTH + 16}" y="92">measured on ${date}</text>`,
  ]);
  let y = HEADER;
  for (const { title, columns } of panels) {
    const unit = columns.flat()[0]?.unit;
    for (const [column, figures] of columns.entries()) {
      const left = column * WIDTH;
      body.push(`<text class="title" x="${left + 16}" y="${y + 20}">${title}, ${unit}, one thread</text>`);
      const longest = Math.max(...figures.map(({ rate }) => rate));
      body.push(...figures.map((each, i) => bar(each, left, y + TITLE + i * ROW, BAR * each.rate / longest)));
    }
    y += TITLE + ROW * Math.max(...columns.map(({ length }) => length));
  }
  const [width, height] = [hosts.length * WIDTH, y + 16];
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" ` +
    `role="img" aria-label="Andromeda beside other engines">`,
    "<style>text{font:13px system-ui,sans-serif;fill:#1f2328}.title{font-weight:600}.note{fill:#59636e;font-size:12px}</style>",
    `<rect width="100%" height="100%" rx="8" fill="#ffffff"/>`,
    `<text class="title" x="16" y="24">Andromeda on WebAssembly beside other engines: longer is faster</text>`,
    `<text class="note" x="16" y="44">GPT-2's architecture, dim 512, depth 8, vocabulary 32,000; medians; dark gray: native</text>`,
    ...body,
    "</svg>",
    "",
  ].join("\n");
}

/** The results of all hosts, by the names of their files. */
export async function readPeers(): Promise<HostReport[]> {
  const folder = new URL("../results/", import.meta.url);
  const names = (await Array.fromAsync(Deno.readDir(folder), ({ name }) => name))
    .filter((name) => /^peers_\w+\.json$/.test(name));
  return await Promise.all(
    names.toSorted().map(async (name) => JSON.parse(await Deno.readTextFile(new URL(name, folder)))),
  );
}

/** Draws `results/peers.svg`. */
export async function drawPeers(): Promise<void> {
  await Deno.writeTextFile(new URL("../results/peers.svg", import.meta.url), peersChart(await readPeers()));
}

/** Each engine once, in the host where it is fastest, the fastest first. */
function fastest(figures: readonly Figure[]): Figure[] {
  const sorted = figures.toSorted((a, b) => b.rate - a.rate);
  return sorted.filter(({ engine }, i) => sorted.findIndex((other) => other.engine === engine) === i);
}

function bar({ engine, host, rate }: Figure, left: number, y: number, length: number): string {
  const color = engine === "andromeda"
    ? COLORS.ours
    : NATIVE.some((each) => each === engine)
    ? COLORS.native
    : COLORS.other;
  const start = left + LABELS;
  return [
    `<text x="${start - 8}" y="${y + 14}" text-anchor="end">${NAMES[engine]} (${host})</text>`,
    `<rect x="${start}" y="${y + 3}" width="${length.toFixed(1)}" height="${ROW - 6}" rx="3" fill="${color}"/>`,
    `<text x="${(start + length + 6).toFixed(1)}" y="${y + 14}">${rate.toFixed(rate < 10 ? 1 : 0)}</text>`,
  ].join("");
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
