/**
 * Tries the inner loops that products with q8_0 and q4_0 weights may have, and writes what each reached to
 * `quantized_shapes.md`: one row by panels of columns, and tiles of unpacked integers for many rows. The kernels in
 * `assembly/kernels/` are the best of those that keep 16 bits of the input. Speed alone is measured, the values are
 * arbitrary.
 *
 *     deno run -A bench/products/quantized_shapes.ts
 *
 * @module
 */

import { compile } from "../../assembly/build.ts";
import { origin, timeInTurns } from "../support/report.ts";

/** A loop for one row over a panel: AssemblyScript of what a step does with 16 bytes of weights of 4 columns. */
interface Loop {
  readonly format: "q8_0" | "q4_0";
  readonly name: string;
  /** Bits of a quantized input. */
  readonly input: number;
  /** Vectors of 4 columns in a panel. */
  readonly vectors: number;
  /** Values that a step spreads over all lanes, each of 4 bytes of input. */
  readonly inputs: readonly string[];
  /** The sum `d` after a step with weights at `w`. */
  readonly sum: (load: string) => string;
  /** A second sum `t` after the step, of 16 bits like the first and 256 times as much. */
  readonly second?: (load: string) => string;
  /** Words of each column in a step, default 1. */
  readonly words?: number;
  /** Turns the sums `d` into 32-bit ones at the end of a block, where they are not. */
  readonly widen?: (sum: string) => string;
}

const add = (...terms: readonly string[]) => terms.reduce((sum, term) => `i32x4.add(${sum}, ${term})`);
const dot = (weights: string, inputs: string) => `i32x4.dot_i16x8_s(${weights}, ${inputs})`;
const relaxed = (signed: string, low: string) => `i16x8.relaxed_dot_i8x16_i7x16_s(${signed}, ${low})`;
const vector = (load: string) => `v128.load(${load})`;

const BYTES = (load: string) =>
  add("d", dot(`v128.and(${vector(load)}, low)`, "a"), dot(`i16x8.shr_s(${vector(load)}, 8)`, "b"));
const NIBBLES = (load: string) =>
  add(
    "d",
    dot(`v128.and(${vector(load)}, lowest)`, "a"),
    dot(`v128.and(i16x8.shr_u(${vector(load)}, 4), lowest)`, "b"),
    dot(`v128.and(i16x8.shr_u(${vector(load)}, 8), lowest)`, "c"),
    dot(`i16x8.shr_u(${vector(load)}, 12)`, "e"),
  );
/**
 * The upper nibble of a byte is multiplied together with the lower one; the lower one's factor takes that off: 16 a -
 * b.
 */
const OVERLAID = (load: string) =>
  add(
    "d",
    dot(`v128.and(${vector(load)}, lowest)`, "a"),
    dot(`v128.and(${vector(load)}, low)`, "b"),
    dot(`v128.and(i16x8.shr_u(${vector(load)}, 8), lowest)`, "c"),
    dot(`i16x8.shr_u(${vector(load)}, 8)`, "e"),
  );
/** Sums of 16 bits hold 8 products of a nibble and an 8-bit input. */
const SHORT = (load: string) =>
  `i16x8.add(i16x8.add(d, ${relaxed("a", `v128.and(${vector(load)}, nibbles)`)}), ` +
  `${relaxed("b", `v128.and(i16x8.shr_u(${vector(load)}, 4), nibbles)`)})`;

