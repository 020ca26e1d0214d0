import { assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import type { Progress } from "../../data/files/byte_source.ts";
import { ConfigError, ShapeError, WeightsError } from "../../errors.ts";
import { HostTensor } from "../../models/weights/host_tensor.ts";
import { openSafetensors, readSafetensors } from "../../models/weights/safetensors/read.ts";
import { saveSafetensors, type WritableTensor, writeSafetensors } from "../../models/weights/safetensors/write.ts";
import { anyCheckpoint, counting } from "./checkpoints.ts";

async function inFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await run(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function filesIn(folder: string): string[] {
  return [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
}

/** A stream that collects what is written. */
function collector(): { stream: WritableStream<Uint8Array>; bytes: () => Uint8Array; ended: () => unknown } {
  const pieces: number[] = [];
  let end: unknown;
  const stream = new WritableStream<Uint8Array>({
    write: (piece) => void pieces.push(...piece),
    close: () => void (end = "closed"),
    abort: (reason) => void (end = reason),
  });
  return { stream, bytes: () => Uint8Array.from(pieces), ended: () => end };
}

const two: [string, HostTensor][] = [
  ["a", HostTensor.from(counting(6), [2, 3])],
  ["b", HostTensor.from(counting(4), [4], "F16")],
];

Deno.test("a stream, a file and a folder get the same bytes as memory", async () => {
  await inFolder(async (folder) => {
    await fc.assert(
      fc.asyncProperty(anyCheckpoint, async (tensors) => {
        const expected = writeSafetensors(tensors);
        const { stream, bytes, ended } = collector();
        await saveSafetensors(stream, tensors);
        assertEquals(bytes(), expected);
        assertEquals(ended(), "closed");
        await saveSafetensors(`${folder}/x.safetensors`, tensors);
        assertEquals(await Deno.readFile(`${folder}/x.safetensors`), expected);
        await saveSafetensors(new URL(`file://${folder}/new/folder`), tensors);
        assertEquals(await Deno.readFile(`${folder}/new/folder/model.safetensors`), expected);
      }),
      { numRuns: 25 },
    );
    assertEquals(filesIn(folder), ["new", "x.safetensors"]);
  });
});

Deno.test("values begin at multiples of their size, in the order given otherwise", async () => {
  await fc.assert(fc.asyncProperty(anyCheckpoint, async (tensors) => {
    const reader = await openSafetensors(writeSafetensors(tensors));
    for (const { format, begin } of reader.tensors.values()) {
      const size = Number(/\d+/.exec(format)?.[0] ?? 8) / 8;
      assertEquals(begin % size, 0);
    }
  }));
  const same = ["z", "10", "b", "2"].map((name) => [name, HostTensor.from(counting(2), [2])] as const);
  assertEquals([...(await openSafetensors(writeSafetensors(same))).tensors.keys()], ["z", "10", "b", "2"]);
});

Deno.test("tensors whose values come in pieces are converted on their way", async () => {
  const values = counting(1000).map((x) => x / 7);
  const entries: [string, WritableTensor][] = (["F32", "F16", "BF16"] as const).map((dtype) => [dtype, {
    dtype,
    shape: [10, 100],
    async *values() {
      for (let start = 0; start < 1000; start += 300) yield await Promise.resolve(values.subarray(start, start + 300));
    },
  }]);
  const { stream, bytes } = collector();
  await saveSafetensors(stream, entries, { metadata: { note: "é" } });
  const expected = (["F32", "F16", "BF16"] as const).map((d) => [d, HostTensor.from(values, [10, 100], d)] as const);
  assertEquals(bytes(), writeSafetensors(expected, { metadata: { note: "é" } }));
  assertEquals((await openSafetensors(bytes())).metadata, { note: "é" });
});

Deno.test("shards hold what fits, and their index leads to every tensor", async () => {
  await inFolder(async (folder) => {
    const tensors = new Map(
      [10, 30, 5, 5, 100, 1].map((size, i) => [`t${i}`, HostTensor.from(counting(size), [size])] as const),
    );
    await saveSafetensors(folder, tensors, { shardBytes: 160 });
    assertEquals(filesIn(folder), [
      "model-00001-of-00004.safetensors",
      "model-00002-of-00004.safetensors",
      "model-00003-of-00004.safetensors",
      "model-00004-of-00004.safetensors",
      "model.safetensors.index.json",
    ]);
    const index = JSON.parse(await Deno.readTextFile(`${folder}/model.safetensors.index.json`));
    assertEquals(index.metadata, { total_size: 151 * 4 });
    assertEquals(index.weight_map.t1, "model-00001-of-00004.safetensors");
    assertEquals(index.weight_map.t4, "model-00003-of-00004.safetensors");
    for (const source of [folder, `${folder}/model.safetensors.index.json`, new URL(`file://${folder}/`)]) {
      const read = await readSafetensors(source);
      assertEquals([...read.keys()], [...tensors.keys()]);
      for (const [name, { bytes }] of tensors) assertEquals(read.get(name)?.bytes, bytes);
    }
    const names: string[] = [];
    for await (const { name } of (await openSafetensors(folder)).chunks()) names.push(name);
    assertEquals(names, [...tensors.keys()]);
  });
});

Deno.test("a checkpoint replaces the one that a folder holds, whatever its shards", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/config.json`, "{}");
    const versions = [0, 1, 2, 3, 4].map((v) =>
      new Map([..."abcdef"].map((n) => [n + v, HostTensor.from(counting(9), [9])]))
    );
    const limits = [undefined, 80, 40, undefined, 40];
    for (const [i, tensors] of versions.entries()) {
      const shardBytes = limits[i];
      await saveSafetensors(folder, tensors, { shardBytes });
      assertEquals([...(await readSafetensors(folder)).keys()], [...tensors.keys()]);
      const files = shardBytes === undefined ? 1 : 6 / Math.floor(shardBytes / 36) + 1;
      assertEquals(filesIn(folder).length, 1 + files);
    }
  });
});

Deno.test("a failure leaves what was there, and nothing half-written", async () => {
  await inFolder(async (folder) => {
    await saveSafetensors(folder, two, { shardBytes: 20 });
    const before = filesIn(folder);
    const reason = new Error("no more values");
    const failing: [string, WritableTensor] = ["z", {
      dtype: "F32",
      shape: [10],
      *values() {
        yield counting(3);
        throw reason;
      },
    }];
    for (const target of [folder, `${folder}/y.safetensors`]) {
      assertStrictEquals(await assertRejects(() => saveSafetensors(target, [...two, failing])), reason);
    }
    const controller = new AbortController();
    const onProgress = () => controller.abort(reason);
    const aborted = saveSafetensors(folder, two, { signal: controller.signal, onProgress });
    assertStrictEquals(await assertRejects(() => aborted), reason);
    const { stream, ended } = collector();
    await assertRejects(() => saveSafetensors(stream, [failing]));
    assertStrictEquals(ended(), reason);
    assertEquals(filesIn(folder), before);
    assertEquals([...(await readSafetensors(folder)).keys()], ["a", "b"]);
  });
});

Deno.test("a tensor must give as many values as its shape says", async () => {
  const giving = (count: number): [string, WritableTensor][] => [
    ["a", { dtype: "F32", shape: [2, 2], values: () => [counting(count)] }],
  ];
  await assertRejects(() => saveSafetensors(collector().stream, giving(3)), ShapeError, "4 values, 3 were given");
  await assertRejects(() => saveSafetensors(collector().stream, giving(5)), ShapeError, "5 or more were given");
  assertThrows(() => new HostTensor("F16", [3], new Uint8Array(5)), ShapeError, "6 bytes, 5 were given");
});

Deno.test("names and targets that can't be are refused", async () => {
  const first = two[0]!;
  assertThrows(() => writeSafetensors([first, first]), WeightsError, '"a"');
  assertThrows(() => writeSafetensors([["__metadata__", first[1]]]), WeightsError, "__metadata__");
  await inFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/file`, "");
    await assertRejects(() => saveSafetensors(`${folder}/file`, two), WeightsError, "is a file");
    await assertRejects(() => saveSafetensors(`${folder}/file/x.safetensors`, two), WeightsError, "Cannot write to");
    await assertRejects(
      () => saveSafetensors(`${folder}/x.safetensors`, two, { shardBytes: 9 }),
      ConfigError,
      "folders",
    );
    await assertRejects(() => saveSafetensors(folder, two, { shardBytes: 0 }), ConfigError, "above 0");
    assertEquals(filesIn(folder), ["file"]);
  });
});

