import { PANEL } from "../constants";
import { FormatId } from "../kernel_id";
import { floatsToHalves, halvesToFloats } from "./half";
import { panelBytes } from "./panels";
import { shareStart } from "./split";

/** Writes row-major f32 rows into a weight. Arguments: rows, weight, first row, row count, in, format. */
export function writeRows(args: usize, thread: i32, threads: i32, scratch: usize): void {
  const rows: usize = load<u32>(args);
  const weight: usize = load<u32>(args, 4);
  const firstRow = load<i32>(args, 8);
  const count = load<i32>(args, 12);
  const inSize = load<i32>(args, 16);
  const format = load<i32>(args, 20);
  const bytes = panelBytes(inSize, format);
  const stride = <usize> inSize << 2;
  const to = shareStart(count, thread + 1, threads);
  let row = shareStart(count, thread, threads);
  while (row < to) {
    const at = firstRow + row;
    const lane = at % PANEL;
    const panel = weight + at / PANEL * bytes;
    const from = rows + row * stride;
    if (format == FormatId.f16) {
      row += 1;
      writeHalves(from, panel + (<usize> lane << 1), inSize);
    } else if (lane % 4 == 0 && row + 4 <= to) {
      row += 4;
      writeFourRows(from, stride, panel + (<usize> lane << 2), inSize);
    } else {
      row += 1;
      writeFloats(from, panel + (<usize> lane << 2), inSize);
    }
  }
}

/** Reads rows of a weight as row-major f32. Arguments: weight, rows, first row, row count, in, format. */
export function readRows(args: usize, thread: i32, threads: i32, scratch: usize): void {
  const weight: usize = load<u32>(args);
  const rows: usize = load<u32>(args, 4);
  const firstRow = load<i32>(args, 8);
  const count = load<i32>(args, 12);
  const inSize = load<i32>(args, 16);
  const format = load<i32>(args, 20);
  const to = shareStart(count, thread + 1, threads);
  for (let row = shareStart(count, thread, threads); row < to; row++) {
    readRow(weight, firstRow + row, inSize, format, rows + (<usize> row * inSize << 2));
  }
}

/** Copies one row of a weight as f32. */
export function readRow(weight: usize, row: i32, inSize: i32, format: i32, to: usize): void {
  const lane = <usize> (row % PANEL);
  const panel = weight + row / PANEL * panelBytes(inSize, format);
  const end = to + (<usize> inSize << 2);
  if (format == FormatId.f16) {
    for (let from = panel + (lane << 1); to < end; from += PANEL << 1, to += 4) {
      store<f32>(to, f32x4.extract_lane(halvesToFloats(i32x4.splat(load<i16>(from))), 0));
    }
  } else {
    for (let from = panel + (lane << 2); to < end; from += PANEL << 2, to += 4) store<f32>(to, load<f32>(from));
  }
}

/** Four rows, from a lane that is a multiple of 4. */
function writeFourRows(a: usize, stride: usize, to: usize, inSize: i32): void {
  let b = a + stride, c = b + stride, d = c + stride;
  const end = a + (<usize> inSize << 2);
  for (const vectors = a + (<usize> (inSize & ~3) << 2); a < vectors; a += 16, b += 16, c += 16, d += 16) {
    const va = v128.load(a), vb = v128.load(b), vc = v128.load(c), vd = v128.load(d);
    const ab = v128.shuffle<f32>(va, vb, 0, 4, 1, 5), cd = v128.shuffle<f32>(vc, vd, 0, 4, 1, 5);
    const ef = v128.shuffle<f32>(va, vb, 2, 6, 3, 7), gh = v128.shuffle<f32>(vc, vd, 2, 6, 3, 7);
    v128.store(to, v128.shuffle<i64>(ab, cd, 0, 2));
    v128.store(to, v128.shuffle<i64>(ab, cd, 1, 3), PANEL << 2);
    v128.store(to, v128.shuffle<i64>(ef, gh, 0, 2), PANEL << 3);
    v128.store(to, v128.shuffle<i64>(ef, gh, 1, 3), PANEL * 12);
    to += PANEL << 4;
  }
  for (; a < end; a += 4, b += 4, c += 4, d += 4, to += PANEL << 2) {
    store<f32>(to, load<f32>(a));
    store<f32>(to, load<f32>(b), 4);
    store<f32>(to, load<f32>(c), 8);
    store<f32>(to, load<f32>(d), 12);
  }
}

function writeFloats(from: usize, to: usize, inSize: i32): void {
  for (const end = from + (<usize> inSize << 2); from < end; from += 4, to += PANEL << 2) store<f32>(to, load<f32>(from));
}

function writeHalves(from: usize, to: usize, inSize: i32): void {
  for (const end = from + (<usize> inSize << 2); from < end; from += 4, to += PANEL << 1) {
    store<u16>(to, <u16> i16x8.extract_lane_u(floatsToHalves(v128.load_zero<f32>(from)), 0));
  }
}