const LOOPS: readonly Loop[] = [
  { format: "q8_0", name: "mask and shift", input: 16, vectors: 4, inputs: ["a", "b"], sum: BYTES },
  { format: "q8_0", name: "mask and shift", input: 16, vectors: 2, inputs: ["a", "b"], sum: BYTES },
  {
    format: "q8_0",
    name: "mask and shift, 2 words a step",
    input: 16,
    vectors: 4,
    words: 2,
    inputs: ["a", "b"],
    sum: BYTES,
  },
  {
    format: "q8_0",
    name: "mask and shift, 8 words a step",
    input: 16,
    vectors: 4,
    words: 8,
    inputs: ["a", "b"],
    sum: BYTES,
  },
  {
    format: "q8_0",
    name: "extending loads",
    input: 16,
    vectors: 4,
    inputs: ["a", "b"],
    sum: (load) => add("d", dot(`v128.load_ext<i8>(${load})`, "a"), dot(`v128.load_ext<i8>(${load} + 8)`, "b")),
  },
  {
    format: "q8_0",
    name: "mask, high bytes overlaid",
    input: 8,
    vectors: 4,
    inputs: ["a", "b"],
    sum: (load) => add("d", dot(`v128.and(${vector(load)}, low)`, "a"), dot(vector(load), "b")),
  },
  {
    format: "q8_0",
    name: "relaxed dot of the magnitudes of x, signs on the weights",
    input: 8,
    vectors: 4,
    inputs: ["a", "b"],
    sum: (load) => add("d", dot(relaxed(`i8x16.sub(v128.xor(${vector(load)}, b), b)`, "a"), "ones")),
  },
  { format: "q4_0", name: "masks and shifts", input: 16, vectors: 4, inputs: ["a", "b", "c", "e"], sum: NIBBLES },
  { format: "q4_0", name: "masks and shifts", input: 16, vectors: 2, inputs: ["a", "b", "c", "e"], sum: NIBBLES },
  {
    format: "q4_0",
    name: "masks and shifts, 2 words a step",
    input: 16,
    vectors: 4,
    words: 2,
    inputs: ["a", "b", "c", "e"],
    sum: NIBBLES,
  },
  {
    format: "q4_0",
    name: "masks, upper nibbles overlaid",
    input: 12,
    vectors: 4,
    inputs: ["a", "b", "c", "e"],
    sum: OVERLAID,
  },
  {
    format: "q4_0",
    name: "relaxed dots of two signed bytes, 16-bit sums",
    input: 16,
    vectors: 4,
    inputs: ["a", "b", "c", "e"],
    sum: (load) => SHORT(load),
    second: (load) => SHORT(load).replaceAll(/\bd\b/g, "t").replaceAll(/\ba\b/g, "c").replaceAll(/\bb\b/g, "e"),
    widen: (sum) => add(dot(sum, "ones"), dot(sum.replace("d", "t"), "ones")),
  },
  {
    format: "q4_0",
    name: "relaxed dots of two signed bytes, 16-bit sums, 2 words a step",
    input: 16,
    vectors: 4,
    words: 2,
    inputs: ["a", "b", "c", "e"],
    sum: (load) => SHORT(load),
    second: (load) => SHORT(load).replaceAll(/\bd\b/g, "t").replaceAll(/\ba\b/g, "c").replaceAll(/\bb\b/g, "e"),
    widen: (sum) => add(dot(sum, "ones"), dot(sum.replace("d", "t"), "ones")),
  },
  {
    format: "q4_0",
    name: "relaxed dot, 16-bit sums",
    input: 8,
    vectors: 4,
    inputs: ["a", "b"],
    sum: SHORT,
    widen: (sum) => dot(sum, "ones"),
  },
];

/** A tile for many rows over weights unpacked to 16 bits: x spread by shuffles of one load, or by a load each. */
interface Tile {
  readonly rows: number;
  readonly columns: number;
  readonly spread: "shuffle" | "load";
}

const TILES: readonly Tile[] = [
  { rows: 4, columns: 8, spread: "shuffle" },
  { rows: 4, columns: 8, spread: "load" },
  { rows: 6, columns: 8, spread: "load" },
  { rows: 2, columns: 16, spread: "load" },
  { rows: 3, columns: 16, spread: "load" },
  { rows: 4, columns: 12, spread: "shuffle" },
];

const SIZE = 2560;
/** Columns that one row is multiplied by in a call: few, so that a call is over before the host runs something else. */
const OUT = 768;
/** Calls go on through this much memory, more than any cache holds, and then begin anew. */
const FAR_BYTES = 400 << 20;
/** Rows, columns and depth of what a tile passes over. */
const [ROWS, COLUMNS, DEPTH] = [240, 48, 512];
const SOURCE = "bench/kernels/quantized_shapes.ts";
const range = (count: number) => Array.from({ length: count }, (_, i) => i);

