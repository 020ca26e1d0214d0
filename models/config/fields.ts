/**
 * Reads configurations: camelCase or the documented snake_case, checked field by field, unknown names refused.
 *
 * @module
 */

import { show } from "../../common/show.ts";
import { ConfigError } from "../../errors.ts";
import { nearest } from "../weights/names.ts";
import { camelCase, snakeCase } from "./case.ts";
import type { ForeignOption } from "./x_transformers/options.ts";

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

/** More than the width of any layer, or the count of its heads: what asks for it is a mistake or an attack. */
const MOST_FEATURES = 2 ** 20;

/** A width of a layer, or a count of its parts: tables of so many values are made before memory is asked for. */
export function features(fallback?: number, min = 1, ...aliases: string[]): Field<number> {
  return atMost(MOST_FEATURES, integer(fallback, min, ...aliases));
}

/** A finite number from `min` to `max`. */
export function real(fallback?: number, min = -Infinity, max = Infinity): Field<number> {
  const check = (name: string, value: unknown): number => {
    if (typeof value === "number" && Number.isFinite(value) && value >= min && value <= max) return value;
    throw new ConfigError(`Cannot use ${name} = ${show(value)}: it must be a number${rangeOf(min, max)}`);
  };
  return fallback === undefined ? { check } : { check, fallback };
}

/** A number field with a limit. */
export function atMost(max: number, field: Field<number>): Field<number> {
  const check = (name: string, value: unknown): number => {
    const checked = field.check(name, value);
    if (checked <= max) return checked;
    throw new ConfigError(`Cannot use ${name} = ${checked}: it must be <= ${max}`);
  };
  return { ...field, check };
}

function rangeOf(min: number, max: number): string {
  if (max < Infinity) return ` from ${min} to ${max}`;
  return min > -Infinity ? ` >= ${min}` : "";
}

/** True or false. */
export function flag(fallback: boolean, ...aliases: string[]): Field<boolean> {
  const check = (name: string, value: unknown): boolean => {
    if (typeof value === "boolean") return value;
    throw new ConfigError(`Cannot use ${name} = ${show(value)}: it must be true or false`);
  };
  return { check, fallback, aliases };
}

/** A text. */
export function word(): Field<string> {
  const check = (name: string, value: unknown): string => {
    if (typeof value === "string") return value;
    throw new ConfigError(`Cannot use ${name} = ${show(value)}: it must be a text in quotes`);
  };
  return { check };
}

/** One of some words. */
export function choice<T extends string>(words: readonly T[], fallback: T): Field<T> {
  const check = (name: string, value: unknown): T => {
    const word = words.find((word) => word === value);
    if (word !== undefined) return word;
    throw new ConfigError(`Cannot use ${name} = ${show(value)}: it must be one of ${words.map(show).join(", ")}`);
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

/** A field whose default may be written as null, as the references have it. */
export function orDefault<T>(field: Field<T> & { readonly fallback?: T }): Field<T> {
  const { fallback } = field;
  const check = (name: string, value: unknown): T =>
    value === null && fallback !== undefined ? fallback : field.check(name, value);
  return { ...field, check };
}

/** What `readFields` knows beside the fields. */
export interface FieldsContext<C> {
  /** Values that take the place of the fields' own defaults. */
  readonly defaults?: Partial<C>;
  /** Options of the references that no field reads, by their names in camelCase. */
  readonly foreign?: ReadonlyMap<string, ForeignOption>;
}

/**
 * Reads a configuration.
 *
 * @param what The class, for messages.
 * @param given Names in camelCase or snake_case; undefined values count as absent.
 * @throws {ConfigError} For an unknown name, a name given twice, a missing or an impossible value.
 */
export function readFields<C extends object>(
  what: string,
  fields: Fields<C>,
  given: object,
  { defaults = {}, foreign }: FieldsContext<C> = {},
): C {
  checkOptions(what, given);
  const known = Object.entries<Field<unknown>>(fields);
  const values = namedValues(what, known, given, foreign);
  const config: Record<string, unknown> = {};
  for (const [name, field] of known) {
    const given = values.get(name);
    const fallback = name in defaults ? defaults[name as keyof C] : field.fallback;
    if (!given && fallback === undefined && !("fallback" in field)) {
      throw new ConfigError(`Cannot configure ${what} without ${name}: give it a value`);
    }
    config[name] = given ? field.check(given.key, given.value) : fallback;
  }
  return config as C;
}

/**
 * Options as they were given.
 *
 * @throws {ConfigError} Unless they are an object of them.
 */
export function checkOptions<T extends object>(what: string, given: T): T {
  if (typeof given === "object" && given !== null && !Array.isArray(given)) return given;
  throw new ConfigError(`Cannot configure ${what} with ${show(given)}: give an object of options, or leave it out`);
}

/** The given values, and the names they were given by, by the fields' names. */
function namedValues(
  what: string,
  known: readonly (readonly [string, Field<unknown>])[],
  given: object,
  foreign: ReadonlyMap<string, ForeignOption> | undefined,
): Map<string, { readonly key: string; readonly value: unknown }> {
  const names = new Map<string, string>();
  for (const [name, field] of known) for (const alias of [name, ...(field.aliases ?? [])]) names.set(alias, name);
  const values = new Map<string, { readonly key: string; readonly value: unknown }>();
  for (const [key, value] of Object.entries(given)) {
    if (value === undefined || METADATA.includes(camelCase(key))) continue;
    const name = names.get(camelCase(key));
    if (name === undefined) {
      checkForeign(what, key, value, foreign, [...names.keys()]);
      continue;
    }
    const other = values.get(name);
    if (other && other.value !== value) {
      throw new ConfigError(
        `Cannot configure ${what} with ${name} given twice: ${show(other.value)} and ${show(value)}`,
      );
    }
    values.set(name, { key, value });
  }
  return values;
}

/** @throws {ConfigError} Unless an option that no field reads asks for nothing. */
function checkForeign(
  what: string,
  key: string,
  value: unknown,
  foreign: ReadonlyMap<string, ForeignOption> | undefined,
  names: readonly string[],
): void {
  const option = foreign?.get(camelCase(key));
  if (!option) throw unknownName(what, key, names);
  if (option.isInert || JSON.stringify(value) === JSON.stringify(option.fallback)) return;
  const { fallback, instead } = option;
  const only = fallback === undefined ? "leave it out" : `only its default, ${show(fallback)}, is`;
  throw new ConfigError(
    `Cannot configure ${what} with ${key} = ${show(value)}: this option of x-transformers is not supported; ` +
      (instead ?? only),
  );
}

/** A configuration with its documented snake_case names, as files carry it. */
export function toSnakeCase(config: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(config).filter(([, value]) => value !== undefined).map(([name, value]) => [snakeCase(name), value]),
  );
}

function unknownName(what: string, key: string, names: readonly string[]): ConfigError {
  const spelled = key.includes("_") ? names.map(snakeCase) : names;
  // A name that takes more edits than a third of it is another name, not a slip.
  const closest = nearest(key, spelled, 1 / 3);
  const hint = closest.length > 0 ? `did you mean ${closest.join(" or ")}?` : "remove it, or check its spelling";
  return new ConfigError(`Cannot configure ${what} with ${key}: there is no such parameter; ${hint}`);
}
