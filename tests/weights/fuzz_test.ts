/**
 * Headers and indexes of random contents: each is read or refused by name, in little time and memory, and what is read
 * is what the format's own reader, in Rust, reads too.
 */

import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import fc from "fast-check";
import { bytesSource } from "../../data/files/byte_source.ts";
import { WeightsError } from "../../errors.ts";
import { openSafetensors, readIndex, readSafetensors } from "../../models/weights/safetensors/read.ts";
import { openModel } from "../../models/weights/source.ts";
import { pythonTest, runPython } from "../support/python.ts";
import { fileOf } from "./checkpoints.ts";

const anySize = fc.oneof(
  { weight: 8, arbitrary: fc.nat({ max: 6 }) },
  fc.constantFrom(-1, 1.5, 2 ** 31, 2 ** 32, 2 ** 40, 2 ** 53 - 1, 2 ** 53, 2 ** 60, 1e300, "4", null, [], {}),
);
const anyDType = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom("F32", "F16", "BF16", "U8", "F8_E4M3", "BOOL", "I64") },
  fc.constantFrom("F4", "F6_E2M3", "C64", "F33", "f32", "", 4, null, ["F32"]),
);
const anyTensor = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      dtype: anyDType,
      shape: fc.oneof({ weight: 8, arbitrary: fc.array<unknown>(anySize, { maxLength: 4 }) }, anySize),
      data_offsets: fc.oneof(
        { weight: 8, arbitrary: fc.array<unknown>(anySize, { minLength: 2, maxLength: 2 }) },
        fc.array<unknown>(anySize, { maxLength: 3 }),
      ),
    }, { requiredKeys: [] }),
  },
  fc.jsonValue(),
);

/** Tensors one behind the other, as they should be. */
const anyLayout = fc.array(
  fc.record({
    dtype: fc.constantFrom("F32", "F16", "U8", "F8_E5M2"),
    shape: fc.array(fc.nat({ max: 3 }), { maxLength: 3 }),
  }),
  { maxLength: 4 },
).map((tensors) => {
  let end = 0;
  return Object.fromEntries(tensors.map(({ dtype, shape }, i) => {
    const begin = end;
    end += shape.reduce((a, b) => a * b, dtype === "F32" ? 4 : dtype === "F16" ? 2 : 1);
    return [`t${i}`, { dtype, shape, data_offsets: [begin, end] }];
  }));
});
const anyMetadata = fc.oneof(fc.dictionary(fc.string(), fc.string()), fc.jsonValue());
const anyHeader = fc.oneof(
  { weight: 3, arbitrary: anyLayout },
  fc.tuple(anyLayout, fc.dictionary(fc.string(), anyTensor, { maxKeys: 2 })).map(([layout, other]) => ({
    ...layout,
    ...other,
  })),
  fc.tuple(anyLayout, anyMetadata).map(([layout, metadata]) => ({ ...layout, __metadata__: metadata })),
  fc.dictionary(fc.string(), anyTensor),
  fc.jsonValue(),
);

/** A file with such a header, sometimes with a few of its characters changed, before data of any length. */
const anyFile = fc.tuple(
  anyHeader,
  fc.oneof(
    { weight: 3, arbitrary: fc.constant([]) },
    fc.array(fc.tuple(fc.nat(), fc.constantFrom(...'{}[]",:0-\\ \0x')), { maxLength: 2 }),
  ),
  fc.oneof({ weight: 4, arbitrary: fc.constant(undefined) }, fc.nat({ max: 60 })),
).map(([header, changes, length]) => {
  const text = [...JSON.stringify(header)];
  for (const [place, character] of changes) text[place % text.length] = character;
  const ends = Object.values(header ?? {}).map((tensor) => Number(tensor?.data_offsets?.[1]));
  const end = Math.max(0, ...ends.filter((end) => end >= 0 && end < 1000));
  return fileOf(text.join(""), new Uint8Array(length ?? end));
});

/** The same cases every time, so that everybody sees a failure. */
const SEED = 20261126;

Deno.test("any header is read, or refused by name", async () => {
  await fc.assert(
    fc.asyncProperty(anyFile, async (file) => {
      await readSafetensors(file).catch((error) => assertInstanceOf(error, WeightsError));
    }),
    { numRuns: 3000, seed: SEED },
  );
});

Deno.test("any bytes are read, or refused by name", async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 700 }), async (bytes) => {
      await readSafetensors(bytes).catch((error) => assertInstanceOf(error, WeightsError));
      await openModel({ config: {}, weights: bytes }).catch((error) => assertInstanceOf(error, WeightsError));
      await readIndex(bytesSource(bytes)).catch((error) => assertInstanceOf(error, WeightsError));
    }),
    { numRuns: 500, seed: SEED },
  );
});

