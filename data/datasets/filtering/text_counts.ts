/**
 * What became of the texts of a dataset, in numbers.
 *
 * @module
 */

/**
 * What became of the texts of a dataset.
 *
 * @category Data
 */
export interface TextCounts {
  /** Texts that were read. */
  readonly texts: number;
  /** Rows of files that were skipped, because they have no text. */
  readonly skipped: number;
  /** Texts that were left out, because they have fewer tokens than `minTokens`. */
  readonly tooShort: number;
  /** Texts that were cut to `maxTokens`. */
  readonly cut: number;
  /** Texts that were left out, because an equal one was there before. */
  readonly duplicates: number;
  /** Texts that were left out, because a nearly equal one was there before. */
  readonly nearDuplicates: number;
}

/** None of all. */
export const NO_TEXTS: TextCounts = { texts: 0, skipped: 0, tooShort: 0, cut: 0, duplicates: 0, nearDuplicates: 0 };
