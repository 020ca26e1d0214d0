/**
 * Which tensor of a checkpoint is which parameter: wrappers put prefixes before the names, and some register a module
 * twice.
 *
 * @module
 */

import type { Parameter, Parameters, StateBuffer } from "../network/parameters.ts";
import { type ArrangedTensor, arrangedTensors } from "./arranged_tensor.ts";
import { checkNames } from "./names.ts";

/** What wrappers put in front: of zeta, Andromeda, PyTorch's compile and data-parallel wrappers. */
const WRAPPERS = ["Andromeda.", "andromeda.", "decoder.net.", "decoder.", "net.", "model.", "module.", "_orig_mod."];

/** Whose each tensor of a checkpoint is, by its name there. */
export interface Matched {
  readonly parameters: ReadonlyMap<string, Parameter>;
  /** Tensors that hold parameters in another arrangement. */
  readonly arranged: ReadonlyMap<string, ArrangedTensor>;
  /** Buffers follow from the configuration: what the checkpoint has for them is compared, not taken over. */
  readonly buffers: ReadonlyMap<string, StateBuffer>;
}

/**
 * Finds the parameter or buffer of each tensor; where a module was registered twice, the first of its names counts.
 *
 * @param found Name and shape of each tensor.
 * @param strict Refuse missing and unexpected names.
 * @throws {WeightsError} That lists what is missing, unexpected or misshapen.
 */
export function matchNames(
  parameters: Parameters,
  found: ReadonlyMap<string, { readonly shape: readonly number[] }>,
  strict: boolean,
): Matched {
  const { byName, buffers, naming } = parameters;
  const arranged = arrangedTensors(parameters);
  const parts = new Set([...arranged.values()].flatMap(({ parameters }) => parameters));
  const matched = {
    parameters: new Map<string, Parameter>(),
    arranged: new Map<string, ArrangedTensor>(),
    buffers: new Map<string, StateBuffer>(),
  };
  const declaredOnes = new Map<string, readonly number[]>();
  const expected = new Map<string, readonly number[]>();
  for (const [name, parameter] of byName) if (!parts.has(parameter)) expected.set(name, parameter.shape);
  for (const [name, { shape }] of found) {
    const declared = candidates(name, naming.aliases).find((candidate) =>
      byName.has(candidate) || arranged.has(candidate) || buffers.has(candidate)
    );
    if (declared === undefined && naming.ignored.some((end) => name === end || name.endsWith(`.${end}`))) continue;
    if (declared !== undefined && declaredOnes.has(declared)) continue;
    declaredOnes.set(declared ?? name, shape);
    if (declared === undefined) continue;
    const [parameter, tensor, buffer] = [byName.get(declared), arranged.get(declared), buffers.get(declared)];
    if (parameter) matched.parameters.set(name, parameter);
    if (tensor) matched.arranged.set(name, tensor);
    if (buffer) matched.buffers.set(name, buffer);
    const own = parameter ?? tensor ?? buffer;
    if (own) expected.set(own.name, own.shape);
  }
  const given = new Set(matched.parameters.values()); // a state dict has parameters by themselves
  for (const [name, { shape, parameters }] of arranged) {
    if (!parameters.every((parameter) => given.has(parameter))) expected.set(name, shape);
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
