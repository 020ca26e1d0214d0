/**
 * Tries the shapes that a product's inner loop may have, and writes what each reached to `linear_shapes.md`: tiles of
 * sums for many rows, cache blocks, and for one row panels of columns and ways to widen f16. The kernels in
 * `assembly/kernels/` are the best of these.
 *
 *     deno run -A bench/products/linear_shapes.ts
 *
 * @module
 */

import { compile } from "../../assembly/build.ts";
import { type Limits, measureLimits } from "../engine/limits.ts";
import { type Case, origin, timeInTurns } from "../support/report.ts";

/** A tile of sums: so many rows by so many columns, x spread by shuffles of one load or by a load each. */
interface Tile {
  readonly rows: number;
  readonly columns: number;
  readonly spread: "shuffle" | "load";
  /** Steps of the loop written out. */
  readonly unroll: number;
  /**
   * Columns from one feature of the weight to the next: those of the tile, or of a wider panel that it is a part of.
   */
  readonly panel: number;
}

/** One row by panels of columns, so many features at a time in sums of their own. */
interface Panel {
  readonly columns: number;
  readonly features: number;
}

/** How one row widens the halves of a panel of 32 columns in f16. */
interface Widening {
  readonly name: string;
  /** Features of a step. */
  readonly features: number;
  /** The two vectors of 4 columns that 16 bytes at `at` hold, which are in `p`. */
  readonly halves: (at: number) => readonly [string, string];
}

const masked = (bits: string) => `v128.and(${bits}, mask)`;
const lowByProduct = masked("i32x4.dot_i16x8_s(p, low)");
const highByShift = masked("i32x4.shr_s(p, 3)");

const WIDENINGS: readonly Widening[] = [
  {
    name: "loads of 8 bytes that extend, then shifts",
    features: 1,
    halves: (at) =>
      [0, 8].map((more) => masked(`i32x4.shl(v128.load_ext<i16>(w, ${at + more}), 13)`)) as [string, string],
  },
  {
    name: "loads of 16, low halves by two shifts, high ones by one",
    features: 1,
    halves: () => [masked("i32x4.shr_s(i32x4.shl(p, 16), 3)"), highByShift],
  },
  {
    name: "loads of 16, halves by products",
    features: 1,
    halves: () => [lowByProduct, masked("i32x4.dot_i16x8_s(p, high)")],
  },
  {
    name: "loads of 16, low halves by a product, high ones by a shift",
    features: 1,
    halves: () => [lowByProduct, highByShift],
  },
  {
    name: "the same, 2 features a step",
    features: 2,
    halves: () => [lowByProduct, highByShift],
  },
];

const TILES: readonly Tile[] = [
  { rows: 4, columns: 8, spread: "shuffle", unroll: 1, panel: 8 },
  { rows: 4, columns: 8, spread: "load", unroll: 1, panel: 8 },
  { rows: 4, columns: 8, spread: "shuffle", unroll: 2, panel: 8 },
  { rows: 4, columns: 8, spread: "shuffle", unroll: 1, panel: 16 },
  { rows: 4, columns: 8, spread: "shuffle", unroll: 1, panel: 32 },
  { rows: 4, columns: 12, spread: "shuffle", unroll: 1, panel: 12 },
  { rows: 2, columns: 16, spread: "load", unroll: 1, panel: 16 },
  { rows: 5, columns: 8, spread: "load", unroll: 1, panel: 8 },
  { rows: 6, columns: 8, spread: "load", unroll: 1, panel: 8 },
  { rows: 8, columns: 4, spread: "shuffle", unroll: 1, panel: 4 },
  { rows: 8, columns: 8, spread: "shuffle", unroll: 1, panel: 8 },
];
const PANELS: readonly Panel[] = [
  { columns: 8, features: 1 },
  { columns: 8, features: 4 },
  { columns: 16, features: 1 },
  { columns: 16, features: 2 },
  { columns: 32, features: 1 },
  { columns: 64, features: 1 },
];
/** Rows and depth of a block of x. */
const BLOCKS = [[64, 256], [128, 256], [256, 256], [128, 512], [256, 512], [128, 1024]] as const;

