/**
 * Values of flags, as they are typed.
 *
 * @module
 */

import { quote, UsageError } from "./usage_error.ts";

/** Reads the value of a flag. */
export interface Reader<T> {
  /**
   * The value that a text stands for.
   *
   * @throws {UsageError} If it stands for none.
   */
  read(text: string, flag: string): T;
  /** The texts that there are, where these are few. */
  readonly choices?: readonly string[];
  /** Whether it is, or may be, the path of a file or a folder. */
  readonly isPath?: boolean;
}

/** Any text. */
export const text: Reader<string> = { read: (typed) => typed };

/** The path of a file or a folder. */
export const path: Reader<string> = { ...text, isPath: true };

/** A number that keeps a rule. */
export function number(isRight: (value: number) => boolean, what: string): Reader<number> {
  return {
    read: (typed, flag) => {
      const value = Number(typed);
      if (typed.trim() !== "" && Number.isFinite(value) && isRight(value)) return value;
      throw new UsageError(`${flag} takes ${what}, not ${quote(typed)}`);
    },
  };
}

/** A whole number that is not below another. */
export function wholeNumber(least: number, most = Number.MAX_SAFE_INTEGER): Reader<number> {
  const what = most === Number.MAX_SAFE_INTEGER ? `a whole number from ${least} on` : `a whole number up to ${most}`;
  return number((value) => Number.isSafeInteger(value) && value >= least && value <= most, what);
}

/** One of the names in a table. */
export function keyOf<K extends string>(table: Readonly<Record<K, unknown>>): Reader<K> {
  const choices = Object.keys(table);
  const isKey = (typed: string): typed is K => choices.includes(typed);
  return {
    choices,
    read: (typed, flag) => {
      if (isKey(typed)) return typed;
      throw new UsageError(`${flag} is one of ${choices.join(", ")}, not ${quote(typed)}`);
    },
  };
}

/** Several texts, with commas between. */
export const list: Reader<readonly string[]> = {
  read: (typed) => typed.split(",").map((each) => each.trim()).filter((each) => each !== ""),
};

/** Where a model is. */
export const modelSource: Reader<string> = {
  isPath: true,
  read: (typed, flag) => {
    if (!/\.(safetensors|json)$/.test(typed)) return typed;
    throw new UsageError(
      `${flag} takes the folder that holds config.json, weights and tokenizer, not the file ${quote(typed)}`,
    );
  },
};
