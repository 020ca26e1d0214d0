import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import fc from "fast-check";
import { decodeImage } from "../../data/image/decode.ts";
import { exifOrientation } from "../../data/image/exif.ts";
import { ImageError } from "../../data/image/image_error.ts";
import { bytesOf, expected, fixture } from "./expected.ts";

Deno.test("PNG files of every kind decode to Pillow's bytes", async () => {
  const files = expected.files.filter(({ file }) => file.endsWith(".png"));
  assertEquals(files.length, 10);
  for (const { file, width, height, rgb } of files) {
    const image = await decodeImage(fixture(file));
    assertEquals([image.width, image.height], [width, height], file);
    assertEquals(image.data, bytesOf(rgb), file);
  }
});

Deno.test("JPEG files of every kind decode to Pillow's bytes, upright whatever their orientation", async () => {
  const files = expected.files.filter(({ file }) => file.endsWith(".jpg"));
  assertEquals(files.length, 20);
  for (const { file, width, height, rgb } of files) {
    const image = await decodeImage(fixture(file));
    assertEquals([image.width, image.height], [width, height], file);
    assertEquals(image.data, bytesOf(rgb), file);
  }
});

Deno.test("a file is read from a view into a larger buffer", async () => {
  const file = fixture("rgb.png");
  const padded = new Uint8Array(file.length + 20);
  padded.set(file, 7);
  assertEquals(await decodeImage(padded.subarray(7, 7 + file.length)), await decodeImage(file));
});

Deno.test("a file that is neither PNG nor JPEG is called what it is", async () => {
  const kinds: readonly (readonly [start: string, name: string])[] = [
    ["GIF89a", "a GIF image"],
    ["RIFF\x24\0\0\0WEBPVP8 ", "a WebP image"],
    ["\0\0\0\x20ftypavif\0\0\0\0", "an AVIF image"],
    ["\0\0\0\x18ftypheic\0\0\0\0", "a HEIC image"],
    ["\0\0\0\x1cftypmif1\0\0\0\0", "a HEIF image"],
    ["\0\0\0\x18ftypmp42\0\0\0\0", "an MP4 or QuickTime film"],
    ["\xff\x0a\xfa\x1f", "a JPEG XL image"],
    ["\0\0\0\x0cjP  \r\n\x87\n", "a JPEG 2000 image"],
    ["BM\x36\x10\0\0\0\0\0\0", "a BMP image"],
    ["II*\0\x08\0\0\0", "a TIFF image"],
    ["MM\0*\0\0\0\x08", "a TIFF image"],
    ["\0\0\x01\0\x01\0", "an icon"],
    ["%PDF-1.7", "a PDF document"],
    ["<svg xmlns='http://www.w3.org/2000/svg'>", "an SVG drawing"],
    ['\xef\xbb\xbf<?xml version="1.0"?>\n<!-- by hand -->\n<svg width="1">', "an SVG drawing"],
    ["\n<!DOCTYPE html>\n<html>", "an HTML page"],
    ["<html><head>", "an HTML page"],
    ["<?xml version='1.0'?><Error>", "XML"],
    ['{"error": "not found"}', "JSON"],
    ["version https://git-lfs.github.com/spec/v1\noid", "a Git LFS pointer"],
    ["no image", "8 bytes that begin 6e 6f 20 69"],
    ["", "0 bytes"],
  ];
  for (const [start, name] of kinds) {
    const file = Uint8Array.from(start, (character) => character.charCodeAt(0));
    const error = await assertRejects(() => decodeImage(file), ImageError);
    assertStringIncludes(error.message, `expected a PNG or JPEG file, got ${name}`);
  }
});

Deno.test("a PNG file that was cut anywhere is refused", async () => {
  const file = fixture("interlaced.png");
  for (let length = 0; length < file.length; length++) {
    await assertRejects(() => decodeImage(file.subarray(0, length)), ImageError);
  }
});

Deno.test("a PNG file of data that don't unpack is refused", async () => {
  await assertRejects(() => decodeImage(fixture("broken.png")), ImageError, "zlib stream is broken");
});