const [ROWS, SIZE, OUT] = [240, 2560, 320];
/** Columns of the weight that one row is multiplied by: more than any cache holds. */
const LONG_OUT = 9600;
const SOURCE = "bench/kernels/linear_shapes.ts";

const range = (count: number) => Array.from({ length: count }, (_, i) => i);

/** The name of a tile in the table and, as letters and digits, in the code. */
function tileName({ rows, columns, spread, unroll, panel }: Tile): string {
  const notes = [panel === columns ? "" : `in panels of ${panel}`, unroll === 1 ? "" : `unrolled ${unroll} times`];
  return [`${rows} × ${columns}, x by ${spread}`, ...notes].filter((note) => note !== "").join(", ");
}

/**
 * AssemblyScript of a product [rows, size] by [out / panel][size][panel] in blocks, x packed as [rows /
 * tile][depth][tile].
 */
function tileSource(tile: Tile, index: number): string {
  const { rows, columns, spread, unroll, panel } = tile;
  const vectors = range(columns / 4);
  const step = (at: number) =>
    `{
      ${
      spread === "shuffle"
        ? range(rows / 4).map((v) => `const x${v} = v128.load(x, ${(at * rows + v * 4) * 4});`).join(" ")
        : ""
    }
      ${vectors.map((v) => `const w${v} = v128.load(w, ${(at * panel + v * 4) * 4});`).join(" ")}
      ${
      range(rows).map((r) => {
        const lane = [r % 4, r % 4, r % 4, r % 4].join(", ");
        const value = spread === "load"
          ? `v128.load32_splat(x, ${(at * rows + r) * 4})`
          : `v128.shuffle<f32>(x${r >> 2}, x${r >> 2}, ${lane})`;
        return `const s${r} = ${value}; ` +
          vectors.map((v) => `c${r}_${v} = madd(s${r}, w${v}, c${r}_${v});`).join(" ");
      }).join("\n      ")
    }
    }`;
  const sums = range(rows).flatMap((r) =>
    vectors.map((v) => ({ name: `c${r}_${v}`, address: `c + ${r} * stride, ${v * 16}` }))
  );
  return `
function tile${index}(x: usize, w: usize, c: usize, depth: i32, stride: usize): void {
  ${sums.map(({ name, address }) => `let ${name} = v128.load(${address});`).join("\n  ")}
  for (const end = x + depth * ${rows * 4}; x < end; x += ${rows * unroll * 4}, w += ${panel * unroll * 4}) {
    ${range(unroll).map(step).join("\n    ")}
  }
  ${sums.map(({ name, address }) => `v128.store(${address.replace(",", `, ${name},`)});`).join("\n  ")}
}
export function product${index}(x: usize, w: usize, c: usize, packed: usize, blockRows: i32, blockDepth: i32): void {
  for (let row = 0; row < ${ROWS}; row += blockRows) {
    for (let k = 0; k < ${SIZE}; k += blockDepth) {
      const rows = min(blockRows, ${ROWS} - row), depth = min(blockDepth, ${SIZE} - k);
      pack(x + (row * ${SIZE} + k << 2), packed, rows, depth, ${rows});
      for (let column = 0; column < ${OUT}; column += ${columns}) {
        const at = w + ((column / ${panel} * ${SIZE} + k) * ${panel} + column % ${panel} << 2);
        for (let r = 0; r < rows; r += ${rows}) {
          tile${index}(packed + (r * depth << 2), at, c + ((row + r) * ${OUT} + column << 2), depth, ${OUT * 4});
        }
      }
    }
  }
}`;
}

