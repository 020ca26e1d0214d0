/** The kernels' exp, log and erf against float64, on a dense grid and at the ends of the range. */

import { assert, assertEquals } from "@std/assert";
import { compile } from "../../assembly/build.ts";
import { erf } from "../../engine/reference/activation.ts";

type Evaluate = (values: Float32Array) => Float32Array;

/** The functions of `kernels/math.ts` as one build compiles them. */
async function functions(build: "simd" | "relaxed-simd"): Promise<Record<"exps" | "logs" | "erfs", Evaluate>> {
  const memory = new WebAssembly.Memory({ initial: 64 });
  const wasm = await compile("tests/wasm/kernels/math.ts", build);
  const { instance } = await WebAssembly.instantiate(new Uint8Array(wasm), { env: { memory } });
  const evaluate = (name: string): Evaluate => (values) => {
    const from = 65536;
    const to = from + Math.ceil(values.length / 4) * 16;
    new Float32Array(memory.buffer).set(values, from / 4);
    (instance.exports[name] as CallableFunction)(from, to, values.length);
    return new Float32Array(memory.buffer, to, values.length).slice();
  };
  return { exps: evaluate("exps"), logs: evaluate("logs"), erfs: evaluate("erfs") };
}

/** `count` floats spread evenly from `low` to `high`. */
function grid(low: number, high: number, count: number): Float32Array {
  return Float32Array.from({ length: count }, (_, i) => low + (high - low) * i / (count - 1));
}

function largestError(values: Float32Array, results: Float32Array, error: (x: number, y: number) => number): number {
  return values.reduce((largest, x, i) => Math.max(largest, error(x, results[i] ?? NaN)), 0);
}

for (const build of ["simd", "relaxed-simd"] as const) {
  Deno.test(`exp (${build})`, async () => {
    const { exps } = await functions(build);
    const values = grid(-87, 88.7, 200_001);
    const error = largestError(values, exps(values), (x, y) => Math.abs(y / Math.exp(x) - 1));
    assert(error < 2e-7, `relative error ${error}`);
    const ends = Float32Array.of(-3.4028234663852886e38, -Infinity, -104, -100, 0, 88.8, Infinity, NaN);
    assertEquals([...exps(ends)], [0, 0, 0, Math.fround(Math.exp(-100)), 1, Infinity, Infinity, NaN]);
  });

  Deno.test(`log (${build})`, async () => {
    const { logs } = await functions(build);
    const values = new Float32Array([
      ...grid(0.5, 2, 100_001),
      ...grid(1e-3, 1e4, 50_001),
      ...grid(1e-41, 1e-37, 10_001),
    ]);
    const error = largestError(
      values,
      logs(values),
      (x, y) => Math.abs(y - Math.log(x)) / Math.max(Math.abs(Math.log(x)), 0.1),
    );
    assert(error < 2e-7, `error ${error}`);
    const ends = Float32Array.of(0, -1, Infinity, NaN, 1, -Infinity, -0, 3.4028234663852886e38);
    const expected = [-Infinity, NaN, Infinity, NaN, 0, NaN, -Infinity, Math.fround(Math.log(3.4028234663852886e38))];
    assertEquals([...logs(ends)], expected);
  });

  Deno.test(`erf (${build})`, async () => {
    const { erfs } = await functions(build);
    const values = grid(-5, 5, 200_001);
    const error = largestError(values, erfs(values), (x, y) => Math.abs(y - erf(x)));
    assert(error < 1.2e-7, `error ${error}`);
    assertEquals([...erfs(Float32Array.of(0, Infinity, -Infinity, NaN))], [0, 1, -1, NaN]);
  });
}
