import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import fc from "fast-check";
import { WeightsError } from "../../errors.ts";
import { HostTensor } from "../../models/weights/host_tensor.ts";
import { openSafetensors, readSafetensors } from "../../models/weights/safetensors/read.ts";
import { writeSafetensors } from "../../models/weights/safetensors/write.ts";
import { anyCheckpoint, counting, fileOf, headerOf, streamOf } from "./checkpoints.ts";

const f32 = (shape: unknown, begin: unknown, end: unknown) => ({ dtype: "F32", shape, data_offsets: [begin, end] });

/** Headers that lie about 16 bytes of data, and the texts of their errors. */
const lies: readonly (readonly [what: string, header: unknown, message: string])[] = [
  ["not JSON", "{nonsense", "not JSON"],
  ["cut JSON", '{"a":', "not JSON"],
  ["an array", [], "not a JSON object"],
  ["a number", 1, "not a JSON object"],
  ["space before it", ' {"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}', "not a JSON object"],
  ["a tensor that is a list", { a: [] }, "not described by an object"],
  ["a tensor that is nothing", { a: null }, "not described by an object"],
  ["no dtype", { a: { shape: [4], data_offsets: [0, 16] } }, "dtype"],
  ["an unknown dtype", { a: { dtype: "F33", shape: [4], data_offsets: [0, 16] } }, '"F33"'],
  ["a dtype of another size", { a: { dtype: "F16", shape: [4], data_offsets: [0, 16] } }, "8 bytes"],
  ["a negative size", { a: f32([-4], 0, 16) }, "shape"],
  ["two negative sizes", { a: f32([-2, -2], 0, 16) }, "shape"],
  ["a fractional size", { a: f32([1.5], 0, 6) }, "shape"],
  ["a size that is a text", { a: f32(["4"], 0, 16) }, "shape"],
  ["a shape that is a number", { a: f32(4, 0, 16) }, "shape"],
  [
    "a dtype that can't be read",
    { a: { dtype: "F4", shape: [32], data_offsets: [0, 16] } },
    "known, but not supported",
  ],
  ["complex values", { a: { dtype: "C64", shape: [2], data_offsets: [0, 16] } }, "known, but not supported"],
  ["values of 6 bits", { a: { dtype: "F6_E3M2", shape: [16], data_offsets: [0, 12] } }, "known, but not supported"],
  ["a product beyond 2^53 that comes to nothing", { a: f32([2 ** 40, 2 ** 40, 0], 0, 0) }, "more bytes than any file"],
  ["a product beyond 2^53", { a: f32([2 ** 40, 2 ** 40], 0, 16) }, "data_offsets"],
  ["a product that is infinite", { a: f32(Array(200).fill(2 ** 52), 0, 16) }, "data_offsets"],
  ["offsets the wrong way round", { a: f32([4], 16, 0) }, "data_offsets"],
  ["negative offsets", { a: f32([4], -16, 0) }, "data_offsets"],
  ["three offsets", { a: { dtype: "F32", shape: [4], data_offsets: [0, 16, 16] } }, "data_offsets"],
  ["no offsets", { a: { dtype: "F32", shape: [4] } }, "data_offsets"],
  ["too few bytes for the shape", { a: f32([4], 0, 12) }, "16 bytes"],
  ["an offset beyond the file", { a: f32([5], 0, 20) }, "describes"],
  ["an offset far beyond the file", { a: f32([2 ** 50], 0, 2 ** 52) }, "describes"],
  ["values that no tensor has", { a: f32([3], 0, 12) }, "describes"],
  ["a gap before the first", { a: f32([3], 4, 16) }, "gap"],
  ["a gap between two", { a: f32([1], 0, 4), b: f32([2], 8, 16) }, "gap"],
  ["an overlap", { a: f32([3], 0, 12), b: f32([2], 8, 16) }, "overlaps"],
  ["the same values twice", { a: f32([4], 0, 16), b: f32([4], 0, 16) }, "overlaps"],
  ["an empty tensor inside another", { a: f32([4], 0, 16), b: f32([0], 8, 8) }, "overlaps"],
  ["metadata that are a text", { __metadata__: "pt", a: f32([4], 0, 16) }, "__metadata__"],
  ["metadata that are a list", { __metadata__: [], a: f32([4], 0, 16) }, "__metadata__"],
  ["metadata that hold nothing for a text", { __metadata__: { step: null }, a: f32([4], 0, 16) }, '"step"'],
  ["metadata that hold a list", { __metadata__: { steps: ["1"] }, a: f32([4], 0, 16) }, '"steps"'],
  ["metadata that hold a number", { __metadata__: { step: 1 }, a: f32([4], 0, 16) }, "__metadata__"],
  [
    "a name twice",
    '{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]},"a":{"dtype":"I32","shape":[4],"data_offsets":[0,16]}}',
    '"a" twice',
  ],
  [
    "a name twice, once escaped",
    '{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]},"\\u0061" :{"dtype":"I32","shape":[4],"data_offsets":[0,16]}}',
    '"a" twice',
  ],
  ["metadata twice", '{"__metadata__":{},"__metadata__":{}}', '"__metadata__" twice'],
  ["a comma too many", '{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]},}', "not JSON"],
  ["something after it", '{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}} x', "not JSON"],
  ["a bracket of the wrong kind", '{"a":{"dtype":"F32","shape":[4},"data_offsets":[0,16]]}', "not JSON"],
  ["a field twice", '{"a":{"dtype":"F32","dtype":"I32","shape":[4],"data_offsets":[0,16]}}', "twice"],
];

