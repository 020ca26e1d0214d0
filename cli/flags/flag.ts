/**
 * What a flag is: its value, its meaning, and how it is read. The types of a command's values follow from its flags.
 *
 * @module
 */

import type { Reader } from "./readers.ts";

/** A flag whose value, as the command gets it, is a `T`. */
export interface Flag<T> {
  /** The placeholder of its value in the help; absent where it takes none. */
  readonly placeholder?: string;
  /** Its meaning. */
  readonly help: string;
  /** Reads its value, which is not empty. */
  readonly reader?: Reader<T>;
  /** Its value where it is not given. */
  readonly fallback?: T;
  /** Whether a command can't run without it. */
  readonly isRequired?: boolean;
  /** The environment variable that stands for it where it is not given. */
  readonly variable?: string;
}

/** The flags of a command, by their names in camelCase. */
export type Flags = Readonly<Record<string, Flag<unknown>>>;

/** The values of a command's flags. */
export type Values<F extends Flags> = { readonly [Name in keyof F]: F[Name] extends Flag<infer T> ? T : never };

/** A flag that may be absent. */
export function optional<T>(
  placeholder: string,
  help: string,
  reader: Reader<T>,
  variable?: string,
): Flag<T | undefined> {
  return { placeholder, help, reader, ...variable === undefined ? {} : { variable } };
}

/** A flag that has a value where it is absent. */
export function fallingBack<T>(placeholder: string, help: string, reader: Reader<T>, fallback: NoInfer<T>): Flag<T> {
  return { placeholder, help, reader, fallback };
}

/** A flag that must be given. */
export function required<T>(placeholder: string, help: string, reader: Reader<T>): Flag<T> {
  return { placeholder, help, reader, isRequired: true };
}

/** A flag without a value. */
export function toggle(help: string): Flag<boolean | undefined> {
  return { help };
}

/** The name of a flag as it is typed, without dashes. */
export function typedName(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