Deno.test("any index is read, or refused by name, and leads nowhere else", async () => {
  const anyShard = fc.oneof(
    fc.constantFrom("../x.safetensors", "/x.safetensors", "a/b.safetensors", "a\\b.safetensors", "..%2fx.safetensors"),
    fc.constantFrom(
      "http://x/y.safetensors",
      "x\0.safetensors",
      "x.safetensors?y",
      "x.bin",
      ".safetensors",
      "C:x.safetensors",
    ),
    fc.string({ unit: "binary" }).map((name) => `${name}.safetensors`),
    fc.jsonValue(),
  );
  const anyIndex = fc.oneof(fc.record({ weight_map: fc.dictionary(fc.string(), anyShard) }), fc.jsonValue());
  await fc.assert(
    fc.asyncProperty(anyIndex, async (index) => {
      const source = bytesSource(new TextEncoder().encode(JSON.stringify(index)));
      try {
        for (const file of (await readIndex(source)).shardOf.values()) {
          const url = new URL(file, "https://host/folder/index.json");
          assert(!/[\\:%\0]/.test(file), file);
          assertEquals(url.origin + url.pathname.replace(/[^/]*$/, "") + url.search, "https://host/folder/");
        }
      } catch (error) {
        assertInstanceOf(error, WeightsError);
      }
    }),
    { numRuns: 1000, seed: SEED },
  );
});

const large = 4_000_000;
/** Headers of 4 MB that would be much more in memory, or take very long. */
const bombs: readonly (readonly [what: string, header: string])[] = [
  ["lists in a tensor", `{"a":[${"[],".repeat(large / 3)}1]}`],
  ["objects in a tensor", `{"a":[${"{},".repeat(large / 3)}1]}`],
  ["lists within lists", `{"a":${"[".repeat(large / 2)}${"]".repeat(large / 2)}}`],
  ["lists within a shape", `{"a":{"dtype":"F32","shape":${"[".repeat(2000)}${"]".repeat(2000)},"data_offsets":[0,4]}}`],
  ["lists within metadata", `{"__metadata__":{"a":${"[".repeat(large / 2)}${"]".repeat(large / 2)}}}`],
  ["lists in metadata", `{"__metadata__":{"a":[${"[],".repeat(large / 3)}1]}}`],
  ["dimensions", `{"a":{"dtype":"F32","shape":[${"1,".repeat(large / 2)}1],"data_offsets":[0,4]}}`],
  ["a name again and again", `{${'"a":1,'.repeat(large / 6)}"a":1}`],
  ["a text without an end", `{"a":"${"\\\\".repeat(large / 2)}`],
  ["a long name", `{"${"a".repeat(large)}":{"dtype":"F99"}}`],
];

for (const [what, header] of bombs) {
  Deno.test(`a header of 4 MB with ${what} is refused at once`, async () => {
    const file = fileOf(header, new Uint8Array(4));
    const start = performance.now();
    const { message } = await assertRejects(() => openSafetensors(file), WeightsError);
    // A tenth of a second on an idle machine; with JSON.parse they took up to twenty seconds.
    assert(performance.now() - start < 5000, `it took ${performance.now() - start} ms`);
    assert(message.length < 600, `a message of ${message.length} characters`);
  });
}

pythonTest("random files are read as the format's own reader reads them", ["safetensors"], async () => {
  const files = fc.sample(anyFile, { numRuns: 4000, seed: SEED });
  const script = `
import base64, json, sys, safetensors
def read(file):
    try:
        return sorted([name, t["dtype"], t["shape"], len(t["data"])] for name, t in safetensors.deserialize(base64.b64decode(file)))
    except safetensors.SafetensorError:
        return None
print(json.dumps([read(file) for file in json.load(sys.stdin)]))`;
  type Read = readonly (readonly [string, string, readonly number[], number])[];
  const theirs = await runPython<readonly (Read | null)[]>(script, [], files.map((file) => file.toBase64()));
  let read = 0;
  for (const [i, file] of files.entries()) {
    const text = new TextDecoder().decode(file.subarray(8));
    const ours: unknown = await readSafetensors(file).then(
      (tensors) => [...tensors].map(([name, { dtype, shape, bytes }]) => [name, dtype, shape, bytes.length]).sort(),
      ({ message }: Error) => /not supported|twice/.test(message) ? theirs[i] : null,
    );
    assertEquals(ours, theirs[i]?.toSorted() ?? null, text);
    if (ours !== null) read++;
  }
  assert(read > 1000, `only ${read} of ${files.length} could be read`);
});
