import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { ImageError, imageTensor } from "../../data/image/image.ts";
import { ConfigError, ShapeError } from "../../errors.ts";
import { bytesOf, difference, expected, fixture, floatsOf } from "./expected.ts";

const png = expected.files.find(({ file }) => file === "rgb.png")!;

Deno.test("resize, crop and normalize give torchvision's tensor", async () => {
  assertEquals(expected.pipelines.length, 8);
  for (const { source, options, shape, data } of expected.pipelines) {
    const image = await imageTensor({ ...source, data: bytesOf(source.rgb) }, options);
    assertEquals(image.shape as readonly number[], shape);
    const { largest } = difference(image.data, floatsOf(data));
    assert(largest < 1e-6, `differs by ${largest}`);
  }
});

Deno.test("without options pixels lie between 0 and 1, plane by plane", async () => {
  const data = Uint8Array.of(255, 0, 51, 0, 255, 102); // two pixels
  const image = await imageTensor({ data, width: 2, height: 1 });
  assertEquals(image, { data: Float32Array.of(1, 0, 0, 1, 0.2, 0.4), shape: [1, 3, 1, 2] });
});

Deno.test("every source of the same pixels gives the same tensor", async () => {
  const file = fixture("rgb.png");
  const { width, height } = png;
  const rgb = bytesOf(png.rgb);
  const rgba = new Uint8ClampedArray(width * height * 4).fill(255);
  for (let i = 0; i < width * height; i++) rgba.set(rgb.subarray(i * 3, i * 3 + 3), i * 4);
  const bitmap = await createImageBitmap(new Blob([file]));
  const sources = {
    ArrayBuffer: file.buffer,
    Blob: new Blob([file]),
    ImageBitmap: bitmap,
    "ImageBitmap once more": bitmap,
    ImageData: new ImageData(rgba, width, height),
    "raw RGB": { data: rgb, width, height },
    "raw RGBA": { data: new Uint8Array(rgba), width, height },
    "raw floats": { data: Float32Array.from(rgb, (byte) => byte / 255), width, height },
  };
  const image = await imageTensor(file);
  for (const [name, source] of Object.entries(sources)) {
    const { largest } = difference((await imageTensor(source)).data, image.data);
    assertEquals(largest, 0, name);
  }
  bitmap.close();
  await assertRejects(() => imageTensor(bitmap), ShapeError, "closed");
});

Deno.test("normalizing takes one number or three", async () => {
  const source = { data: Uint8Array.of(255, 255, 255), width: 1, height: 1 };
  assertEquals([...(await imageTensor(source, { mean: 0.5, std: 0.5 })).data], [1, 1, 1]);
  assertEquals([...(await imageTensor(source, { mean: [0, 0.5, 1], std: [1, 2, 4] })).data], [1, 0.25, 0]);
});

Deno.test("pixels that don't fit their size are refused", async () => {
  const data = new Uint8Array(12);
  for (const [width, height] of [[0, 4], [4, 0], [-2, -2], [1.5, 2], [NaN, 2]] as const) {
    await assertRejects(() => imageTensor({ data, width, height }), ShapeError, `${width}×${height}`);
  }
  const error = await assertRejects(() => imageTensor({ data, width: 3, height: 3 }), ShapeError);
  assertStringIncludes(error.message, "from 12 values: expected 27 (RGB) or 36 (RGBA)");
});

Deno.test("a pixel that is no number is refused with its place", async () => {
  for (const value of [NaN, Infinity, -Infinity]) {
    const data = new Float32Array(3 * 4 * 2);
    data[(1 * 4 + 2) * 3 + 1] = value;
    await assertRejects(() => imageTensor({ data, width: 4, height: 2 }), ImageError, `${value} at column 2 of row 1`);
  }
});

Deno.test("values that are no image are refused", async () => {
  await assertRejects(() => imageTensor("cat.png" as never), ImageError, "from string");
  await assertRejects(() => imageTensor(null as never), ImageError, "from null");
  await assertRejects(() => imageTensor({ data: [1, 2, 3], width: 1, height: 1 } as never), ImageError, "Uint8Array");
  await assertRejects(() => imageTensor(new Blob(["no image"])), ImageError, "PNG or JPEG");
});

Deno.test("options out of their range are refused before the image is read", async () => {
  const noImage = new Uint8Array(0);
  const refused = [
    [{ resize: 0 }, "resize to 0"],
    [{ resize: [8, 1.5] }, "resize to [8, 1.5]"],
    [{ crop: [8] }, "crop to [8]"],
    [{ crop: NaN }, "crop to NaN"],
    [{ std: [1, 0, 1] }, "std [1, 0, 1]"],
    [{ mean: [1, 2] }, "mean [1, 2]"],
    [{ mean: NaN }, "mean NaN"],
    [{ interpolation: "nearest" }, '"nearest"'],
  ] as const;
  for (const [options, message] of refused) {
    await assertRejects(() => imageTensor(noImage, options as never), ConfigError, message);
  }
});

Deno.test("a crop larger than the image is refused", async () => {
  const error = await assertRejects(() => imageTensor(fixture("rgb.png"), { crop: 10 }), ShapeError);
  assertStringIncludes(error.message, "9×13 (height×width) to 10×10");
});
