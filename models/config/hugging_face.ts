/**
 * Reads configurations as Hugging Face's transformers writes them, of its versions 4 and 5.
 *
 * @module
 */

import type { Activation } from "../../backend/operations.ts";
import { isRecord } from "../../common/record.ts";
import { show } from "../../common/show.ts";
import { ConfigError } from "../../errors.ts";
import { camelCase } from "./case.ts";
import { choice, type Field, type Fields, readFields } from "./fields.ts";

/**
 * The name of an activation in transformers.
 *
 * @category Models
 */
export type ActivationName = "gelu" | "gelu_new" | "gelu_pytorch_tanh" | "gelu_fast" | "silu" | "swish" | "relu";

/** What transformers' activations are here. */
export const ACTIVATION_NAMES: Readonly<Record<ActivationName, Activation>> = {
  gelu: "gelu",
  gelu_new: "geluTanh",
  gelu_pytorch_tanh: "geluTanh",
  gelu_fast: "geluTanh",
  silu: "silu",
  swish: "silu",
  relu: "relu",
};

/** A field for an activation. */
export function activation(fallback: ActivationName): Field<ActivationName> {
  return choice(Object.keys(ACTIVATION_NAMES).filter(isActivation), fallback);
}

function isActivation(name: string): name is ActivationName {
  return Object.hasOwn(ACTIVATION_NAMES, name);
}

/**
 * Options that change what a model computes and that no family has yet, in camelCase, with the value that asks for
 * nothing.
 */
export type Unsupported = Readonly<Record<string, unknown>>;

/** Those of every family. */
const UNSUPPORTED: Unsupported = {
  quantizationConfig: null,
  isEncoderDecoder: false,
  ropeType: "default",
  partialRotaryFactor: 1,
};

/**
 * Reads a configuration; other keys than the fields' are ignored, except those which ask for what is not supported.
 *
 * @param what The class, for messages.
 * @param given Names in camelCase or snake_case.
 * @throws {ConfigError} For a missing or impossible value, and for an option that is not supported.
 */
export function readFamilyConfig<C extends object>(
  what: string,
  fields: Fields<C>,
  given: object,
  unsupported: Unsupported = {},
): C {
  const known = new Set(
    Object.entries<Field<unknown>>(fields).flatMap(([name, { aliases = [] }]) => [name, ...aliases]),
  );
  const refused = { ...UNSUPPORTED, ...unsupported };
  const own: Record<string, unknown> = {};
  for (const [key, value] of entriesOf(given)) {
    const name = camelCase(key);
    if (known.has(name)) own[key] = value;
    else if (name in refused) checkUnsupported(what, key, value, refused[name]);
  }
  return readFields(what, fields, own);
}

/**
 * The keys of a configuration, and of what both versions nest: `rope_parameters` of 5, `rope_scaling` of 4, which older
 * files spell with `type`.
 */
function entriesOf(given: object): [string, unknown][] {
  return Object.entries(given).flatMap(([key, value]): [string, unknown][] => {
    const isNested = camelCase(key) === "ropeParameters" || camelCase(key) === "ropeScaling";
    if (!isNested || !isRecord(value)) return [[key, value]];
    return Object.entries(value).map(([inner, value]) => [inner === "type" ? "rope_type" : inner, value]);
  });
}

/** @throws {ConfigError} Unless an option asks for nothing. */
function checkUnsupported(what: string, key: string, value: unknown, fallback: unknown): void {
  if (value === null || value === undefined || value === fallback) return;
  const only = fallback === null ? "leave it out" : `only ${show(fallback)} is`;
  throw new ConfigError(`Cannot configure ${what} with ${key} = ${show(value)}: this option is not supported; ${only}`);
}