Deno.test("names and metadata that no reader would understand are not written", async () => {
  const [[name, tensor] = ["", HostTensor.from(counting(1), [1])]] = two;
  const metadata = (value: unknown) => ({ metadata: value as Record<string, string> });
  assertThrows(
    () => writeSafetensors(two, metadata({ step: 1 })),
    WeightsError,
    '"step" = 1: its values must be texts',
  );
  assertThrows(() => writeSafetensors(two, metadata({ ggml_blocks: "{}" })), WeightsError, '"ggml_blocks"');
  assertThrows(() => writeSafetensors([["\ud800", tensor]]), WeightsError, '"\\ud800"');
  for (const shape of [[-2, -3], [1.5, 4], [NaN], [2 ** 53, 0]]) {
    assertThrows(() => new HostTensor("F32", shape, tensor.bytes), ShapeError, "whole numbers >= 0");
    const streamed = { dtype: "F32" as const, shape, values: () => [counting(6)] };
    await assertRejects(
      () => saveSafetensors(collector().stream, [[name, streamed]]),
      ShapeError,
      "whole numbers >= 0",
    );
  }
  const other = "I16" as "F16";
  assertThrows(() => HostTensor.from(counting(2), [2], other), ShapeError, "as I16: expected one of F32, F16");
  const list = { dtype: "F32" as const, shape: [2], values: () => [[1, 2] as unknown as Float32Array] };
  await assertRejects(() => saveSafetensors(collector().stream, [[name, list]]), ShapeError, "no Float32Array");
});

Deno.test("progress counts what was written of each file", async () => {
  const heard: Progress[] = [];
  const { stream, bytes } = collector();
  await saveSafetensors(stream, two, { onProgress: (progress) => heard.push(progress) });
  const total = bytes().length;
  assertEquals(heard.map(({ stage, loaded, total }) => [stage, loaded, total]), [
    ["write", total - 8, total],
    ["write", total, total],
  ]);
  const folder = await Deno.makeTempDir();
  heard.length = 0;
  await saveSafetensors(folder, two, { shardBytes: 1, onProgress: (progress) => heard.push(progress) });
  await Deno.remove(folder, { recursive: true });
  const sizes = heard.map(({ total }) => total ?? 0);
  const whole = sizes[0]! + sizes[1]!;
  assertEquals(heard.map((progress) => progress.whole), [
    { loaded: sizes[0]!, total: whole },
    { loaded: whole, total: whole },
  ]);
});
