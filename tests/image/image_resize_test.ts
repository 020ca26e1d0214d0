import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { resizePixels } from "../../data/image/resize.ts";
import { bytesOf, difference, expected, floatsOf } from "./expected.ts";

const { width, height, rgb, cases } = expected.resize;
const source = { data: bytesOf(rgb), width, height };

for (const { interpolation, ...size } of cases) {
  Deno.test(`${width}×${height} to ${size.width}×${size.height}, ${interpolation}: Pillow's bytes, torch's floats`, () => {
    const bytes = resizePixels(source, size.width, size.height, interpolation);
    assertEquals([bytes.width, bytes.height], [size.width, size.height]);
    assertEquals(bytes.data, bytesOf(size.rgb));

    const unit = { ...source, data: Float32Array.from(source.data, (byte) => byte / 255) };
    const floats = resizePixels(unit, size.width, size.height, interpolation);
    const { largest } = difference(floats.data, floatsOf(size.floats));
    assert(largest < 1e-5, `differs by ${largest}`);
  });
}

Deno.test("one color stays that color at any size", () => {
  const side = fc.integer({ min: 1, max: 40 });
  const color = fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255));
  fc.assert(fc.property(color, side, side, side, side, fc.boolean(), (color, w, h, newW, newH, isCubic) => {
    const data = Uint8ClampedArray.from({ length: w * h * 3 }, (_, i) => color[i % 3]!);
    const result = resizePixels({ data, width: w, height: h }, newW, newH, isCubic ? "bicubic" : "bilinear");
    assertEquals(result.data, Uint8ClampedArray.from({ length: newW * newH * 3 }, (_, i) => color[i % 3]!));
  }));
});