function loopSource(loop: Loop, index: number): string {
  const { format, vectors, inputs, sum, second, words = 1, widen = (each) => each } = loop;
  const each = range(vectors), step = range(words);
  const steps = format === "q8_0" ? 8 : 4;
  /** Code of a vector and a word of the step: its sums and inputs. */
  const named = (code: string, v: number, word: number) =>
    code.replaceAll(/\b([dt])\b/g, `$1${v}`).replaceAll(/\b([abce])\b/g, `$1${word}`);
  const at = (v: number, word: number) => `w + ${16 * (v + vectors * word)}`;
  const sums = (v: number, word: number) =>
    `d${v} = ${named(sum(at(v, word)), v, word)};` + (second ? ` t${v} = ${named(second(at(v, word)), v, word)};` : "");
  return `
export function row${index}(x: usize, w: usize, out: usize): void {
  const low = constant(0), lowest = constant(4), nibbles = constant(8), ones = constant(12);
  for (let column = 0; column < ${OUT}; column += ${4 * vectors}) {
    ${each.map((v) => `let s${v} = f32x4.splat(0);`).join(" ")}
    let from = x;
    for (let block = 0; block < ${SIZE / 32}; block++, w += ${8 * vectors}) {
      const bias = v128.load32_splat(from);
      ${each.map((v) => `let d${v} = bias${second ? `, t${v} = bias` : ""};`).join(" ")}
      for (const end = from + ${4 * inputs.length * steps}; from < end; from += ${4 * inputs.length * words}, w += ${
    16 * vectors * words
  }) {
        ${
    step.map((word) =>
      inputs.map((name, i) => `const ${name}${word} = v128.load32_splat(from, ${4 * (i + inputs.length * word)});`)
        .join(" ")
    ).join("\n        ")
  }
        ${step.map((word) => each.map((v) => sums(v, word)).join("\n        ")).join("\n        ")}
      }
      const scale = v128.load32_splat(x);
      ${
    each.map((v) =>
      `s${v} = madd(f32x4.mul(f32x4.convert_i32x4_s(${widen(`d${v}`)}), ` +
      `finiteHalvesToFloats(v128.load_ext<i16>(w, ${8 * v}))), scale, s${v});`
    ).join("\n      ")
  }
    }
    ${each.map((v) => `v128.store(out + (column << 2), s${v}, ${16 * v});`).join(" ")}
  }
}`;
}

function tileSource({ rows, columns, spread }: Tile, index: number): string {
  const vectors = range(columns / 4);
  const sums = range(rows).flatMap((r) => vectors.map((v) => ({ r, v, name: `d${r}_${v}` })));
  const spreadRow = (r: number) =>
    spread === "load"
      ? `v128.load32_splat(x, ${4 * r})`
      : `v128.shuffle<i32>(all, all, ${[r, r, r, r].map((lane) => lane % 4).join(", ")})`;
  return `
function tile${index}(x: usize, w: usize, out: usize): void {
  for (let block = 0; block < ${DEPTH / 32}; block++) {
    ${sums.map(({ name }) => `let ${name} = i32x4.splat(0);`).join(" ")}
    for (const end = x + ${64 * rows}; x < end; x += ${4 * rows}, w += ${4 * columns}) {
      ${vectors.map((v) => `const w${v} = v128.load(w, ${16 * v});`).join(" ")}
      ${spread === "shuffle" ? "const all = v128.load(x);" : ""}
      ${
    range(rows).map((r) =>
      `const x${r} = ${spreadRow(r)}; ` +
      vectors.map((v) => `d${r}_${v} = ${add(`d${r}_${v}`, dot(`x${r}`, `w${v}`))};`).join(" ")
    ).join("\n      ")
  }
    }
    const scale = v128.load32_splat(x);
    ${
    sums.map(({ r, v, name }) => {
      const at = 4 * r * COLUMNS + 16 * v;
      return `v128.store(out, madd(f32x4.convert_i32x4_s(${name}), scale, v128.load(out, ${at})), ${at});`;
    }).join("\n    ")
  }
  }
}
export function product${index}(x: usize, w: usize, out: usize): void {
  for (let column = 0; column < ${COLUMNS}; column += ${columns}) {
    for (let row = 0; row < ${ROWS}; row += ${rows}) {
      tile${index}(x + row * ${2 * DEPTH}, w + column * ${2 * DEPTH}, out + (row * ${COLUMNS} + column << 2));
    }
  }
}`;
}

