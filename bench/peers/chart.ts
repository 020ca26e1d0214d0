/**
 * The comparison as a picture: for each task a bar for each engine, as long as it is fast.
 *
 * @module
 */

import type { Figure } from "./comparison.ts";

const WIDTH = 760;
/** Where bars begin, and what the longest one takes. */
const LABELS = 232;
const BAR = 430;
const ROW = 20;
const TITLE = 34;
const HEADER = 56;

const NAMES = {
  andromeda: "Andromeda",
  onnxruntime: "onnxruntime-web",
  tfjs: "TensorFlow.js",
  jax: "jax-js",
  wllama: "wllama (llama.cpp)",
} as const;

/** The panels: a task of a group, in a format. */
const PANELS = [
  { title: "Decode, f32", group: "f32, threads: 1", task: "decode", format: "f32" },
  { title: "Decode, q8_0", group: "q8_0, threads: 1", task: "decode", format: "q8_0" },
  { title: "Decode, q4_0", group: "q4_0, threads: 1", task: "decode", format: "q4_0" },
  { title: "Prefill of 128 tokens, f32", group: "f32, threads: 1", task: "prefill, last logits", format: "f32" },
  { title: "Prefill of 128 tokens, q8_0", group: "q8_0, threads: 1", task: "prefill, last logits", format: "q8_0" },
  { title: "Product 128×2560×2560, f32", group: "products, threads: 1", task: "128×2560×2560", format: "f32" },
] as const;

/** The chart as SVG, on a background of its own so that it can be read on any page. */
export function peersChart(figures: readonly Figure[], machine: string): string {
  const panels = PANELS
    .map(({ title, group, task, format }) => ({
      title,
      figures: fastest(figures.filter((each) => each.group === group && each.task === task && each.format === format)),
    }))
    .filter(({ figures }) => figures.length > 1);
  const body: string[] = [];
  let y = HEADER;
  for (const { title, figures } of panels) {
    body.push(`<text class="title" x="16" y="${y + 20}">${title}, ${figures[0]?.unit}, one thread</text>`);
    y += TITLE;
    const longest = Math.max(...figures.map(({ rate }) => rate));
    for (const figure of figures) {
      body.push(bar(figure, y, BAR * figure.rate / longest));
      y += ROW;
    }
  }
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y + 16}" width="${WIDTH}" height="${
      y + 16
    }" role="img" aria-label="Andromeda beside other engines on WebAssembly">`,
    "<style>text{font:13px system-ui,sans-serif;fill:#1f2328}.title{font-weight:600}.note{fill:#59636e;font-size:12px}</style>",
    `<rect width="100%" height="100%" rx="8" fill="#ffffff"/>`,
    `<text class="title" x="16" y="24">WebAssembly on ${escape(machine)}: longer is faster</text>`,
    `<text class="note" x="16" y="44">GPT-2's architecture, dim 512, depth 8, vocabulary 32,000; in turns, medians</text>`,
    ...body,
    "</svg>",
    "",
  ].join("\n");
}

/** Each engine once, in the host where it is fastest, the fastest first. */
function fastest(figures: readonly Figure[]): Figure[] {
  const sorted = figures.toSorted((a, b) => b.rate - a.rate);
  return sorted.filter(({ engine }, i) => sorted.findIndex((other) => other.engine === engine) === i);
}

function bar({ engine, host, rate }: Figure, y: number, length: number): string {
  const color = engine === "andromeda" ? "#0969da" : "#afb8c1";
  return [
    `<text x="${LABELS - 8}" y="${y + 14}" text-anchor="end">${NAMES[engine]} (${host})</text>`,
    `<rect x="${LABELS}" y="${y + 3}" width="${length.toFixed(1)}" height="${ROW - 6}" rx="3" fill="${color}"/>`,
    `<text x="${(LABELS + length + 6).toFixed(1)}" y="${y + 14}">${rate.toFixed(rate < 10 ? 1 : 0)}</text>`,
  ].join("");
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
