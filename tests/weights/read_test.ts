import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertNotStrictEquals,
  assertRejects,
  assertStrictEquals,
} from "@std/assert";
import fc from "fast-check";
import type { Progress } from "../../data/files/byte_source.ts";
import { WeightsError } from "../../errors.ts";
import { HostTensor } from "../../models/weights/host_tensor.ts";
import { openSafetensors, readSafetensors, type SafetensorsSource } from "../../models/weights/safetensors/read.ts";
import { writeSafetensors } from "../../models/weights/safetensors/write.ts";
import { anyCheckpoint, counting, fileOf, streamOf } from "./checkpoints.ts";

/** All values of a checkpoint, put together from its chunks. */
async function readInChunks(source: SafetensorsSource): Promise<Map<string, Float32Array>> {
  const reader = await openSafetensors(source);
  const all = new Map<string, Float32Array>();
  for await (const { name, shape, offset, values } of reader.chunks()) {
    assertEquals(shape, reader.tensors.get(name)?.shape);
    const tensor = all.get(name) ?? new Float32Array(shape.reduce((a, b) => a * b, 1));
    tensor.set(values, offset);
    all.set(name, tensor);
  }
  return all;
}

Deno.test("written values are read again to the bit, from every kind of source", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/x.safetensors`;
  await fc.assert(
    fc.asyncProperty(anyCheckpoint, async (tensors) => {
      const file = writeSafetensors(tensors);
      await Deno.writeFile(path, file);
      const sources: SafetensorsSource[] = [
        file,
        file.buffer,
        new Blob([file]),
        new Response(file),
        streamOf(file).stream,
        path,
        new URL(`file://${path}`),
      ];
      for (const source of sources) {
        const read = await readSafetensors(source);
        assertEquals(new Set(read.keys()), new Set(tensors.keys()));
        for (const [name, { dtype, shape, bytes }] of tensors) {
          const found = read.get(name);
          assertEquals([found?.dtype, found?.shape, found?.bytes], [dtype, shape, bytes]);
        }
      }
      assertEquals(writeSafetensors(await readSafetensors(file)), file);
    }),
    { numRuns: 60 },
  );
  await Deno.remove(folder, { recursive: true });
});

Deno.test("chunks hold the same values as the tensors", async () => {
  await fc.assert(
    fc.asyncProperty(anyCheckpoint, async (tensors) => {
      const file = writeSafetensors(tensors);
      for (const source of [file, new Blob([file]), streamOf(file, 3).stream]) {
        const chunks = await readInChunks(source);
        assertEquals(chunks.size, tensors.size);
        for (const [name, tensor] of tensors) {
          const bits = (values: Float32Array) => new Uint32Array(values.slice().buffer);
          assertEquals(bits(chunks.get(name)!), bits(tensor.values()), `${tensor.dtype} ${tensor.shape}`);
        }
      }
    }),
    { numRuns: 40 },
  );
});

Deno.test("large tensors come in whole rows of at most 4 MB, in the order of the file", async () => {
  const rows = HostTensor.from(counting(3000 * 700), [3000, 700]);
  const cube = HostTensor.from(counting(5 * 1000 * 300), [5, 1000, 300], "BF16");
  const long = HostTensor.from(counting(2_500_000), [2_500_000], "F16");
  const wide = HostTensor.from(counting(2 * 1_100_000), [2, 1_100_000]);
  const empty = HostTensor.from(counting(0), [0, 4]);
  const file = writeSafetensors([["rows", rows], ["wide", wide], ["empty", empty], ["cube", cube], ["long", long]]);
  const reader = await openSafetensors(new Blob([file]));
  assertEquals([...reader.tensors.keys()], ["rows", "wide", "empty", "cube", "long"]);
  assertEquals(reader.metadata, { format: "pt" });
  const seen: [string, number, number][] = [];
  for await (const { name, shape, offset, values } of reader.chunks()) {
    assert(values.length <= 1 << 20);
    if (name === "rows" || name === "cube") {
      assertEquals(offset % shape.at(-1)!, 0);
      assertEquals(values.length % shape.at(-1)!, 0);
    }
    seen.push([name, offset, values.length]);
  }
  assertEquals(seen, [
    ["rows", 0, 1497 * 700],
    ["rows", 1497 * 700, 1497 * 700],
    ["rows", 2994 * 700, 6 * 700],
    ["wide", 0, 1 << 20],
    ["wide", 1 << 20, 1 << 20],
    ["wide", 2 << 20, 2_200_000 - (2 << 20)],
    ["empty", 0, 0],
    ["cube", 0, 3495 * 300],
    ["cube", 3495 * 300, 1505 * 300],
    ["long", 0, 1 << 20],
    ["long", 1 << 20, 1 << 20],
    ["long", 2 << 20, 2_500_000 - (2 << 20)],
  ]);
});

Deno.test("bytes in memory are not copied", async () => {
  const file = writeSafetensors([["a", HostTensor.from(counting(6), [2, 3])]]);
  const tensor = (await readSafetensors(file)).get("a")!;
  assertStrictEquals(tensor.bytes.buffer, file.buffer);
  assertStrictEquals(tensor.values().buffer, file.buffer);
  assertNotStrictEquals((await readSafetensors(new Blob([file]))).get("a")!.bytes.buffer, file.buffer);
});

