/**
 * Which tensor of a checkpoint is which parameter: wrappers put prefixes before the names, and some register a module
 * twice.
 *
 * @module
 */

import type { Parameter, Parameters, StateBuffer } from "../network/parameters.ts";
import { checkNames } from "./names.ts";

/** What wrappers put in front: of zeta, Andromeda, PyTorch's compile and data-parallel wrappers. */
const WRAPPERS = ["Andromeda.", "andromeda.", "decoder.net.", "decoder.", "net.", "model.", "module.", "_orig_mod."];

/** Whose each tensor of a checkpoint is, by its name there. */
export interface Matched {
  readonly parameters: ReadonlyMap<string, Parameter>;
  /** Buffers follow from the configuration: what the checkpoint has for them is compared, not taken over. */
  readonly buffers: ReadonlyMap<string, StateBuffer>;
}

/**
 * Finds the parameter or buffer of each tensor; where a module was registered twice, the first of its names counts.
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
): Matched {
  const matched = { parameters: new Map<string, Parameter>(), buffers: new Map<string, StateBuffer>() };
  const declaredOnes = new Map<string, readonly number[]>();
  const expected = new Map([...byName].map(([name, { shape }]) => [name, shape]));
  for (const [name, { shape }] of found) {
    const declared = candidates(name, aliases).find((candidate) => byName.has(candidate) || buffers.has(candidate));
    if (declared !== undefined && declaredOnes.has(declared)) continue;
    declaredOnes.set(declared ?? name, shape);
    const parameter = declared === undefined ? undefined : byName.get(declared);
    const buffer = declared === undefined ? undefined : buffers.get(declared);
    if (parameter) matched.parameters.set(name, parameter);
    if (buffer) {
      matched.buffers.set(name, buffer);
      expected.set(buffer.name, buffer.shape);
    }
  }
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