/** AssemblyScript of one row by panels. */
function panelSource({ columns, features }: Panel): string {
  const sums = range(features).flatMap((f) => range(columns / 4).map((v) => ({ f, v, name: `c${f}_${v}` })));
  const total = (v: number) =>
    range(features).map((f) => `c${f}_${v}`).reduce((sum, term) => `f32x4.add(${sum}, ${term})`);
  return `
export function row${columns}x${features}(x: usize, w: usize, c: usize): void {
  for (let column = 0; column < ${LONG_OUT}; column += ${columns}) {
    ${sums.map(({ name }) => `let ${name} = f32x4.splat(0);`).join(" ")}
    for (let from = x, end = x + ${SIZE * 4}; from < end; from += ${features * 4}, w += ${columns * features * 4}) {
      ${range(features).map((f) => `const x${f} = v128.load32_splat(from, ${f * 4});`).join(" ")}
      ${
    sums.map(({ f, v, name }) => `${name} = madd(v128.load(w, ${(f * columns + v * 4) * 4}), x${f}, ${name});`).join(
      "\n      ",
    )
  }
    }
    ${range(columns / 4).map((v) => `v128.store(c + (column << 2), ${total(v)}, ${v * 16});`).join(" ")}
  }
}`;
}

/** AssemblyScript of one row by panels in f16. */
function wideningSource({ features, halves }: Widening, index: number): string {
  const sums = range(8).map((v) => `c${v}`);
  const step = (f: number) =>
    range(4).map((v) => {
      const at = 64 * f + 16 * v;
      const [first, second] = halves(at);
      return `p = v128.load(w, ${at}); c${2 * v} = madd(${first}, x${f}, c${2 * v}); ` +
        `c${2 * v + 1} = madd(${second}, x${f}, c${2 * v + 1});`;
    }).join("\n      ");
  return `
export function halves${index}(x: usize, w: usize, c: usize): void {
  const mask = v128.load32_splat(BITS), low = v128.load32_splat(BITS, 4), high = v128.load32_splat(BITS, 8);
  for (let column = 0; column < ${LONG_OUT}; column += 32) {
    ${sums.map((name) => `let ${name} = f32x4.splat(0);`).join(" ")}
    for (let from = x, end = x + ${SIZE * 4}; from < end; from += ${features * 4}, w += ${64 * features}) {
      ${range(features).map((f) => `const x${f} = v128.load32_splat(from, ${4 * f});`).join(" ")}
      let p: v128;
      ${range(features).map(step).join("\n      ")}
    }
    ${sums.map((name, v) => `v128.store(c + (column << 2), ${name}, ${16 * v});`).join(" ")}
  }
}`;
}

const COMMON = `const BITS = memory.data<u32>([0x8fffe000, 0x00002000, 0x20000000]);
import { madd } from "../../assembly/kernels/common/simd";
function pack(x: usize, to: usize, rows: i32, depth: i32, tile: i32): void {
  for (let r = 0; r < rows; r += tile) {
    for (let k = 0; k < depth; k++) {
      for (let i = 0; i < tile; i++, to += 4) store<f32>(to, load<f32>(x + ((r + i) * ${SIZE} + k << 2)));
    }
  }
}
`;

/** Calls the compiled variants, over memory that is laid out for them. */
async function variants() {
  const code = COMMON + TILES.map(tileSource).join("\n") + PANELS.map(panelSource).join("\n") +
    WIDENINGS.map(wideningSource).join("\n");
  const wasm = await compile(SOURCE, "relaxed-simd", new Map([[SOURCE, code]]));
  const memory = new WebAssembly.Memory({ initial: 2048 });
  const { instance } = await WebAssembly.instantiate(new Uint8Array(wasm), { env: { memory } });
  const values = new Float32Array(memory.buffer);
  for (let i = 0; i < values.length; i++) values[i] = Math.sin(i);
  const [x, packed, out, weight] = [1 << 20, 4 << 20, 8 << 20, 16 << 20];
  const call = (name: string, ...args: number[]) => {
    const fn = instance.exports[name];
    if (typeof fn !== "function") throw new Error(`Cannot find ${name} in the compiled variants`);
    fn(x, weight, out, ...args);
  };
  return {
    product: (tile: number, rows: number, depth: number) => call(`product${tile}`, packed, rows, depth),
    row: ({ columns, features }: Panel) => call(`row${columns}x${features}`),
    halves: (widening: number) => call(`halves${widening}`),
  };
}

