/**
 * The errors of images.
 *
 * @module
 */

/**
 * An image that can't be read: what it is, what was expected.
 *
 * @example
 * ```ts
 * import { ImageError, imageTensor } from "../../mod.ts";
 *
 * try {
 *   await imageTensor(new TextEncoder().encode("<svg></svg>"));
 * } catch (error) {
 *   if (!(error instanceof ImageError)) throw error;
 *   console.log(error.message);
 * }
 * ```
 *
 * @category Errors
 */
export class ImageError extends Error {
  /** The name of the class. */
  override readonly name = "ImageError";
}

/** The error of a file that is damaged, or was never right. */
export function damaged(kind: "JPEG" | "PNG", what: string): ImageError {
  return new ImageError(`Cannot read a damaged ${kind} file: ${what}`);
}
