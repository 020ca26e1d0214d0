/** The part of `@std/text` that is used here; the package it comes from has no types. */

/** How many letters must be put in, taken out or changed to make one text of another. */
export function levenshteinDistance(one: string, other: string): number;
