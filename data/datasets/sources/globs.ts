/**
 * Patterns of paths, as dataset cards name files by: `*` and `?` stand for what is within a folder, `**` for folders
 * too, `[a-z]` for a character, `{a,b}` for one of several.
 *
 * @module
 */

import { DatasetError } from "../../../errors.ts";

/** Patterns that one may stand for, at most. */
const MOST_ALTERNATIVES = 100;

/** A step through a path: a character that fits; of a star, any number of them. */
interface Step {
  readonly fits: (character: string) => boolean;
  readonly isStar: boolean;
}

/**
 * Gives the test of a pattern. It takes time by the lengths of pattern and path, whatever they are.
 *
 * @throws {DatasetError} Where a pattern stands for too many.
 */
export function globTest(pattern: string): (path: string) => boolean {
  const alternatives = alternativesOf(pattern.replace(/^(\.?\/)+/, "")).map(stepsOf);
  return (path) => alternatives.some((steps) => matches(steps, path));
}

/** The patterns without braces that one stands for; folders of `**` may be none. */
function alternativesOf(pattern: string): string[] {
  const done: string[] = [];
  const open = [pattern];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const braces = /^(.*?)\{([^{}]*)\}(.*)$/s.exec(next);
    const folders = /^(.*?)(?<![^/])\*\*\/(.*)$/s.exec(next);
    if (braces) open.push(...(braces[2] ?? "").split(",").map((part) => `${braces[1]}${part}${braces[3]}`));
    else if (folders) {
      // Two stars without a slash are left alone from here on.
      open.push(`${folders[1]}${folders[2]}`, `${folders[1]}**\0${folders[2]}`);
    } else done.push(next.replaceAll("\0", "/"));
    if (done.length + open.length > MOST_ALTERNATIVES) {
      throw new DatasetError(`Cannot find the files ${JSON.stringify(pattern)}: it stands for too many patterns`);
    }
  }
  return done;
}

function stepsOf(pattern: string): Step[] {
  return Array.from(pattern.matchAll(/\*+|\[!?\]?[^\]]*\]|[^]/gu), ([part]) => {
    if (part.startsWith("**")) return { fits: () => true, isStar: true };
    if (part === "*" || part === "?") return { fits: (character) => character !== "/", isStar: part === "*" };
    if (part.length > 2 && part.startsWith("[")) return { fits: classTest(part.slice(1, -1)), isStar: false };
    return { fits: (character) => character === part, isStar: false };
  });
}

function classTest(inside: string): (character: string) => boolean {
  const isNegated = inside.startsWith("!");
  const ranges = Array.from(inside.slice(isNegated ? 1 : 0).matchAll(/([^])-([^])|[^]/gu), ([one, from, to]) => ({
    from: from ?? one,
    to: to ?? one,
  }));
  return (character) => ranges.some(({ from, to }) => from <= character && character <= to) !== isNegated;
}

/** Follows all ways through the steps at once. */
function matches(steps: readonly Step[], path: string): boolean {
  const reach = (places: Iterable<number>): Set<number> => {
    const reached = new Set<number>();
    for (let place of places) {
      reached.add(place);
      while (steps[place]?.isStar) reached.add(++place);
    }
    return reached;
  };
  let places = reach([0]);
  for (const character of path) {
    const next: number[] = [];
    for (const place of places) {
      const step = steps[place];
      if (step?.fits(character)) next.push(step.isStar ? place : place + 1);
    }
    places = reach(next);
  }
  return places.has(steps.length);
}
