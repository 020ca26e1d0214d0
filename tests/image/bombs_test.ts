/** Files that claim or unpack to far more than they hold. Their cost is measured where Linux shows a process's peak. */

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { crc32, deflateSync } from "node:zlib";
import { decodeImage } from "../../data/image/decode.ts";
import { ImageError, imageTensor } from "../../data/image/image.ts";
import { ConfigError } from "../../errors.ts";
import { fixture } from "./expected.ts";

const MEGABYTE = 2 ** 20;

function bytes(...parts: readonly (string | number | readonly number[] | Uint8Array)[]): Uint8Array<ArrayBuffer> {
  const list = parts.map((part) => {
    if (typeof part === "string") return Uint8Array.from(part, (character) => character.charCodeAt(0));
    if (typeof part === "number") return Uint8Array.of(part >>> 24, part >>> 16, part >>> 8, part);
    return Uint8Array.from(part);
  });
  const result = new Uint8Array(list.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of list) {
    result.set(part, at);
    at += part.length;
  }
  return result;
}

function chunk(type: string, content: Uint8Array): Uint8Array {
  const typed = bytes(type, content);
  return bytes(content.length, typed, crc32(typed));
}

interface PngOptions {
  readonly depth?: number;
  readonly color?: number;
  readonly extra?: readonly Uint8Array[];
}

function png(width: number, height: number, raw: number, { depth = 8, color = 2, extra = [] }: PngOptions = {}) {
  const header = chunk("IHDR", bytes(width, height, [depth, color, 0, 0, 0]));
  return bytes("\x89PNG\r\n\x1a\n", header, ...extra, chunk("IDAT", zeros(raw)), chunk("IEND", bytes()));
}

function zeros(count: number): Uint8Array {
  return bytes(deflateSync(new Uint8Array(count)));
}

/** A JPEG file of one component or three: header, tables with codes of one bit, one scan of zeros. */
function jpeg(width: number, height: number, data: number, marker = 0xc0): Uint8Array<ArrayBuffer> {
  const size = [height >> 8, height & 255, width >> 8, width & 255];
  const quantization = [0xff, 0xdb, 0, 67, 0, ...new Array(64).fill(1)];
  const frame = [0xff, marker, 0, 17, 8, ...size, 3, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0];
  const tables = [0, 0x10].flatMap((kind) => [0xff, 0xc4, 0, 20, kind, 1, ...new Array(15).fill(0), 0]);
  const last = marker === 0xc2 ? 0 : 63;
  const scan = [0xff, 0xda, 0, 12, 3, 1, 0, 2, 0, 3, 0, 0, last, 0];
  return bytes([0xff, 0xd8], quantization, frame, tables, scan, new Uint8Array(data), [0xff, 0xd9]);
}

/** How far the process's memory rises above what it has now, in bytes. */
async function peakOf(work: () => Promise<unknown>): Promise<number> {
  const field = (name: string): number =>
    Number(new RegExp(`${name}:\\s+(\\d+)`).exec(Deno.readTextFileSync("/proc/self/status"))?.[1]) * 1024;
  Deno.writeTextFileSync("/proc/self/clear_refs", "5");
  const before = field("VmRSS");
  await work();
  return field("VmHWM") - before;
}

const isLinux = Deno.build.os === "linux";

Deno.test({ name: "data of a PNG file are inflated as far as its pixels need them", ignore: !isLinux }, async () => {
  const file = png(1, 1, 256 * MEGABYTE);
  const peak = await peakOf(async () => assertEquals((await decodeImage(file)).data, new Uint8ClampedArray(3)));
  assert(peak < 64 * MEGABYTE, `${peak} bytes`);
});

Deno.test({ name: "texts and profiles of a PNG file are not inflated to any size", ignore: !isLinux }, async () => {
  const many = zeros(64 * MEGABYTE);
  const extra = [
    chunk("iCCP", bytes("profile\0\0", many)),
    chunk("zTXt", bytes("Comment\0\0", many)),
    chunk("zTXt", bytes("Raw profile type exif\0\0", many)),
    chunk("iTXt", bytes("XML:com.adobe.xmp\0\x01\0\0\0", many)),
  ];
  const file = png(1, 1, 4, { extra });
  const peak = await peakOf(async () => assertEquals((await decodeImage(file)).data, new Uint8ClampedArray(3)));
  assert(peak < 64 * MEGABYTE, `${peak} bytes`);
});

