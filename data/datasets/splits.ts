/**
 * The parts that a dataset is built in.
 *
 * @module
 */

/** The split of the documents that are held out. */
export const VALIDATION = "validation";

/** The splits of a dataset; checkpoints are where shards of the first one end. */
export function splitsOf(
  { split, validation }: { readonly split: string; readonly validation: number },
): readonly string[] {
  return validation > 0 ? [split, VALIDATION] : [split];
}
