/**
 * Color planes to the size of the image. Halved planes are widened by libjpeg's "fancy upsampling": each new sample is
 * three parts the nearer one and one part the farther, rounded up and down in turns. Planes that are divided otherwise
 * are repeated, as libjpeg does.
 *
 * @module
 */

/** The samples of one component. */
export interface Plane {
  /** Rows of `stride` samples; those beyond `width` and `height` fill up blocks. */
  readonly samples: Uint8ClampedArray;
  readonly stride: number;
  readonly width: number;
  readonly height: number;
  /** How many columns of the image share a sample. */
  readonly columns: number;
  /** How many rows of the image share a sample. */
  readonly rows: number;
}

/**
 * A row of a plane at the image's size.
 *
 * @param plane The plane.
 * @param y The row of the image.
 * @param row Gets the samples; as long as the plane's rows once they are widened.
 */
export function upsampleRow(plane: Plane, y: number, row: Uint8ClampedArray): void {
  const { samples, stride, width, height, columns, rows } = plane;
  const nearY = Math.floor(y / rows);
  const near = samples.subarray(nearY * stride, nearY * stride + width);
  if (columns === 1 && rows === 1) return row.set(near);
  const isUpper = y % 2 === 0;
  const farY = Math.min(Math.max(isUpper ? nearY - 1 : nearY + 1, 0), height - 1);
  const far = samples.subarray(farY * stride, farY * stride + width);
  if (columns === 1 && rows === 2) return mixRows(near, far, isUpper ? 1 : 2, row);
  // libjpeg repeats what is too narrow to have samples between its edges.
  if (columns === 2 && rows === 1 && width > 2) return widen(near, row);
  if (columns === 2 && rows === 2 && width > 2) return widenMixed(near, far, row);
  for (let x = 0; x < width; x++) row.fill(near[x] ?? 0, x * columns, (x + 1) * columns);
}

function mixRows(near: Uint8ClampedArray, far: Uint8ClampedArray, half: number, row: Uint8ClampedArray): void {
  for (let x = 0; x < near.length; x++) row[x] = 3 * (near[x] ?? 0) + (far[x] ?? 0) + half >> 2;
}

function widen(near: Uint8ClampedArray, row: Uint8ClampedArray): void {
  const last = near.length - 1;
  for (let x = 0; x <= last; x++) {
    const sample = near[x] ?? 0;
    row[2 * x] = x === 0 ? sample : 3 * sample + (near[x - 1] ?? 0) + 1 >> 2;
    row[2 * x + 1] = x === last ? sample : 3 * sample + (near[x + 1] ?? 0) + 2 >> 2;
  }
}

/** Both ways at once; rounded once, at the end. */
function widenMixed(near: Uint8ClampedArray, far: Uint8ClampedArray, row: Uint8ClampedArray): void {
  const last = near.length - 1;
  let left = 3 * (near[0] ?? 0) + (far[0] ?? 0);
  let sum = left;
  for (let x = 0; x <= last; x++) {
    const right = x === last ? sum : 3 * (near[x + 1] ?? 0) + (far[x + 1] ?? 0);
    row[2 * x] = 3 * sum + left + 8 >> 4; // at the edges `left` or `right` is the sum itself
    row[2 * x + 1] = 3 * sum + right + 7 >> 4;
    left = sum;
    sum = right;
  }
}
