import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { fromFloat32, toFloat32 } from "../../models/weights/safetensors/dtypes.ts";
import { pythonTest, runPython } from "../support/python.ts";

const every16 = Uint16Array.from({ length: 1 << 16 }, (_, i) => i);

function f32Bits(dtype: "F16" | "BF16", halves: Uint16Array): Uint32Array {
  const values = new Float32Array(halves.length);
  toFloat32(dtype, new Uint8Array(halves.buffer), values);
  return new Uint32Array(values.buffer);
}

Deno.test("all f16 become the f32 that the host's own f16 arrays give, NaNs with their payload", () => {
  const bits = f32Bits("F16", every16);
  const native = new Uint32Array(Float32Array.from(new Float16Array(every16.buffer)).buffer);
  for (const half of every16) {
    const isNaNBits = (half & 0x7c00) === 0x7c00 && (half & 0x3ff) !== 0;
    const expected = isNaNBits ? ((half & 0x8000) << 16 | 0x7f800000 | (half & 0x3ff) << 13) >>> 0 : native[half];
    assertEquals(bits[half], expected, half.toString(16));
  }
});

Deno.test("all bf16 become the upper half of an f32", () => {
  const bits = f32Bits("BF16", every16);
  for (const half of every16) assertEquals(bits[half], (half << 16) >>> 0);
});

Deno.test("all f16 and bf16 come back from f32 to the bit", () => {
  for (const format of ["F16", "BF16"] as const) {
    const values = new Float32Array(f32Bits(format, every16).buffer);
    assertEquals(new Uint16Array(fromFloat32(format, values).buffer), every16);
  }
});

Deno.test("f32 are rounded to the nearest f16, as the host's own f16 arrays round", () => {
  const edges = [
    0,
    -0,
    65504,
    65519.99,
    65520,
    2 ** -24,
    2 ** -25,
    2 ** -25 * 1.0001,
    2 ** -14,
    6.1e-5,
    1.0009765625,
    1 / 3,
  ]
    .flatMap((x) => [x, -x]);
  fc.assert(fc.property(fc.float32Array({ noNaN: true, minLength: 1, maxLength: 300 }), (random) => {
    const small = random.map((x) => x * 1e-30);
    for (const values of [random, small, Float32Array.from(edges)]) {
      const expected = new Uint16Array(Float16Array.from(values).buffer);
      assertEquals(new Uint16Array(fromFloat32("F16", values).buffer), expected);
    }
  }));
});

Deno.test("f32 are rounded to the nearest bf16, ties to even", () => {
  const bits = Uint32Array.of(0x3f800000, 0x3f808000, 0x3f818000, 0x3f808001, 0x7f7fffff, 0x7f800000, 0x7f800001);
  const rounded = new Uint16Array(fromFloat32("BF16", new Float32Array(bits.buffer)).buffer);
  assertEquals([...rounded], [0x3f80, 0x3f80, 0x3f82, 0x3f81, 0x7f80, 0x7f80, 0x7fc0]);
});

Deno.test("integers, booleans and f64 become the nearest f32", () => {
  const cases = [
    ["F64", Float64Array.of(1.1, -1e300, 2 ** -149), [Math.fround(1.1), -Infinity, 2 ** -149]],
    ["I64", BigInt64Array.of(-3n, 5n, -(2n ** 40n), 2n ** 62n), [-3, 5, -(2 ** 40), 2 ** 62]],
    ["U64", BigUint64Array.of(3n, 2n ** 63n), [3, 2 ** 63]],
    ["I32", Int32Array.of(-7, 1 << 30), [-7, 1 << 30]],
    ["U32", Uint32Array.of(7, 2 ** 31), [7, 2 ** 31]],
    ["I16", Int16Array.of(-300), [-300]],
    ["U16", Uint16Array.of(60000), [60000]],
    ["I8", Int8Array.of(-128), [-128]],
    ["U8", Uint8Array.of(255), [255]],
    ["BOOL", Uint8Array.of(0, 1), [0, 1]],
  ] as const;
  for (const [dtype, stored, expected] of cases) {
    const values = new Float32Array(expected.length);
    toFloat32(dtype, new Uint8Array(stored.buffer), values);
    assertEquals([...values], [...expected], dtype);
  }
});

Deno.test("8-bit floats have the largest, smallest and special values that their formats name", () => {
  const cases = [
    ["F8_E4M3", {
      0x00: 0,
      0x01: 2 ** -9,
      0x08: 2 ** -6,
      0x38: 1,
      0x7e: 448,
      0x7f: NaN,
      0x80: -0,
      0xfe: -448,
      0xff: NaN,
    }],
    ["F8_E5M2", { 0x01: 2 ** -16, 0x04: 2 ** -14, 0x3c: 1, 0x7b: 57344, 0x7c: Infinity, 0x7d: NaN, 0xfc: -Infinity }],
    ["F8_E8M0", { 0x00: 2 ** -127, 0x7f: 1, 0xfe: 2 ** 127, 0xff: NaN }],
    ["F8_E4M3FNUZ", { 0x01: 2 ** -10, 0x40: 1, 0x7f: 240, 0x80: NaN, 0xff: -240 }],
    ["F8_E5M2FNUZ", { 0x01: 2 ** -17, 0x40: 1, 0x7f: 57344, 0x80: NaN, 0xff: -57344 }],
  ] as const;
  for (const [dtype, expected] of cases) {
    const values = new Float32Array(256);
    toFloat32(dtype, Uint8Array.from({ length: 256 }, (_, bits) => bits), values);
    for (const [bits, value] of Object.entries(expected)) {
      assert(Object.is(values[Number(bits)], value), `${dtype} ${bits}: ${values[Number(bits)]}, not ${value}`);
    }
  }
});

pythonTest("all 8-bit floats become the f32 that PyTorch makes of them", ["torch"], async () => {
  const script = `
import base64, json, torch
formats = {"F8_E4M3": torch.float8_e4m3fn, "F8_E5M2": torch.float8_e5m2, "F8_E8M0": torch.float8_e8m0fnu,
           "F8_E4M3FNUZ": torch.float8_e4m3fnuz, "F8_E5M2FNUZ": torch.float8_e5m2fnuz}
bits = torch.arange(256, dtype=torch.uint8)
print(json.dumps({name: base64.b64encode(bytes(bits.view(dtype).float().view(torch.uint8).tolist())).decode()
                  for name, dtype in formats.items()}))`;
  const all = await runPython<Record<string, string>>(script);
  for (const dtype of ["F8_E4M3", "F8_E5M2", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ"] as const) {
    const expected = new Float32Array(Uint8Array.fromBase64(all[dtype] ?? "").buffer);
    const values = new Float32Array(256);
    toFloat32(dtype, Uint8Array.from({ length: 256 }, (_, bits) => bits), values);
    for (const [bits, value] of expected.entries()) assert(Object.is(values[bits], value), `${dtype} ${bits}`);
  }
});

Deno.test("bytes at an odd address are read too", () => {
  const shifted = new Uint8Array(9);
  shifted.set(new Uint8Array(Float32Array.of(1.5, -2).buffer), 1);
  const values = new Float32Array(2);
  toFloat32("F32", shifted.subarray(1), values);
  assertEquals([...values], [1.5, -2]);
  assert(shifted.subarray(1).byteOffset % 4 !== 0);
});