/** Rows of a table: each case's fastest round beside the fastest of the limit that it takes turns with. */
async function compare(cases: readonly Case[], limit: Case, work: (milliseconds: number, share: number) => string) {
  const timings = await timeInTurns([...cases, limit], 40);
  const fastest = (name: string) => Math.min(...timings.get(name) ?? []);
  return cases.map(({ name }) => `| ${name} | ${work(fastest(name), fastest(limit.name) / fastest(name))} |`);
}

async function manyRows(run: Awaited<ReturnType<typeof variants>>, limits: Limits): Promise<string[]> {
  const operations = 2 * ROWS * SIZE * OUT;
  let done = 0;
  const peak = { name: "peak", run: () => void (done = limits.multiplyAdd()) };
  const figure = (milliseconds: number, share: number) =>
    `${(operations / milliseconds / 1e6).toFixed(1)} | ${(100 * share * operations / done).toFixed(0)} %`;
  const tiles = TILES.map((tile, i) => ({ name: tileName(tile), run: () => run.product(i, 120, 512) }));
  const blocks = BLOCKS.map(([rows, depth]) => ({
    name: `${rows} rows, ${depth} deep`,
    run: () => run.product(0, rows, depth),
  }));
  return [
    `## Many rows: ${ROWS} × ${SIZE} × ${OUT}\n\n| tile, blocks of 120 rows, 512 deep | GFLOP/s | of the peak |\n| --- | --- | --- |`,
    ...await compare(tiles, peak, figure),
    `\n| blocks, tile of ${tileName(TILES[0] ?? raise("a tile"))} | GFLOP/s | of the peak |\n| --- | --- | --- |`,
    ...await compare(blocks, peak, figure),
  ];
}

async function oneRow(run: Awaited<ReturnType<typeof variants>>, limits: Limits): Promise<string[]> {
  const bytes = SIZE * LONG_OUT * 4;
  let done = 0;
  const read = { name: "read", run: () => void (done = limits.read(bytes)) };
  const cases = PANELS.map((panel) => ({
    name: `${panel.columns} columns, ${panel.features} features at a time`,
    run: () => run.row(panel),
  }));
  return [
    `\n## One row: ${SIZE} × ${LONG_OUT}\n\n| panel | GB/s | of reading as much |\n| --- | --- | --- |`,
    ...await compare(
      cases,
      read,
      (milliseconds, share) =>
        `${(bytes / milliseconds / 1e6).toFixed(1)} | ${(100 * share * bytes / done).toFixed(0)} %`,
    ),
  ];
}

async function oneRowOfHalves(run: Awaited<ReturnType<typeof variants>>, limits: Limits): Promise<string[]> {
  const bytes = SIZE * LONG_OUT * 2;
  let done = 0;
  const read = { name: "read", run: () => void (done = limits.read(bytes)) };
  const cases = WIDENINGS.map(({ name }, i) => ({ name, run: () => run.halves(i) }));
  return [
    `\n## One row in f16: ${SIZE} × ${LONG_OUT}\n\n| panel of 32 columns | GB/s | of reading as much |\n| --- | --- | --- |`,
    ...await compare(
      cases,
      read,
      (milliseconds, share) =>
        `${(bytes / milliseconds / 1e6).toFixed(1)} | ${(100 * share * bytes / done).toFixed(0)} %`,
    ),
  ];
}

function raise(what: string): never {
  throw new Error(`Cannot go on without ${what}`);
}

if (import.meta.main) {
  const [run, limits] = [await variants(), await measureLimits("relaxed-simd")];
  const { machine, runtime, date } = await origin("linear_shapes");
  const text = [
    "# Shapes of the products' inner loops",
    `\nMeasured by \`deno run -A bench/products/linear_shapes.ts\` on ${machine}; ${runtime}; ${date}. f32, relaxed SIMD, one thread, the fastest of 40 rounds.\n`,
    ...await manyRows(run, limits),
    ...await oneRow(run, limits),
    ...await oneRowOfHalves(run, limits),
  ].join("\n");
  console.log(text);
  await Deno.writeTextFile(new URL("linear_shapes.md", import.meta.url), text + "\n");
}
