import { PANEL } from "../../records/constants";
import { ActivationId, FormatId } from "../../records/kernel_id";
import { SHIFTED_BITS, shiftHalves } from "../common/half";
import { lanes } from "../common/math";
import { madd } from "../common/simd";
import { shareStart } from "../common/split";
import { activateValues } from "../elementwise/activation";
import { panelBytes, panelCount } from "../weights/panels";

const TWO_TO_56 = memory.data<f32>([7.205759403792794e16]);
const TWO_TO_MINUS_56 = memory.data<f32>([1.3877787807814457e-17]);

/** `linear` of a single row: each panel is one stream through the weight, 32 sums in 8 registers. */
export function linearRow(
  x: usize,
  weight: usize,
  bias: usize,
  out: usize,
  inSize: i32,
  outSize: i32,
  format: i32,
  activation: i32,
  thread: i32,
  threads: i32,
  scratch: usize,
): void {
  const panels = panelCount(outSize);
  const bytes = panelBytes(inSize, format);
  const to = shareStart(panels, thread + 1, threads);
  for (let panel = shareStart(panels, thread, threads); panel < to; panel++) {
    const columns = min(PANEL, outSize - panel * PANEL);
    const target = out + (<usize> panel * PANEL << 2);
    // A panel that sticks out of the result is summed in scratch memory.
    const sums = columns < PANEL ? scratch : target;
    if (bias) memory.copy(sums, bias + (<usize> panel * PANEL << 2), <usize> columns << 2);
    else memory.fill(sums, 0, <usize> columns << 2);
    if (format == FormatId.f16) sumHalves(weight + panel * bytes, x, inSize, sums);
    else sumFloats(weight + panel * bytes, x, inSize, sums);
    if (activation != ActivationId.none) activateValues(sums, sums, columns, activation);
    if (sums != target) memory.copy(target, sums, <usize> columns << 2);
  }
}

/** sums += x · panel, over an f32 panel [in][32]. */
export function sumFloats(weight: usize, x: usize, inSize: i32, sums: usize): void {
  let a = v128.load(sums), b = v128.load(sums, 16), c = v128.load(sums, 32), d = v128.load(sums, 48);
  let e = v128.load(sums, 64), f = v128.load(sums, 80), g = v128.load(sums, 96), h = v128.load(sums, 112);
  for (const end = x + (<usize> inSize << 2); x < end; x += 4, weight += 128) {
    const value = v128.load32_splat(x);
    a = madd(v128.load(weight), value, a);
    b = madd(v128.load(weight, 16), value, b);
    c = madd(v128.load(weight, 32), value, c);
    d = madd(v128.load(weight, 48), value, d);
    e = madd(v128.load(weight, 64), value, e);
    f = madd(v128.load(weight, 80), value, f);
    g = madd(v128.load(weight, 96), value, g);
    h = madd(v128.load(weight, 112), value, h);
  }
  v128.store(sums, a);
  v128.store(sums, b, 16);
  v128.store(sums, c, 32);
  v128.store(sums, d, 48);
  v128.store(sums, e, 64);
  v128.store(sums, f, 80);
  v128.store(sums, g, 96);
  v128.store(sums, h, 112);
}

/**
 * sums += x · panel, over an f16 panel [in][32]. Weights come as w · 2^-112; x · 2^56 and sums · 2^56 make up for it at
 * no cost per weight.
 */
function sumHalves(weight: usize, x: usize, inSize: i32, sums: usize): void {
  const down = lanes(TWO_TO_MINUS_56);
  let a = f32x4.mul(v128.load(sums), down), b = f32x4.mul(v128.load(sums, 16), down);
  let c = f32x4.mul(v128.load(sums, 32), down), d = f32x4.mul(v128.load(sums, 48), down);
  let e = f32x4.mul(v128.load(sums, 64), down), f = f32x4.mul(v128.load(sums, 80), down);
  let g = f32x4.mul(v128.load(sums, 96), down), h = f32x4.mul(v128.load(sums, 112), down);
  const up = lanes(TWO_TO_56);
  const mask = lanes(SHIFTED_BITS);
  for (const end = x + (<usize> inSize << 2); x < end; x += 4, weight += 64) {
    const value = f32x4.mul(v128.load32_splat(x), up);
    a = madd(shiftHalves(v128.load_ext<i16>(weight), mask), value, a);
    b = madd(shiftHalves(v128.load_ext<i16>(weight, 8), mask), value, b);
    c = madd(shiftHalves(v128.load_ext<i16>(weight, 16), mask), value, c);
    d = madd(shiftHalves(v128.load_ext<i16>(weight, 24), mask), value, d);
    e = madd(shiftHalves(v128.load_ext<i16>(weight, 32), mask), value, e);
    f = madd(shiftHalves(v128.load_ext<i16>(weight, 40), mask), value, f);
    g = madd(shiftHalves(v128.load_ext<i16>(weight, 48), mask), value, g);
    h = madd(shiftHalves(v128.load_ext<i16>(weight, 56), mask), value, h);
  }
  v128.store(sums, f32x4.mul(a, up));
  v128.store(sums, f32x4.mul(b, up), 16);
  v128.store(sums, f32x4.mul(c, up), 32);
  v128.store(sums, f32x4.mul(d, up), 48);
  v128.store(sums, f32x4.mul(e, up), 64);
  v128.store(sums, f32x4.mul(f, up), 80);
  v128.store(sums, f32x4.mul(g, up), 96);
  v128.store(sums, f32x4.mul(h, up), 112);
}
