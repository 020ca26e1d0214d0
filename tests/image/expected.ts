/**
 * The values that Pillow, torch and torchvision made of the images in tests/fixtures/images; make.py there says how.
 */

import type { ImageOptions } from "../../data/image/image.ts";

interface Rgb {
  width: number;
  height: number;
  rgb: string;
}

interface Expected {
  files: (Rgb & { file: string })[];
  resize: Rgb & { cases: (Rgb & { interpolation: "bilinear" | "bicubic"; floats: string })[] };
  pipelines: { source: Rgb; options: ImageOptions; shape: number[]; data: string }[];
}

const folder = new URL("../fixtures/images/", import.meta.url);

export const expected = JSON.parse(Deno.readTextFileSync(new URL("expected.json", folder))) as Expected;

export function fixture(file: string): Uint8Array<ArrayBuffer> {
  return Deno.readFileSync(new URL(file, folder));
}

export function bytesOf(base64: string): Uint8ClampedArray<ArrayBuffer> {
  return Uint8ClampedArray.from(atob(base64), (character) => character.charCodeAt(0));
}

export function floatsOf(base64: string): Float32Array {
  return new Float32Array(bytesOf(base64).buffer);
}

/** The largest difference, and the mean one. */
export function difference(actual: ArrayLike<number>, expected: ArrayLike<number>): { largest: number; mean: number } {
  if (actual.length !== expected.length) throw new Error(`${actual.length} values, expected ${expected.length}`);
  let largest = 0;
  let sum = 0;
  for (let i = 0; i < actual.length; i++) {
    const distance = Math.abs(actual[i]! - expected[i]!);
    if (Number.isNaN(distance)) throw new Error(`value ${i} is not a number`);
    largest = Math.max(largest, distance);
    sum += distance;
  }
  return { largest, mean: sum / actual.length };
}
