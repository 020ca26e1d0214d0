/**
 * The cost of 64-bit addresses: the inner loops of a row's product and of many rows', the same text assembled once for
 * a memory of 32-bit addresses and once for one of 64, whose weights lie beyond 4 GiB. V8 guards 32-bit accesses by
 * address space alone; 64-bit ones it may have to compare with the memory's size.
 *
 *     deno task bench memory64 [--rounds 15]
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import binaryen from "npm:binaryen@131.0.0-nightly.20260721";
import { type Case, medianRatio, medianTime, timeInTurns, writeReport } from "../support/report.ts";

type Index = "i32" | "i64";

const PAGE = 65536;
/** Bytes of a row's weights: beyond any cache. */
const ROW_BYTES = 256 << 20;
/** Features of a tile: its 4 rows and 8 columns stay in the nearest cache. */
const DEPTH = 512;
const TILES = 4000;
/** Multiplies and adds of all tiles. */
const TILE_OPERATIONS = TILES * DEPTH * 4 * 8 * 2;
/** Where the weights lie. */
const WEIGHTS: { readonly [index in Index]: number } = { i32: 2 ** 30, i64: 4.5 * 2 ** 30 };

const [indices, registers] = [["i32", "i64"] as const, [0, 1, 2, 3, 4, 5, 6, 7]];
const sums = registers.map((i) => `(local $s${i} v128)`).join(" ");
const total = registers.slice(1).reduce((sum, i) => `(f32x4.add ${sum} (local.get $s${i}))`, "(local.get $s0)");

/** `$name = $name + bytes`. */
function step(index: Index, name: string, bytes: number): string {
  return `(local.set ${name} (${index}.add (local.get ${name}) (${index}.const ${bytes})))`;
}

/** 32 sums in 8 registers over an f32 panel [features][32]: `assembly/kernels/linear/linear_row.ts`. */
function rowLoop(index: Index): string {
  const products = registers.map((i) =>
    `(local.set $s${i} (f32x4.relaxed_madd (v128.load offset=${
      16 * i
    } (local.get $w)) (local.get $x) (local.get $s${i})))`
  );
  return `(func (export "row") (param $from ${index}) (param $w ${index}) (param $end ${index}) (result f32)
    (local $x v128) ${sums}
    (loop $each
      (local.set $x (v128.load32_splat (local.get $from)))
      ${products.join("\n")}
      ${step(index, "$from", 4)}
      ${step(index, "$w", 128)}
      (br_if $each (${index}.lt_u (local.get $w) (local.get $end))))
    (f32x4.extract_lane 0 ${total}))`;
}

/** 4 rows [features][4] by 8 columns [features][8]: `assembly/kernels/linear/linear_tile.ts`. */
function tileLoop(index: Index): string {
  const spread = (row: number) =>
    `(i8x16.shuffle ${
      Array.from({ length: 16 }, (_, i) => row * 4 + i % 4).join(" ")
    } (local.get $rows) (local.get $rows))`;
  const products = [0, 1, 2, 3].map((row) =>
    `(local.set $x ${spread(row)})` + ["$left", "$right"].map((columns, half) => {
      const sum = `$s${row * 2 + half}`;
      return `(local.set ${sum} (f32x4.relaxed_madd (local.get ${columns}) (local.get $x) (local.get ${sum})))`;
    }).join("\n")
  );
  return `(func (export "tile") (param $from ${index}) (param $w ${index}) (param $end ${index}) (result f32)
    (local $x v128) (local $rows v128) (local $left v128) (local $right v128) ${sums}
    (loop $each
      (local.set $rows (v128.load (local.get $from)))
      (local.set $left (v128.load (local.get $w)))
      (local.set $right (v128.load offset=16 (local.get $w)))
      ${products.join("\n")}
      ${step(index, "$from", 16)}
      ${step(index, "$w", 32)}
      (br_if $each (${index}.lt_u (local.get $w) (local.get $end))))
    (f32x4.extract_lane 0 ${total}))`;
}

/** The loops over a memory of their own, as cases to time. */
async function assemble(index: Index): Promise<Case[]> {
  const weights = WEIGHTS[index];
  const pages = (weights + ROW_BYTES) / PAGE;
  const memoryType = index === "i64" ? "i64 " : "";
  const module = binaryen.parseText(
    `(module (memory (export "memory") ${memoryType}${pages}) ${rowLoop(index)} ${tileLoop(index)})`,
  );
  module.setFeatures(binaryen.Features.All);
  const { instance } = await WebAssembly.instantiate(new Uint8Array(module.emitBinary()));
  module.dispose();
  const { memory, row, tile } = instance.exports;
  if (!(memory instanceof WebAssembly.Memory) || typeof row !== "function" || typeof tile !== "function") {
    throw new Error("Cannot find the loops");
  }
  // Memory that was never written is one page of zeros to the host, which its cache holds.
  new Float32Array(memory.buffer, weights, ROW_BYTES / 4).fill(0.5);
  const address = index === "i64" ? BigInt : Number;
  const tileEnd = address(weights + DEPTH * 32);
  return [
    { name: `row ${index}`, run: () => void row(address(0), address(weights), address(weights + ROW_BYTES)) },
    {
      name: `tile ${index}`,
      run: () => {
        for (let i = 0; i < TILES; i++) tile(address(0), address(weights), tileEnd);
      },
    },
  ];
}

const { rounds } = parseArgs(Deno.args, { string: ["rounds"], default: { rounds: "15" } });
const timings = await timeInTurns((await Promise.all(indices.map(assemble))).flat(), Number(rounds), 3);
const figures = indices.map((index) => ({
  addresses: index,
  gigabytesPerSecond: ROW_BYTES / 1e6 / medianTime(timings, `row ${index}`),
  gigaflops: TILE_OPERATIONS / 1e6 / medianTime(timings, `tile ${index}`),
  rowOf32: medianRatio(timings, "row i32", `row ${index}`),
  tileOf32: medianRatio(timings, "tile i32", `tile ${index}`),
}));
for (const { addresses, gigabytesPerSecond, gigaflops, rowOf32, tileOf32 } of figures) {
  console.log(
    `${addresses}: one row ${gigabytesPerSecond.toFixed(1)} GB/s (${(rowOf32 * 100).toFixed(0)} % of i32), ` +
      `a tile ${gigaflops.toFixed(1)} GFLOP/s (${(tileOf32 * 100).toFixed(0)} %)`,
  );
}
await writeReport("memory64", figures);
