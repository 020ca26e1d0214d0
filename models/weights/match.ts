/**
 * Which tensor of a checkpoint is which parameter: wrappers put prefixes before the names, and some register a module twice.
 *
 * @module
 */
import type { Parameter, Parameters } from "../parameters.ts";
import { checkNames } from "./names.ts";

/** What wrappers put in front: of zeta, Andromeda, PyTorch's compile and data-parallel wrappers. */
const WRAPPERS = ["Andromeda.", "andromeda.", "decoder.net.", "decoder.", "net.", "model.", "module.", "_orig_mod."];

/**
 * Finds the parameter of each tensor; where a module was registered twice, the first of its names counts. Buffers that follow
 * from the configuration are passed over.
 *
 * @param found name and shape of each tensor
 * @param aliases beginnings of names that stand for others
 * @param strict refuse missing and unexpected names
 * @throws {WeightsError} that lists what is missing, unexpected or misshapen
 */
export function matchNames(
  { byName, buffers }: Parameters,
  found: ReadonlyMap<string, { readonly shape: readonly number[] }>,
  aliases: readonly (readonly [found: string, declared: string])[],
  strict: boolean,
): Map<string, Parameter> {
  const matched = new Map<string, Parameter>();
  const declaredOnes = new Map<string, readonly number[]>();
  for (const [name, { shape }] of found) {
    const declared = candidates(name, aliases).find((candidate) => byName.has(candidate) || buffers.has(candidate));
    if (declared !== undefined && (buffers.has(declared) || declaredOnes.has(declared))) continue;
    declaredOnes.set(declared ?? name, shape);
    const parameter = declared === undefined ? undefined : byName.get(declared);
    if (parameter) matched.set(name, parameter);
  }
  const expected = new Map([...byName].map(([name, { shape }]) => [name, shape]));
  checkNames(expected, declaredOnes, strict);
  return matched;
}

/** The name itself, and what it is with prefixes taken off. */
export function candidates(
  name: string,
  aliases: readonly (readonly [found: string, declared: string])[] = [],
): string[] {
  const names = [name];
  for (const current of names) { // grows while prefixes come off
    for (const [from, to] of aliases) {
      const renamed = to + current.slice(from.length);
      if (current.startsWith(from) && !names.includes(renamed) && !current.startsWith(to)) names.push(renamed);
    }
    for (const prefix of WRAPPERS) if (current.startsWith(prefix)) names.push(current.slice(prefix.length));
  }
  return names;
}
