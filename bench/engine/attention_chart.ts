/**
 * Attention of one token as a picture: for each shape, time against context, a line for each format of the cache, and
 * dotted what reading as many bytes takes.
 *
 * @module
 */

import type { CacheFormat } from "../../backend/memory.ts";
import type { Figure } from "./attention_figure.ts";

/** Size of a panel's plot, and where it lies in its panel. */
const PLOT = { width: 270, height: 210, left: 62, top: 44 };
const PANEL = { width: 372, height: 310 };
const HEADER = 56;
/** From one label to the next where lines end beside each other. */
const LABEL_HEIGHT = 14;

const COLORS: Readonly<Record<CacheFormat, string>> = { f32: "#0969da", f16: "#1a7f37", q8_0: "#bc4c00" };
const STYLE = "text{font:13px system-ui,sans-serif;fill:#1f2328}.title{font-weight:600}" +
  ".note{fill:#59636e;font-size:12px}polyline{fill:none;stroke-width:2}";

/** The chart as SVG, two panels to a row, on a background of its own so that it can be read on any page. */
export function decodeChart(figures: readonly Figure[], machine: string): string {
  const panels = Object.values(Object.groupBy(figures.filter(({ what }) => what === "decode"), nameOf));
  const width = 2 * PANEL.width + 16;
  const height = HEADER + Math.ceil(panels.length / 2) * PANEL.height;
  const body = panels.flatMap((panel = [], i) => {
    const [x, y] = [(i % 2) * PANEL.width, HEADER + Math.floor(i / 2) * PANEL.height];
    return [`<g transform="translate(${x} ${y})">`, ...drawPanel(panel), "</g>"];
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" ` +
    `role="img" aria-label="Time of attention per token against the context, by the format of the cache">`,
    `<style>${STYLE}</style>`,
    `<rect width="100%" height="100%" rx="8" fill="#ffffff"/>`,
    `<text class="title" x="16" y="24">Attention of one token and one layer: milliseconds by context</text>`,
    `<text class="note" x="16" y="44">${escape(machine)}, one thread; dotted: reading the keys and values once</text>`,
    ...body,
    "</svg>",
    "",
  ].join("\n");
}

function nameOf({ heads, kvHeads, dim }: Pick<Figure, "heads" | "kvHeads" | "dim">): string {
  return `${heads} heads of ${dim}, ${kvHeads} of keys`;
}

/** Axes from zero, and two lines for each format. */
function drawPanel(figures: readonly Figure[]): string[] {
  const longest = Math.max(...figures.map(({ tokens }) => tokens));
  const slowest = Math.max(...figures.map(({ milliseconds }) => milliseconds));
  const x = (tokens: number) => (PLOT.left + PLOT.width * tokens / longest).toFixed(1);
  const y = (time: number) => (PLOT.top + PLOT.height * (1 - time / slowest)).toFixed(1);
  const slowestFirst = figures.filter(({ tokens }) => tokens === longest).toSorted((a, b) =>
    b.milliseconds - a.milliseconds
  );
  let above = -Infinity;
  const lines = slowestFirst.flatMap(({ format, milliseconds }) => {
    const line = figures.filter((figure) => figure.format === format);
    const color = COLORS[format];
    const label = above = Math.max(+y(milliseconds) + 4, above + LABEL_HEIGHT);
    const points = (time: (figure: Figure) => number) =>
      line.map((figure) => `${x(figure.tokens)},${y(time(figure))}`).join(" ");
    return [
      `<polyline stroke="${color}" points="${points(({ milliseconds }) => milliseconds)}"/>`,
      `<polyline stroke="${color}" stroke-dasharray="2 4" points="${points(readingTime)}"/>`,
      `<text x="${PLOT.left + PLOT.width + 6}" y="${label}" style="fill:${color}">${format}</text>`,
    ];
  });
  const [left, right, bottom] = [PLOT.left, PLOT.left + PLOT.width, PLOT.top + PLOT.height];
  const contexts = [...new Set(figures.map(({ tokens }) => tokens))].filter((tokens) => tokens >= longest / 4);
  return [
    `<text class="title" x="16" y="24">${nameOf(figures[0] ?? { heads: 0, kvHeads: 0, dim: 0 })}</text>`,
    `<path d="M${left} ${PLOT.top}V${bottom}H${right}" fill="none" stroke="#d1d9e0"/>`,
    ...[0, 0.5, 1].map((share) =>
      `<text class="note" x="${left - 6}" y="${+y(share * slowest) + 4}" text-anchor="end">${
        (share * slowest).toPrecision(2)
      }</text>`
    ),
    ...contexts.map((tokens) =>
      `<text class="note" x="${x(tokens)}" y="${bottom + 18}" text-anchor="middle">${
        tokens.toLocaleString("en")
      }</text>`
    ),
    ...lines,
  ];
}

/** Milliseconds that reading as many bytes took. */
function readingTime({ milliseconds, ofReading }: Figure): number {
  return milliseconds * ofReading;
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
