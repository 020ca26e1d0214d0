/**
 * The arguments behind a command's name, checked and in one form: each flag with its value behind "=".
 *
 * @module
 */

import { closest } from "./closest.ts";
import { type Flags, typedName } from "./flag.ts";
import { quote, UsageError } from "./usage_error.ts";

/**
 * Reads arguments, but not the values of flags.
 *
 * @param bare The name of the flag whose value may stand without it.
 * @returns Flags, those with a value as `--name=value`.
 * @throws {UsageError} For flags that don't exist or are missing, values that are missing, and what is no flag.
 */
export function readArguments(args: readonly string[], flags: Flags, bare?: string): string[] {
  const takesValue = new Map(
    Object.entries(flags).map(([name, { placeholder }]) => [typedName(name), placeholder !== undefined] as const),
  );
  const read: string[] = [];
  const rest = [...args];
  let isOver = false;
  for (let arg = rest.shift(); arg !== undefined; arg = rest.shift()) {
    if (arg === "--" && !isOver) {
      isOver = true;
      continue;
    }
    if (isOver || !/^-./.test(arg)) {
      read.push(bareValue(arg, read, bare));
      continue;
    }
    const [, typed = arg, value] = /^(--?[^=]*)(?:=(.*))?$/s.exec(arg) ?? [];
    const name = typed.replace(/^--/, "");
    const isValued = takesValue.get(name);
    if (isValued === undefined) throw unknownFlag(typed, [...takesValue.keys()]);
    if (isValued) {
      read.push(`${typed}=${value === undefined ? nextValue(typed, rest.shift()) : notEmpty(typed, value)}`);
    } else if (value !== undefined) throw new UsageError(`${typed} takes no value, but got ${quote(value)}`);
    else read.push(typed);
  }
  for (const [name, { isRequired, placeholder, help }] of Object.entries(flags)) {
    if (!isRequired || read.some((each) => each.startsWith(`--${typedName(name)}=`))) continue;
    throw new UsageError(`Missing --${typedName(name)} ${placeholder}: ${help}`);
  }
  return read;
}

/** Whether arguments ask for help, whatever else is wrong with them. */
export function asksForHelp(args: readonly string[]): boolean {
  const end = args.indexOf("--");
  return args.slice(0, end < 0 ? undefined : end).some((arg) => arg === "--help" || arg === "-h");
}

function bareValue(arg: string, read: readonly string[], bare: string | undefined): string {
  if (bare === undefined) {
    throw new UsageError(`Unexpected ${quote(arg)}: texts go behind their flags, in quotes, as in --prompt "..."`);
  }
  const flag = `--${typedName(bare)}`;
  if (!read.some((each) => each.startsWith(`${flag}=`))) return `${flag}=${notEmpty(flag, arg)}`;
  throw new UsageError(`Unexpected ${quote(arg)}: ${flag} is there already`);
}

/** The argument behind a flag. What looks like another flag is no value, because the value was forgotten more often. */
function nextValue(flag: string, value: string | undefined): string {
  if (value === undefined) throw new UsageError(`${flag} needs a value behind it`);
  if (/^--($|[a-z])/i.test(value)) {
    throw new UsageError(
      `${flag} needs a value behind it; if that is ${quote(value)}, put "=" between them: ${flag}=...`,
    );
  }
  return notEmpty(flag, value);
}

function notEmpty(flag: string, value: string): string {
  if (value === "") throw new UsageError(`${flag} needs a value, but got an empty text`);
  return value;
}

function unknownFlag(typed: string, names: readonly string[]): UsageError {
  const found = closest(typed.replace(/^-+/, ""), names);
  const suggestion = found === undefined ? "" : `did you mean --${found}? `;
  return new UsageError(`Unknown flag ${quote(typed)}: ${suggestion}--help lists those that exist`);
}
