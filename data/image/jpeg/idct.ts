/**
 * The inverse discrete cosine transform of 8×8 blocks in whole numbers: C. Loeffler, A. Ligtenberg and G. Moschytz,
 * Practical fast 1-D DCT algorithms with 11 multiplications, 1989. Constants, precision and rounding are those of
 * libjpeg's `islow`, which the programs people compare with use, so samples are equal to theirs.
 *
 * @module
 */

/** Constants have 13 bits behind the point, and the first pass's results 2. */
const CONSTANT_BITS = 13;
const FIRST_PASS_BITS = 2;

const FIX_0_298631336 = 2446;
const FIX_0_390180644 = 3196;
const FIX_0_541196100 = 4433;
const FIX_0_765366865 = 6270;
const FIX_0_899976223 = 7373;
const FIX_1_175875602 = 9633;
const FIX_1_501321110 = 12299;
const FIX_1_847759065 = 15137;
const FIX_1_961570560 = 16069;
const FIX_2_053119869 = 16819;
const FIX_2_562915447 = 20995;
const FIX_3_072711026 = 25172;

const workspace = new Int32Array(64);

/**
 * Transforms a block.
 *
 * @param coefficients Where the block is: 64 numbers row by row, multiplied by the quantization table here.
 * @param start Its place there.
 * @param quantization The table, in the same order.
 * @param samples Gets the samples, 0 to 255.
 * @param at Where its first row goes.
 * @param stride From one row to the next.
 */
export function inverseTransform(
  coefficients: Int16Array,
  start: number,
  quantization: Uint16Array,
  samples: Uint8ClampedArray,
  at: number,
  stride: number,
): void {
  let isFlat = true;
  for (let i = 0; i < 64; i++) {
    const coefficient = coefficients[start + i] ?? 0;
    workspace[i] = Math.imul(coefficient, quantization[i] ?? 0);
    if (coefficient !== 0 && i > 0) isFlat = false;
  }
  if (isFlat) {
    const level = ((workspace[0] ?? 0) + 4 >> 3) + 128;
    for (let y = 0; y < 8; y++) samples.fill(level, at + y * stride, at + y * stride + 8);
    return;
  }
  for (let x = 0; x < 8; x++) transformLine(x, 8, CONSTANT_BITS - FIRST_PASS_BITS);
  for (let y = 0; y < 8; y++) {
    transformLine(y * 8, 1, CONSTANT_BITS + FIRST_PASS_BITS + 3);
    for (let x = 0; x < 8; x++) samples[at + y * stride + x] = (workspace[y * 8 + x] ?? 0) + 128; // the array clamps
  }
}

/** Transforms eight numbers of the workspace in place, and rounds away `shift` bits. */
function transformLine(start: number, step: number, shift: number): void {
  const w = workspace;
  const in0 = w[start] ?? 0;
  const in1 = w[start + step] ?? 0;
  const in2 = w[start + 2 * step] ?? 0;
  const in3 = w[start + 3 * step] ?? 0;
  const in4 = w[start + 4 * step] ?? 0;
  const in5 = w[start + 5 * step] ?? 0;
  const in6 = w[start + 6 * step] ?? 0;
  const in7 = w[start + 7 * step] ?? 0;

  const rotated = Math.imul(in2 + in6, FIX_0_541196100);
  const even2 = rotated - Math.imul(in6, FIX_1_847759065);
  const even3 = rotated + Math.imul(in2, FIX_0_765366865);
  const even0 = (in0 + in4 << CONSTANT_BITS) + (1 << shift - 1); // with half of what is rounded away
  const even1 = (in0 - in4 << CONSTANT_BITS) + (1 << shift - 1);

  const common = Math.imul(in7 + in3 + in5 + in1, FIX_1_175875602);
  const sum73 = common - Math.imul(in7 + in3, FIX_1_961570560);
  const sum51 = common - Math.imul(in5 + in1, FIX_0_390180644);
  const sum71 = -Math.imul(in7 + in1, FIX_0_899976223);
  const sum53 = -Math.imul(in5 + in3, FIX_2_562915447);
  const odd3 = Math.imul(in7, FIX_0_298631336) + sum71 + sum73;
  const odd2 = Math.imul(in5, FIX_2_053119869) + sum53 + sum51;
  const odd1 = Math.imul(in3, FIX_3_072711026) + sum53 + sum73;
  const odd0 = Math.imul(in1, FIX_1_501321110) + sum71 + sum51;

  w[start] = even0 + even3 + odd0 >> shift;
  w[start + 7 * step] = even0 + even3 - odd0 >> shift;
  w[start + step] = even1 + even2 + odd1 >> shift;
  w[start + 6 * step] = even1 + even2 - odd1 >> shift;
  w[start + 2 * step] = even1 - even2 + odd2 >> shift;
  w[start + 5 * step] = even1 - even2 - odd2 >> shift;
  w[start + 3 * step] = even0 - even3 + odd3 >> shift;
  w[start + 4 * step] = even0 - even3 - odd3 >> shift;
}
