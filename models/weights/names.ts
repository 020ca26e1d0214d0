/**
 * Comparing the names and shapes of a model's parameters with those of a checkpoint's tensors.
 *
 * @module
 */

import { sameShape } from "../../common/shape.ts";
import { WeightsError } from "../../errors.ts";

/** Lines of each kind in a message. */
const MAX_LINES = 10;

/** Names that a name is compared with: a checkpoint may hold a million, and a message should not take a minute. */
const MAX_COMPARED = 500;

/** Shapes by name. */
export type Shapes = ReadonlyMap<string, readonly number[]>;

/**
 * Checks that a checkpoint fits a model.
 *
 * @param expected Shapes of the model's parameters.
 * @param found Shapes of the checkpoint's tensors.
 * @param strict Whether missing and unexpected names are errors. Wrong shapes always are.
 * @param source The message's name for the checkpoint.
 * @throws {WeightsError} If it does not fit: one error that lists what is missing, unexpected and misshapen, with the
 * shapes and the names that come nearest.
 */
export function checkNames(expected: Shapes, found: Shapes, strict = true, source = "the checkpoint"): void {
  const missing = strict ? [...expected.keys()].filter((name) => !found.has(name)) : [];
  const unexpected = strict ? [...found.keys()].filter((name) => !expected.has(name)) : [];
  const misshapen = [...expected].flatMap(([name, shape]) => {
    const other = found.get(name);
    return other === undefined || sameShape(shape, other)
      ? []
      : [`${name} is ${bracket(other)}, expected ${bracket(shape)}`];
  });
  if (missing.length + unexpected.length + misshapen.length === 0) return;

  const describe = (name: string, own: Shapes, others: readonly string[], theirs: Shapes) => {
    const similar = nearest(name, others.slice(0, MAX_COMPARED)).map((other) =>
      `${other} ${bracket(theirs.get(other))}`
    );
    return `${shorten(name)} ${bracket(own.get(name))}${similar.length > 0 ? ` (nearest: ${similar.join(", ")})` : ""}`;
  };
  throw new WeightsError([
    `Cannot load ${source}: it does not fit the model, which has ${expected.size} parameters: ` +
    `${missing.length} missing, ${unexpected.length} unexpected, ${misshapen.length} misshapen`,
    ...listed("missing", missing, (name) => describe(name, expected, unexpected, found)),
    ...listed("unexpected", unexpected, (name) => describe(name, found, missing, expected)),
    ...listed("misshapen", misshapen, (line) => line),
    "Check that the configuration belongs to these weights",
  ].join("\n"));
}

function listed(kind: string, items: readonly string[], line: (item: string) => string): string[] {
  const lines = items.slice(0, MAX_LINES).map((item) => `  ${kind}: ${line(item)}`);
  return items.length > MAX_LINES ? [...lines, `  ${kind}: and ${items.length - MAX_LINES} more`] : lines;
}

/**
 * The names that are most similar to a name, at most two, the nearest first: those that take fewer edits than a share
 * of its length.
 */
export function nearest(name: string, names: readonly string[], share = 1 / 2): string[] {
  const limit = Math.ceil(name.length * share);
  return names
    // A difference in length takes as many edits; and nothing this long is a parameter's name.
    .filter((other) => Math.abs(other.length - name.length) < limit && other.length < 1000)
    .map((other) => ({ other, distance: editDistance(name, other) }))
    .filter(({ distance }) => distance < limit)
    .sort((a, b) => a.distance - b.distance)
    .slice(0, 2)
    .map(({ other }) => other);
}

/** The Levenshtein distance: insertions, deletions and replacements that turn one text into the other. */
export function editDistance(a: string, b: string): number {
  let above = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const replaced = (above[column - 1] ?? 0) + (a[row - 1] === b[column - 1] ? 0 : 1);
      current.push(Math.min(replaced, (above[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1));
    }
    above = current;
  }
  return above[b.length] ?? 0;
}

function bracket(shape: readonly number[] = []): string {
  return `[${shape.join(", ")}]`;
}

function shorten(name: string): string {
  return name.length > 200 ? `${name.slice(0, 197)}...` : name;
}
