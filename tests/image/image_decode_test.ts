import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import fc from "fast-check";
import { exifOrientation } from "../../data/exif.ts";
import { decodeImage, ImageError } from "../../data/image_decode.ts";
import { bytesOf, difference, expected, fixture } from "./expected.ts";

Deno.test("PNG files of every kind decode to Pillow's bytes", async () => {
  const files = expected.files.filter(({ file }) => file.endsWith(".png"));
  assertEquals(files.length, 9);
  for (const { file, width, height, rgb } of files) {
    const image = await decodeImage(fixture(file));
    assertEquals([image.width, image.height], [width, height], file);
    assertEquals(image.data, bytesOf(rgb), file);
  }
});

Deno.test("JPEG files decode to Pillow's pixels but for rounding, upright whatever their orientation", async () => {
  const files = expected.files.filter(({ file }) => file.endsWith(".jpg") && !file.includes("420"));
  assertEquals(files.length, 11);
  for (const { file, width, height, rgb } of files) {
    const image = await decodeImage(fixture(file));
    assertEquals([image.width, image.height], [width, height], file);
    const { largest, mean } = difference(image.data, bytesOf(rgb));
    assert(largest <= 3 && mean < 0.6, `${file}: ${largest} at most, ${mean} on average`);
  }
});

Deno.test("a JPEG file with halved chroma differs where libjpeg smooths it", async () => {
  const { rgb } = expected.files.find(({ file }) => file === "baseline_420.jpg")!;
  const { largest, mean } = difference((await decodeImage(fixture("baseline_420.jpg"))).data, bytesOf(rgb));
  assert(largest <= 13 && mean < 3, `${largest} at most, ${mean} on average`);
});

Deno.test("a file is read from a view into a larger buffer", async () => {
  const file = fixture("rgb.png");
  const padded = new Uint8Array(file.length + 20);
  padded.set(file, 7);
  assertEquals(await decodeImage(padded.subarray(7, 7 + file.length)), await decodeImage(file));
});

Deno.test("what is neither PNG nor JPEG is refused with its first bytes", async () => {
  const gif = new TextEncoder().encode("GIF89a....");
  const error = await assertRejects(() => decodeImage(gif), ImageError);
  assertStringIncludes(error.message, "expected a PNG or JPEG file, got 10 bytes that begin 47 49 46 38");
  await assertRejects(() => decodeImage(new Uint8Array(0)), ImageError, "got 0 bytes");
});

Deno.test("a PNG file that was cut anywhere is refused", async () => {
  const file = fixture("interlaced.png");
  for (let length = 0; length < file.length; length++) {
    await assertRejects(() => decodeImage(file.subarray(0, length)), ImageError);
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

Deno.test("a damaged JPEG file gives an ImageError or an image, nothing else", async () => {
  const file = fixture("baseline_444.jpg");
  await fc.assert(fc.asyncProperty(fc.nat(file.length - 1), fc.nat(255), fc.boolean(), async (at, byte, isCut) => {
    const damaged = isCut ? file.slice(0, at) : file.slice();
    damaged[at] = byte;
    const image = await decodeImage(damaged).catch((error) => error);
    assert(image instanceof ImageError || image.data.length === image.width * image.height * 3, String(image));
  }));
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

Deno.test("orientation is 1 where the EXIF data are absent or broken", () => {
  assertEquals(exifOrientation(fixture("baseline_444.jpg")), 1);
  const file = fixture("orientation_6.jpg");
  assertEquals(exifOrientation(file), 6);
  for (let length = 3; length < 60; length++) assert([1, 6].includes(exifOrientation(file.subarray(0, length))));
});