for (const [what, header, message] of lies) {
  Deno.test(`a header with ${what} is refused`, async () => {
    const file = fileOf(header, new Uint8Array(16));
    const error = await assertRejects(() => openSafetensors(file), WeightsError);
    assert(error.message.includes(message), error.message);
    await assertRejects(() => readSafetensors(streamOf(file).stream), WeightsError);
  });
}

Deno.test("a length that can't be is refused before anything is allocated for it", async () => {
  for (const length of [2n ** 64n - 1n, 2n ** 60n, 2n ** 53n, 100_000_001n, 100_000_000n, 1000n, 9n]) {
    const file = new Uint8Array(16);
    new DataView(file.buffer).setBigUint64(0, length, true);
    const error = await assertRejects(() => openSafetensors(file), WeightsError);
    assert(error.message.includes(String(length)), error.message);
    await assertRejects(() => openSafetensors(streamOf(file).stream), WeightsError);
  }
  assertEquals((await openSafetensors(fileOf("{}"))).tensors.size, 0);
});

Deno.test("bytes that are no UTF-8 are refused", async () => {
  const file = fileOf('{"a":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}', new Uint8Array(4));
  file[10] = 0xff;
  await assertRejects(() => openSafetensors(file), WeightsError, "UTF-8");
});

Deno.test("metadata may be absent, empty or null, as for other readers", async () => {
  for (const metadata of [undefined, {}, null]) {
    const file = fileOf({ __metadata__: metadata, a: f32([4], 0, 16) }, new Uint8Array(16));
    const reader = await openSafetensors(file);
    assertEquals(reader.metadata, {});
    assertEquals([...reader.tensors.keys()], ["a"]);
  }
  const file = fileOf('{"__metadata__":{"__proto__":"p","constructor":"c"}}');
  assertEquals(Object.entries((await openSafetensors(file)).metadata), [["__proto__", "p"], ["constructor", "c"]]);
});

Deno.test("a tensor without values may have any other sizes", async () => {
  const file = fileOf({ a: f32([0, 2 ** 50, 2 ** 50], 0, 0), b: f32([1], 0, 4) }, new Uint8Array(4));
  const read = await readSafetensors(file);
  assertEquals(read.get("a")?.values().length, 0);
  assertEquals(read.get("b")?.values().length, 1);
});

Deno.test("a Git LFS pointer is recognized", async () => {
  const pointer = new TextEncoder().encode("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n");
  await assertRejects(() => openSafetensors(pointer), WeightsError, "git lfs pull");
});

Deno.test("names that look like syntax, padding and empty tensors are read", async () => {
  const names = ['":', '\\":{', "__proto__", "constructor", "10", "2", "", "é\u{1f600}", 'a"b\\'];
  const tensors = names.map((name, i) => [name, HostTensor.from(counting(i), [i])] as const);
  const read = await readSafetensors(writeSafetensors(tensors));
  assertEquals([...read.keys()], names);
  names.forEach((name, i) => assertEquals(read.get(name)?.values(), counting(i)));

  const padded = fileOf('{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}    ', new Uint8Array(4));
  assertEquals((await readSafetensors(padded)).get("a")?.values(), Float32Array.of(0));
});

Deno.test("the values of a file come in its order, whatever the order of its header", async () => {
  const header = { b: f32([1], 8, 12), a: f32([2], 0, 8), empty: f32([0, 3], 8, 8), c: f32([1], 12, 16) };
  const file = fileOf(header, new Uint8Array(counting(4).buffer));
  const read = await readSafetensors(file);
  assertEquals([...read.keys()], ["a", "empty", "b", "c"]);
  assertEquals([...read.values()].map((tensor) => [...tensor.values()]), [[0, 1], [], [2], [3]]);
});

Deno.test("a file with any byte of its header changed is read or refused, and nothing else", async () => {
  await fc.assert(
    fc.asyncProperty(anyCheckpoint, fc.nat(), fc.nat({ max: 255 }), async (tensors, place, byte) => {
      const file = writeSafetensors(tensors);
      const headerLength = Number(new DataView(file.buffer).getBigUint64(0, true));
      file[place % (8 + headerLength)] = byte;
      for (const source of [file, streamOf(file, 50).stream]) {
        await readSafetensors(source).catch((error) => assertInstanceOf(error, WeightsError));
      }
    }),
    { numRuns: 300 },
  );
});

Deno.test("a header with any number changed is refused, unless the shape stays as large", async () => {
  const tensors: [string, HostTensor][] = [
    ["a", HostTensor.from(counting(6), [2, 3])],
    ["b", HostTensor.from(counting(4), [4])],
    ["c", HostTensor.from(counting(1), [])],
  ];
  const file = writeSafetensors(tensors, { metadata: {} });
  const data = file.subarray(8 + Number(new DataView(file.buffer).getBigUint64(0, true)));
  const anyNumber = fc.oneof(fc.integer(), fc.double(), fc.nat({ max: 50 }), fc.constantFrom(2 ** 53, 2 ** 60, -1));
  await fc.assert(
    fc.asyncProperty(fc.constantFrom("a", "b", "c"), fc.nat({ max: 1 }), anyNumber, async (name, which, value) => {
      const header = headerOf(file);
      const offsets = header[name]!.data_offsets;
      fc.pre(offsets[which] !== value);
      offsets[which] = value;
      await assertRejects(() => readSafetensors(fileOf(header, data)), WeightsError);
    }),
    { numRuns: 300 },
  );
});
