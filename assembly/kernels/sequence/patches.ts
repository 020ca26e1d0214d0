import { shareStart } from "../common/split";

/** Cuts images [b, c, h, w] into patches [p · p · c], channel fastest. Arguments: images, out, b, c, h, w, p. */
export function patches(args: usize, thread: i32, threads: i32, scratch: usize): void {
  const images: usize = load<u32>(args);
  const out: usize = load<u32>(args, 4);
  const batch = load<i32>(args, 8);
  const channels = load<i32>(args, 12);
  const height = load<i32>(args, 16);
  const width = load<i32>(args, 20);
  const size = load<i32>(args, 24);
  const columns = width / size;
  const perImage = (height / size) * columns;
  const bytes = <usize> (size * size * channels) << 2;
  const to = shareStart(batch * perImage, thread + 1, threads);
  for (let patch = shareStart(batch * perImage, thread, threads); patch < to; patch++) {
    const image = patch / perImage;
    const place = patch - image * perImage;
    const corner = (place / columns) * size * width + (place % columns) * size;
    const first = images + ((<usize> image * channels * height * width + corner) << 2);
    cutPatch(first, out + patch * bytes, channels, <usize> (height * width) << 2, <usize> width << 2, size);
  }
}

function cutPatch(first: usize, out: usize, channels: i32, plane: usize, line: usize, size: i32): void {
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      const pixel = first + y * line + (<usize> x << 2);
      for (let channel = 0; channel < channels; channel++, out += 4) store<f32>(out, load<f32>(pixel + channel * plane));
    }
  }
}
