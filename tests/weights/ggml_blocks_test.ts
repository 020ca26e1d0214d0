import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import fc from "fast-check";
import { ShapeError, WeightsError } from "../../errors.ts";
import { HostTensor } from "../../models/weights/host_tensor.ts";
import { fromFloat32, toFloat32 } from "../../models/weights/safetensors/dtypes.ts";
import { openSafetensors, readSafetensors } from "../../models/weights/safetensors/read.ts";
import { writeSafetensors } from "../../models/weights/safetensors/write.ts";
import q4Fixture from "../fixtures/ggml/q4_0.json" with { type: "json" };
import q8Fixture from "../fixtures/ggml/q8_0.json" with { type: "json" };
import { fileOf, headerOf } from "./checkpoints.ts";

function floats(base64: string): Float32Array {
  return new Float32Array(Uint8Array.fromBase64(base64).buffer);
}

/** A whole number of blocks of floats whose scale f16 can hold. */
const anyRow = fc
  .array(fc.float({ min: -5e5, max: 5e5, noNaN: true }), { minLength: 32, maxLength: 96 })
  .map((values) => Float32Array.from(values.slice(0, values.length - values.length % 32)));

for (const [format, fixture, bytes] of [["Q8_0", q8Fixture, 34], ["Q4_0", q4Fixture, 18]] as const) {
  Deno.test(`${format} blocks and their values are those that llama.cpp's package makes, to the bit`, () => {
    const blocks = fromFloat32(format, floats(fixture.values));
    assertEquals(blocks, Uint8Array.fromBase64(fixture.blocks));
    const values = new Float32Array(blocks.length / bytes * 32);
    toFloat32(format, blocks, values);
    assertEquals(values, floats(fixture.dequantized));
  });

  Deno.test(`values that came from ${format} blocks give the same values again`, () => {
    fc.assert(fc.property(anyRow, (row) => {
      const once = HostTensor.from(row, [row.length], format);
      const twice = HostTensor.from(once.values(), [row.length], format);
      assertEquals(twice.values(), once.values());
    }));
  });
}

Deno.test("a q8_0 value is off by at most half a step of its block, and the scale's rounding", () => {
  fc.assert(fc.property(anyRow, (row) => {
    const values = HostTensor.from(row, [row.length], "Q8_0").values();
    for (let first = 0; first < row.length; first += 32) {
      const largest = row.subarray(first, first + 32).reduce((max, value) => Math.max(max, Math.abs(value)), 0);
      // Half a step of largest / 127, 2^-11 of an f16's rounding, and 127 half-steps of the smallest f16.
      const bound = largest * (0.5 / 127 + 2 ** -11) + 127 * 2 ** -25;
      for (let i = first; i < first + 32; i++) {
        const error = Math.abs((values[i] ?? 0) - (row[i] ?? 0));
        assert(error <= bound * (1 + 1e-6), `${row[i]} became ${values[i]}, further than ${bound}`);
      }
    }
  }));
});

Deno.test("a file holds blocks as U8, names them, and gives them back", async () => {
  const row = Float32Array.from({ length: 128 }, (_, i) => Math.sin(i));
  const tensors = new Map([
    ["plain", HostTensor.from(row, [2, 64])],
    ["blocks", HostTensor.from(row, [2, 64], "Q8_0")],
    ["nibbles", HostTensor.from(row, [2, 64], "Q4_0")],
    ["bytes", new HostTensor("U8", [2, 34], new Uint8Array(68))],
  ]);
  const file = writeSafetensors(tensors, { metadata: { format: "pt" } });
  const { __metadata__: metadata, blocks, nibbles } = headerOf(file);
  assertEquals<unknown>(metadata, { format: "pt", ggml_blocks: '{"blocks":"q8_0","nibbles":"q4_0"}' });
  assertEquals<unknown>(blocks, { dtype: "U8", shape: [2, 2, 34], data_offsets: [512, 648] });
  assertEquals<unknown>(nibbles, { dtype: "U8", shape: [2, 2, 18], data_offsets: [716, 788] });

  const reader = await openSafetensors(file);
  assertEquals(reader.metadata, { format: "pt" });
  assertEquals(reader.tensors.get("blocks")?.shape, [2, 64]);
  await reader.close();
  const read = await readSafetensors(file);
  assertEquals(read, new Map(["plain", "blocks", "bytes", "nibbles"].map((name) => [name, tensors.get(name)])));
  assertEquals(writeSafetensors(read, { metadata: { format: "pt" } }), file);
});

Deno.test("blocks are read from a stream, chunk by chunk", async () => {
  const values = Float32Array.from({ length: 3 << 20 }, (_, i) => (i * 37 % 255 - 127) / 127);
  const tensor = HostTensor.from(values, [3 << 10, 1 << 10], "Q8_0");
  const reader = await openSafetensors(new Blob([writeSafetensors([["w", tensor]])]).stream());
  const all = new Float32Array(values.length);
  let chunks = 0;
  for await (const chunk of reader.chunks()) {
    all.set(chunk.values, chunk.offset);
    chunks++;
  }
  assertEquals(chunks, 3);
  assert(all.every((value, i) => Math.abs(value - (values[i] ?? 0)) < 5e-3));
  assertEquals(all, tensor.values());
});

Deno.test("values that blocks can't hold are refused", () => {
  const row = new Float32Array(64);
  assertThrows(() => HostTensor.from(row, [64 / 8, 8], "Q8_0"), ShapeError, "must be a multiple of 32");
  assertThrows(() => HostTensor.from(row.subarray(1), [63], "Q8_0"), ShapeError, "give a multiple of 32");
  for (const bad of [NaN, Infinity, -Infinity, 8.33e6]) {
    assertThrows(() => fromFloat32("Q8_0", row.with(40, bad)), WeightsError, "values from 32 on to q8_0");
    assertThrows(() => fromFloat32("Q4_0", row.with(40, bad)), WeightsError, "values from 32 on to q4_0");
  }
});

Deno.test("a header that lies about blocks is refused", async () => {
  const header = (blocks: string, dtype = "U8", shape = [1, 34]) =>
    fileOf({ __metadata__: { ggml_blocks: blocks }, w: { dtype, shape, data_offsets: [0, 34] } }, new Uint8Array(34));
  const good = await readSafetensors(header('{"w":"q8_0"}'));
  assertEquals(good.get("w")?.shape, [32]);
  const refusals: [Uint8Array, string][] = [
    [header("{"), "is not JSON"],
    [header("[]"), "is not a JSON object"],
    [header('{"w":"q9_0"}'), 'has the format "q9_0"'],
    [header('{"v":"q8_0"}'), 'names "v", which it does not hold'],
    [header('{"w":"q8_0"}', "I8"), "is I8 [1, 34]"],
    [header('{"w":"q8_0"}', "U8", [34]), "is U8 [34]"],
    [header('{"w":"q4_0"}'), "q4_0 blocks are U8 [..., blocks, 18]"],
    [header('{"w":"q8_0"}', "U8", [34, 1]), "is U8 [34, 1]"],
  ];
  for (const [file, message] of refusals) {
    await assertRejects(() => readSafetensors(file), WeightsError, message);
  }
});
