/**
 * Reads configurations: camelCase or the documented snake_case, checked field by field, unknown names refused.
 *
 * @module
 */
import { ConfigError } from "../backend.ts";
import { show } from "./show.ts";
import { nearest } from "./weights/names.ts";

/** One field: how a value is checked, and what holds where none is given. */
export interface Field<T> {
  readonly check: (name: string, value: unknown) => T;
  readonly fallback?: T;
  /** Other names of the field, in camelCase. */
  readonly aliases?: readonly string[];
}

/** A field for every property of a configuration. */
export type Fields<C> = { readonly [K in keyof C]-?: Field<C[K]> };

/** Keys that files carry beside a configuration. */
const METADATA = ["modelType", "architectures", "transformersVersion", "torchDtype", "dtype", "NameOrPath"];

/** A whole number of at least `min`. */
export function integer(fallback?: number, min = 1, ...aliases: string[]): Field<number> {
  const check = (name: string, value: unknown): number => {
    if (typeof value === "number" && Number.isSafeInteger(value) && value >= min) return value;
    throw new ConfigError(`Cannot use ${name} = ${show(value)}: it must be a whole number >= ${min}`);
  };
  return fallback === undefined ? { check, aliases } : { check, fallback, aliases };
}

/** A number from `min` to `max`. */
export function real(fallback: number, min: number, max = Infinity): Field<number> {
  const check = (name: string, value: unknown): number => {
    if (typeof value === "number" && value >= min && value <= max) return value;
    const range = max === Infinity ? `>= ${min}` : `from ${min} to ${max}`;
    throw new ConfigError(`Cannot use ${name} = ${show(value)}: it must be a number ${range}`);
  };
  return { check, fallback };
}

/** True or false. */
export function flag(fallback: boolean, ...aliases: string[]): Field<boolean> {
  const check = (name: string, value: unknown): boolean => {
    if (typeof value === "boolean") return value;
    throw new ConfigError(`Cannot use ${name} = ${show(value)}: it must be true or false`);
  };
  return { check, fallback, aliases };
}

/** One of some words. */
export function choice<T extends string>(words: readonly T[], fallback: T): Field<T> {
  const check = (name: string, value: unknown): T => {
    const word = words.find((word) => word === value);
    if (word !== undefined) return word;
    throw new ConfigError(`Cannot use ${name} = ${show(value)}: it must be one of ${words.join(", ")}`);
  };
  return { check, fallback };
}

/** A value that a predicate accepts. */
export function value<T>(isRight: (value: unknown) => boolean, rule: string): Field<T> {
  return {
    check: (name, value) => {
      if (isRight(value)) return value as T;
      throw new ConfigError(`Cannot use ${name} = ${show(value)}: ${rule}`);
    },
  };
}

/** A field that may be left out. */
export function optional<T>(field: Field<T>): Field<T | undefined> {
  const check = (name: string, value: unknown): T | undefined => value === null ? undefined : field.check(name, value);
  return { check, fallback: undefined, aliases: field.aliases ?? [] };
}

/**
 * Reads a configuration.
 *
 * @param what the class, for messages
 * @param given names in camelCase or snake_case; undefined values count as absent
 * @param defaults values that take the place of the fields' own
 * @throws {ConfigError} for an unknown name, a name given twice, a missing or an impossible value
 */
export function readFields<C extends object>(
  what: string,
  fields: Fields<C>,
  given: object,
  defaults: Partial<C> = {},
): C {
  checkOptions(what, given);
  const names = new Map<string, string>();
  const known = Object.entries<Field<unknown>>(fields);
  for (const [name, field] of known) for (const alias of [name, ...(field.aliases ?? [])]) names.set(alias, name);
  const values = new Map<string, unknown>();
  for (const [key, value] of Object.entries(given)) {
    const name = names.get(camelCase(key));
    if (value === undefined || METADATA.includes(camelCase(key))) continue;
    if (name === undefined) throw unknownName(what, key, [...names.keys()]);
    if (values.has(name) && values.get(name) !== value) {
      throw new ConfigError(
        `Cannot configure ${what} with ${name} given twice: ${show(values.get(name))} and ${show(value)}`,
      );
    }
    values.set(name, value);
  }
  const config: Record<string, unknown> = {};
  for (const [name, field] of known) {
    const value = values.get(name);
    const fallback = name in defaults ? defaults[name as keyof C] : field.fallback;
    if (value === undefined && fallback === undefined && !("fallback" in field)) {
      throw new ConfigError(`Cannot configure ${what} without ${name}: give it a value`);
    }
    config[name] = value === undefined ? fallback : field.check(name, value);
  }
  return config as C;
}

/** Options as they were given. @throws {ConfigError} unless they are an object of them */
export function checkOptions<T extends object>(what: string, given: T): T {
  if (typeof given === "object" && given !== null && !Array.isArray(given)) return given;
  throw new ConfigError(`Cannot configure ${what} with ${show(given)}: give an object of options, or leave it out`);
}

/** `max_seq_len` as `maxSeqLen`. */
export function camelCase(name: string): string {
  return name.replace(/_+([a-zA-Z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

/** `maxSeqLen` as `max_seq_len`. */
export function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** A configuration with its documented snake_case names, as files carry it. */
export function toSnakeCase(config: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(config).filter(([, value]) => value !== undefined).map(([name, value]) => [snakeCase(name), value]),
  );
}

function unknownName(what: string, key: string, names: readonly string[]): ConfigError {
  const closest = nearest(camelCase(key), names);
  const hint = closest.length > 0 ? `did you mean ${closest.join(" or ")}?` : "remove it";
  return new ConfigError(`Cannot configure ${what} with ${key}: there is no such parameter; ${hint}`);
}
