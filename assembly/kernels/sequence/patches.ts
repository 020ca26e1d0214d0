import { Tensor } from "../common/fields";
import { shareStart } from "../common/split";

// @ts-ignore: decorator
@unmanaged
export class PatchesArguments {
  /** [b, c, h, w]. */
  images: Tensor;
  /** [b, patches, p · p · c]. */
  out: Tensor;
  imagesShape0: i32;
  imagesShape1: i32;
  imagesShape2: i32;
  imagesShape3: i32;
  patchSize: i32;
}

/** Cuts images into patches, channel fastest. */
export function patches(a: PatchesArguments, thread: i32, threads: i32, scratch: usize): void {
  const batch = a.imagesShape0;
  const channels = a.imagesShape1;
  const height = a.imagesShape2;
  const width = a.imagesShape3;
  const size = a.patchSize;
  const columns = width / size;
  const perImage = (height / size) * columns;
  const bytes = <usize> (size * size * channels) << 2;
  const to = shareStart(batch * perImage, thread + 1, threads);
  for (let patch = shareStart(batch * perImage, thread, threads); patch < to; patch++) {
    const image = patch / perImage;
    const place = patch - image * perImage;
    const corner = (place / columns) * size * width + (place % columns) * size;
    const first = a.images + ((<usize> image * channels * height * width + corner) << 2);
    cutPatch(first, a.out + patch * bytes, channels, <usize> (height * width) << 2, <usize> width << 2, size);
  }
}

function cutPatch(first: usize, out: usize, channels: i32, plane: usize, line: usize, size: i32): void {
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      const pixel = first + y * line + (<usize> x << 2);
      for (let channel = 0; channel < channels; channel++, out += 4) {
        store<f32>(out, load<f32>(pixel + channel * plane));
      }
    }
  }
}
