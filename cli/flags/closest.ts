/**
 * Suggestions for names that don't exist.
 *
 * @module
 */

import leven from "npm:leven@4.1.0";

/** Names that differ in more than this share of their letters are different names. */
const MOST_DIFFERENT = 0.4;

/**
 * The name that is spelled most like what was typed, or begins with it.
 *
 * @param typed A name, without dashes in front.
 * @param names The names that there are.
 * @returns One of them; undefined where none is like it.
 */
export function closest(typed: string, names: readonly string[]): string | undefined {
  const meant = typed.toLowerCase().replaceAll("_", "-");
  const longer = names.find((name) => name.startsWith(meant));
  if (longer !== undefined) return longer;
  const difference = (name: string): number => leven(meant, name) / Math.max(meant.length, name.length);
  const best = names.reduce((best, name) => difference(name) < difference(best) ? name : best, names[0] ?? "");
  return difference(best) <= MOST_DIFFERENT ? best : undefined;
}