Deno.test("a file that is cut off at any place is refused, and its stream is not left open", async () => {
  const file = writeSafetensors([["a", HostTensor.from(counting(6), [2, 3])], [
    "b",
    HostTensor.from(counting(5), [5]),
  ]]);
  for (let length = 0; length < file.length; length++) {
    const cut = file.slice(0, length);
    for (const source of [cut, new Blob([cut]), new Response(cut), streamOf(cut, 5).stream]) {
      const error = await assertRejects(() => readInChunks(source), WeightsError);
      assert(/cut off|ends|describes|claims/.test(error.message), error.message);
      await assertRejects(() => readSafetensors(source), WeightsError);
    }
  }
});

Deno.test("a file that goes on after its last value is refused", async () => {
  const file = new Uint8Array([...writeSafetensors([["a", HostTensor.from(counting(3), [3])]]), 0]);
  for (const source of [() => file, () => new Blob([file]), () => streamOf(file).stream]) {
    await assertRejects(() => readSafetensors(source()), WeightsError, "its header describes");
    await assertRejects(() => readInChunks(source()), WeightsError);
  }
});

Deno.test("a stream that claims a terabyte costs no memory for it", async () => {
  const header = { a: { dtype: "F32", shape: [2 ** 38], data_offsets: [0, 2 ** 40] } };
  await assertRejects(
    () => readSafetensors(streamOf(fileOf(header, new Uint8Array(64))).stream),
    WeightsError,
    "cut off",
  );
  await assertRejects(() => readInChunks(streamOf(fileOf(header, new Uint8Array(64))).stream), WeightsError, "cut off");
  await assertRejects(() => readSafetensors(fileOf(header, new Uint8Array(64))), WeightsError, "describes");
});

Deno.test("reading ends with the reason of an abort, and cancels its stream", async () => {
  const file = writeSafetensors([["a", HostTensor.from(counting(100), [100])], [
    "b",
    HostTensor.from(counting(9), [9]),
  ]]);
  const reason = new Error("enough");
  await assertRejects(() => readSafetensors(file, { signal: AbortSignal.abort(reason) }), Error, "enough");

  const { stream, wasCanceled } = streamOf(file);
  const controller = new AbortController();
  const reader = await openSafetensors(stream, { signal: controller.signal });
  const error = await assertRejects(async () => {
    for await (const { name } of reader.chunks()) {
      assertEquals(name, "a");
      controller.abort(reason);
    }
  });
  assertStrictEquals(error, reason);
  assert(wasCanceled());

  const silent = new ReadableStream<Uint8Array>();
  const waiting = assertRejects(() => readSafetensors(silent, { signal: AbortSignal.timeout(20) }), DOMException);
  assertInstanceOf(await waiting, DOMException);
});

Deno.test("leaving the loop early or closing frees the stream", async () => {
  const file = writeSafetensors([["a", HostTensor.from(counting(9), [9])], ["b", HostTensor.from(counting(9), [9])]]);
  const first = streamOf(file);
  const reader = await openSafetensors(first.stream);
  for await (const chunk of reader.chunks()) {
    assertEquals(chunk.name, "a");
    break;
  }
  assert(first.wasCanceled());
  await assertRejects(() => reader.chunks().next(), WeightsError, "only once");

  const second = streamOf(file);
  await (await openSafetensors(second.stream)).close();
  assert(second.wasCanceled());
});

Deno.test("a stream that can fills its reader's buffer instead of new ones", async () => {
  const values = counting(300_000);
  const file = writeSafetensors([["a", HostTensor.from(values, [values.length])]]);
  let position = 0;
  const source: UnderlyingByteSource = {
    type: "bytes",
    pull(controller) {
      const request = controller.byobRequest;
      if (!request?.view) throw new Error("The stream has to make a buffer");
      const { buffer, byteOffset, byteLength } = request.view;
      const part = file.subarray(position, position + byteLength);
      new Uint8Array(buffer, byteOffset).set(part);
      position += part.byteLength;
      if (part.byteLength === 0) controller.close();
      request.respond(part.byteLength);
    },
  };
  assertEquals((await readInChunks(new ReadableStream(source))).get("a"), values);
});

Deno.test("progress counts the bytes of the file", async () => {
  const file = writeSafetensors([["a", HostTensor.from(counting(8), [8])], ["b", HostTensor.from(counting(8), [8])]]);
  const heard: Progress[] = [];
  await readSafetensors(new Blob([file]), { onProgress: (progress) => heard.push(progress) });
  assertEquals(heard.map(({ stage, loaded, total }) => [stage, loaded, total]), [
    ["read", file.length - 32, file.length],
    ["read", file.length, file.length],
  ]);
});

Deno.test("sources that can't be weights are refused", async () => {
  await assertRejects(() => readSafetensors(new Response("no", { status: 404 })), WeightsError, "404");
  const used = new Response("used");
  await used.text();
  await assertRejects(() => readSafetensors(used), WeightsError, "read already");
  const locked = streamOf(new Uint8Array(3)).stream;
  locked.getReader();
  await assertRejects(() => readSafetensors(locked), WeightsError, "locked");
  await assertRejects(() => readSafetensors("./no-such-file.safetensors"), WeightsError, "no-such-file");
  const texts = new ReadableStream<Uint8Array>({ start: (c) => c.enqueue("text" as unknown as Uint8Array) });
  await assertRejects(() => readSafetensors(texts), WeightsError, "Uint8Array");
});
