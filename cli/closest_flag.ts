/**
 * Suggestions for flags that don't exist.
 *
 * @module
 */

// @ts-types="./levenshtein_distance.d.ts"
import { levenshteinDistance } from "@std/text/levenshtein-distance";

/** Names that differ in more than this share of their letters are different names. */
const MOST_DIFFERENT = 0.4;

/**
 * The flag that is spelled most like a name, or begins with it.
 *
 * @param name The text that was typed, without dashes in front.
 * @param flags The flags that there are, without dashes too.
 * @returns One of them; undefined where none is like it.
 */
export function closestFlag(name: string, flags: readonly string[]): string | undefined {
  const typed = name.toLowerCase().replaceAll("_", "-");
  const longer = flags.find((flag) => flag.startsWith(typed));
  if (longer !== undefined) return longer;
  const difference = (flag: string): number => levenshteinDistance(typed, flag) / Math.max(typed.length, flag.length);
  const closest = flags.reduce((best, flag) => difference(flag) < difference(best) ? flag : best, flags[0] ?? "");
  return difference(closest) <= MOST_DIFFERENT ? closest : undefined;
}