const COMMON = `
import { finiteHalvesToFloats } from "../../assembly/kernels/common/half";
import { madd } from "../../assembly/kernels/common/simd";
import { addPanel } from "../../assembly/kernels/formats/f32";
const CONSTANTS = memory.data<i32>([0x00ff00ff, 0x000f000f, 0x0f0f0f0f, 0x00010001]);
// @ts-ignore: decorator
@inline
function constant(offset: usize): v128 { return v128.load32_splat(CONSTANTS + offset); }
export function floats(x: usize, w: usize, out: usize): void {
  for (let column = 0; column < ${OUT}; column += 32, w += ${128 * SIZE}) addPanel(w, x, ${SIZE}, out + (column << 2));
}
`;

/** Gives a function of the compiled loops by name; each call reads the next `bytes` of weights. */
type Find = (name: string, bytes: number) => () => void;

async function compiled(): Promise<Find> {
  const code = COMMON + LOOPS.map(loopSource).join("\n") + TILES.map(tileSource).join("\n");
  const wasm = await compile(SOURCE, "relaxed-simd", new Map([[SOURCE, code]]));
  const memory = new WebAssembly.Memory({ initial: (FAR_BYTES >> 16) + 256 });
  const { instance } = await WebAssembly.instantiate(new Uint8Array(wasm), { env: { memory } });
  // Bytes that are fit for scales, inputs and sums: 0x2c01 is 0.0627 as an f16, 0x2c012c01 small as an f32.
  new Uint32Array(memory.buffer).fill(0x2c012c01, 1 << 18);
  return (name, bytes) => {
    const fn = instance.exports[name];
    if (typeof fn !== "function") throw new Error(`Cannot find ${name} in the compiled loops`);
    let offset = 0;
    return () => {
      fn(1 << 20, (8 << 20) + offset, 4 << 20);
      offset = offset + 2 * bytes > FAR_BYTES ? 0 : offset + bytes;
    };
  };
}

async function oneRow(find: Find): Promise<string[]> {
  const values = SIZE * OUT;
  const cases = LOOPS.map((loop, i) => {
    const name = `row${i}`;
    return { loop, name, run: find(name, values / 32 * (loop.format === "q8_0" ? 34 : 18)) };
  });
  const timings = await timeInTurns([{ name: "f32", run: find("floats", values * 4) }, ...cases], 400);
  const tenth = (name: string) => (timings.get(name) ?? []).toSorted((a, b) => a - b)[40] ?? NaN;
  const gflops = (name: string) => (2 * values / tenth(name) / 1e6).toFixed(1);
  return [
    `## One row: ${SIZE} × ${OUT}, from memory; f32 ${gflops("f32")} GFLOP/s\n`,
    "| format | loop | bits of an input | columns of a panel | GFLOP/s | × f32 |",
    "| --- | --- | --- | --- | --- | --- |",
    ...cases.map(({ loop: { format, name: how, input, vectors }, name }) =>
      `| ${format} | ${how} | ${input} | ${4 * vectors} | ${gflops(name)} | ` +
      `${(tenth("f32") / tenth(name)).toFixed(2)} |`
    ),
  ];
}

async function manyRows(find: Find): Promise<string[]> {
  const cases = TILES.map((tile, i) => ({ tile, name: `product${i}`, run: find(`product${i}`, 0) }));
  const timings = await timeInTurns(cases, 200);
  return [
    "\n## Many rows, weights unpacked to 16 bits\n",
    "| tile | GFLOP/s |",
    "| --- | --- |",
    ...cases.map(({ tile: { rows, columns, spread }, name }) => {
      const fastest = Math.min(...timings.get(name) ?? []);
      return `| ${rows} × ${columns}, x by ${spread} | ${(2 * ROWS * COLUMNS * DEPTH / fastest / 1e6).toFixed(1)} |`;
    }),
  ];
}

if (import.meta.main) {
  const find = await compiled();
  const { machine, runtime, date } = await origin("quantized_shapes");
  const text = [
    "# Inner loops of products with quantized weights",
    `\nMeasured by \`deno run -A bench/products/quantized_shapes.ts\` on ${machine}; ${runtime}; ${date}. Relaxed SIMD, one thread; the fastest tenth of 400 rounds, of many rows the fastest of 200.`,
    "\nInputs of 8 bits put an error of 0.5 % into every sum, of 12 bits 0.03 %, of 16 bits 0.002 %.\n",
    ...await oneRow(find),
    ...await manyRows(find),
  ].join("\n");
  console.log(text);
  await Deno.writeTextFile(new URL("quantized_shapes.md", import.meta.url), text + "\n");
}
