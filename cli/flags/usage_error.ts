/**
 * A command line that can't be followed.
 *
 * @module
 */

/** A command line that can't be followed: the exit code is 2. */
export class UsageError extends Error {
  /** The name of the class. */
  override readonly name = "UsageError";
}

/** Characters of what was typed that messages repeat. */
const LONGEST_QUOTE = 80;

/** A text as it was typed, in one line and not too long. */
export function quote(typed: string): string {
  return JSON.stringify(typed.length > LONGEST_QUOTE ? typed.slice(0, LONGEST_QUOTE) + "..." : typed);
}
