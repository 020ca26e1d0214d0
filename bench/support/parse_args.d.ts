/** The part of `@std/cli/parse-args` that is used here; the package it comes from has no types. */

/** How arguments are read. */
export interface ParseOptions {
  /** Flags without a value. */
  readonly boolean?: readonly string[];
  /** Flags with a value. */
  readonly string?: readonly string[];
  /** Called for what is neither, with the flag's name where it is one. */
  readonly unknown?: (argument: string, key?: string) => void;
}

/** The values by flag; under `_` what is no flag. */
export function parseArgs(
  args: readonly string[],
  options: ParseOptions,
): { readonly _: readonly (string | number)[]; readonly [flag: string]: unknown };