Deno.test("a file that is too short for its pixels is refused before memory is taken for them", async () => {
  const files = [
    jpeg(4000, 4000, 100),
    jpeg(4000, 4000, 100, 0xc2),
    jpeg(4000, 4000, 100, 0xc1),
    png(4000, 4000, 1000),
    png(4000, 4000, 1000, { depth: 1, color: 0 }),
  ];
  for (const file of files) {
    const work = async () => {
      const error = await assertRejects(() => decodeImage(file), ImageError);
      assertStringIncludes(error.message, "bytes cannot hold 4000×4000 pixels");
    };
    if (!isLinux) return await work();
    const peak = await peakOf(work);
    assert(peak < 8 * MEGABYTE, `${peak} bytes`);
  }
});

Deno.test("a small file of many pixels is refused unless the caller allows it", async () => {
  const [width, height] = [4800, 4000];
  const page = png(width, height, height * (1 + width / 8), { depth: 1, color: 0 });
  assert(page.length < 3000, `${page.length} bytes`);
  const limit = "4800×4000 pixels";
  await assertRejects(() => imageTensor(page), ImageError, limit);
  await assertRejects(() => imageTensor(page, { maxPixels: width * height - 1 }), ImageError, limit);
  const { shape } = await imageTensor(page, { maxPixels: width * height, resize: 8, crop: 8 });
  assertEquals(shape, [1, 3, 8, 8]);
  await assertRejects(() => decodeImage(jpeg(65500, 65500, 100)), ImageError, "65500×65500 pixels");
});

Deno.test("maxPixels is a whole number above 0", async () => {
  for (const [maxPixels, said] of [[0, "0"], [-1, "-1"], [1.5, "1.5"], [NaN, "NaN"], ["9", '"9"']] as const) {
    await assertRejects(() => imageTensor(fixture("rgb.png"), { maxPixels } as never), ConfigError, said);
  }
  await assertRejects(() => imageTensor(fixture("rgb.png"), { maxPixels: 13 * 9 - 1 }), ImageError, "13×9");
  assertEquals((await imageTensor(fixture("rgb.png"), { maxPixels: 13 * 9 })).shape, [1, 3, 9, 13]);
});

Deno.test("a narrow image is not resized to one without bounds", async () => {
  const line = png(1, 60000, 60000 * 4);
  const error = await assertRejects(() => imageTensor(line, { resize: 224, crop: 224 }), ConfigError);
  assertStringIncludes(error.message, "60000×1 (height×width) to 13440000×224");
  await assertRejects(() => imageTensor(fixture("rgb.png"), { resize: 90, maxPixels: 10_000 }), ConfigError, "90×130");
});

Deno.test("a JPEG file can't have an image worked on again and again", async () => {
  for (const marker of [0xc0, 0xc2]) {
    const file = jpeg(64, 64, 48, marker);
    assertEquals((await decodeImage(file)).data, new Uint8ClampedArray(64 * 64 * 3).fill(128));
    const start = file.length - 2 - 48 - 14;
    const [tables, scan] = [file.subarray(0, start), file.subarray(start, file.length - 2)];
    await assertRejects(() => decodeImage(bytes(tables, scan, scan, [0xff, 0xd9])), ImageError, "twice");
    const bands = Array.from({ length: 100 }, (_, i) => {
      const [component, coefficient] = [1 + Math.floor(i / 63), 1 + i % 63];
      return bytes([0xff, 0xda, 0, 8, 1, component, 0, coefficient, coefficient, 0], new Uint8Array(8));
    });
    const refused = marker === 0xc0 ? "twice" : "more than 100 scans";
    await assertRejects(() => decodeImage(bytes(tables, scan, ...bands, [0xff, 0xd9])), ImageError, refused);
  }
});