Deno.test("a file is read from shared memory", async () => {
  for (const name of ["turned.png", "orientation_6.jpg"]) {
    const file = fixture(name);
    const shared = new Uint8Array(new SharedArrayBuffer(file.length));
    shared.set(file);
    assertEquals(await decodeImage(shared), await decodeImage(file));
  }
});

Deno.test("a PNG file with a changed byte is refused, or has the right size", async () => {
  const file = fixture("rgb.png");
  await fc.assert(fc.asyncProperty(fc.nat(file.length - 1), fc.integer({ min: 1, max: 255 }), async (at, change) => {
    const damaged = file.slice();
    damaged[at]! ^= change;
    const image = await decodeImage(damaged).catch((error) => error);
    if (!(image instanceof ImageError)) assertEquals(image.data.length, 13 * 9 * 3);
  }));
});

Deno.test("a JPEG file that was cut anywhere is refused", async () => {
  for (const name of ["sharp_420.jpg", "progressive_420.jpg", "restarts.jpg"]) {
    const file = fixture(name);
    for (let length = 0; length < file.length; length++) {
      await assertRejects(() => decodeImage(file.subarray(0, length)), ImageError);
    }
  }
});

Deno.test("a damaged JPEG file gives an ImageError or an image, nothing else", async () => {
  const files = ["baseline_444.jpg", "sharp_420.jpg", "progressive_420.jpg", "restarts.jpg", "ycck.jpg"].map(fixture);
  const change = fc.tuple(fc.nat(), fc.nat(255));
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...files),
      fc.array(change, { minLength: 1, maxLength: 4 }),
      async (file, changes) => {
        const damaged = file.slice();
        for (const [at, byte] of changes) damaged[at % file.length] = byte;
        const image = await decodeImage(damaged).catch((error) => error);
        assert(image instanceof ImageError || image.data.length === image.width * image.height * 3, String(image));
      },
    ),
    { numRuns: 500 },
  );
});

Deno.test("JPEG files of kinds that are not decoded are refused by name", async () => {
  const file = fixture("baseline_444.jpg");
  const frame = file.findIndex((byte, i) => byte === 0xff && file[i + 1] === 0xc0);
  const kinds: readonly (readonly [place: number, byte: number, name: string])[] = [
    [1, 0xc3, "lossless"],
    [1, 0xc5, "hierarchical"],
    [1, 0xc9, "arithmetic-coded"],
    [1, 0xca, "arithmetic-coded"],
    [4, 12, "12 bits a sample"],
    [11, 0x31, "reduced by a fraction"],
  ];
  for (const [place, byte, name] of kinds) {
    const other = file.slice();
    other[frame + place] = byte;
    if (place === 11) other[frame + 14] = 0x21;
    await assertRejects(() => decodeImage(other), ImageError, name);
  }
  const heightless = file.slice();
  heightless.fill(0, frame + 5, frame + 7);
  await assertRejects(() => decodeImage(heightless), ImageError, "behind the image (DNL)");
});

Deno.test("a PNG file that claims a size beyond the limit is refused before anything is allocated", async () => {
  const file = fixture("rgb.png");
  const header = new DataView(file.buffer);
  header.setUint32(16, 2 ** 31 - 1);
  header.setUint32(20, 2 ** 31 - 1);
  await assertRejects(() => decodeImage(file), ImageError, "2147483647×2147483647");
  header.setUint32(16, 0);
  await assertRejects(() => decodeImage(file), ImageError, "0×2147483647");
});

Deno.test("a photograph is upright as it is where its EXIF data are absent, cut or out of range", async () => {
  const file = fixture("orientation_6.jpg");
  const start = file.findIndex((byte, i) => byte === 0xff && file[i + 1] === 0xe1) + 4;
  assertEquals(exifOrientation(file.subarray(start)), 6);
  for (let length = 0; length < 60; length++) {
    assert([undefined, 6].includes(exifOrientation(file.subarray(start, start + length))));
  }
  const value = start + 6 + 8 + 2 + 8; // behind "Exif", the TIFF header, the number of entries, and the entry's beginning
  for (const orientation of [0, 9, 255]) {
    const odd = file.slice();
    odd[value] = odd[value + 1] = orientation;
    const { width, height } = await decodeImage(odd);
    assertEquals([width, height], [40, 28]);
  }
});
