/**
 * The flags of the command line: their names, their values and their meaning.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { WEIGHT_FORMATS, type WeightFormat } from "../mod.ts";
import { closestFlag } from "./closest_flag.ts";

/** A command line that can't be followed. */
export class UsageError extends Error {
  /** The name of the class. */
  override readonly name = "UsageError";
}

/** A flag with a value. */
interface Flag<T> {
  /** The placeholder of its value in the help. */
  readonly placeholder: string;
  /** Its meaning. */
  readonly help: string;
  /**
   * Reads its value, which is not empty.
   *
   * @throws {UsageError} If it is none.
   */
  readonly read: (text: string, flag: string) => T;
}

/** The command line of `generate`. */
export interface GenerateFlags {
  readonly model: string | undefined;
  readonly prompt: string | undefined;
  readonly maxNewTokens: number | undefined;
  readonly temperature: number | undefined;
  readonly topK: number | undefined;
  readonly topP: number | undefined;
  readonly minP: number | undefined;
  readonly repetitionPenalty: number | undefined;
  readonly seed: number | undefined;
  readonly backend: "auto" | "wasm" | "webgpu" | undefined;
  readonly dtype: WeightFormat | undefined;
  /** Print one JSON object rather than text. */
  readonly json: boolean;
  /** Print the help and do nothing. */
  readonly help: boolean;
}

type Valued = Omit<GenerateFlags, "json" | "help">;

const FLAGS: { readonly [name in keyof Valued]: Flag<Valued[name]> } = {
  model: {
    placeholder: "<model>",
    help: "a folder, a URL or org/name on the Hugging Face Hub; default: the Shakespeare model that comes with this",
    read: modelFolder,
  },
  prompt: { placeholder: "<text>", help: "the text to continue", read: (text) => text },
  maxNewTokens: { placeholder: "<n>", help: "most tokens to make; default 256", read: wholeNumber(1) },
  temperature: {
    placeholder: "<x>",
    help: "0 always takes the likeliest token; default 0.8",
    read: number((x) => x >= 0, "a number from 0 on"),
  },
  topK: { placeholder: "<n>", help: "draw from the n likeliest tokens", read: wholeNumber(1) },
  topP: {
    placeholder: "<x>",
    help: "draw from the likeliest tokens that together reach this probability",
    read: number((x) => x > 0 && x <= 1, "a number above 0 and up to 1"),
  },
  minP: {
    placeholder: "<x>",
    help: "draw from tokens of at least this share of the likeliest one's probability",
    read: number((x) => x >= 0 && x <= 1, "a number from 0 to 1"),
  },
  repetitionPenalty: {
    placeholder: "<x>",
    help: "above 1: makes tokens that came before less likely",
    read: number((x) => x > 0, "a number above 0"),
  },
  seed: {
    placeholder: "<n>",
    help: "the same seed gives the same text; default: another one each time",
    read: wholeNumber(0),
  },
  backend: {
    placeholder: "auto|wasm|webgpu",
    help: "what computes; default auto: webgpu on a hardware GPU, else wasm",
    read: oneOf("auto", "wasm", "webgpu"),
  },
  dtype: {
    placeholder: WEIGHT_FORMATS.join("|"),
    help: "how weights are held in memory; default as in the file",
    read: oneOf(...WEIGHT_FORMATS),
  },
};

/** Characters of what was typed that messages repeat. */
const LONGEST_QUOTE = 80;

/** By their names on the command line. */
const VALUED_FLAGS = new Map(Object.keys(FLAGS).map((name) => [kebabCase(name), { type: "string" }] as const));
const OPTIONS = {
  ...Object.fromEntries(VALUED_FLAGS),
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const;

/** The text that `--help` prints. */
export function helpText(): string {
  const lines: (readonly [flag: string, help: string])[] = [
    ...Object.entries(FLAGS).map(([name, { placeholder, help }]) =>
      [`--${kebabCase(name)} ${placeholder}`, help] as const
    ),
    ["--json", "print one JSON object: text, token ids, timings"],
    ["-h, --help", "print this"],
  ];
  const width = Math.max(...lines.map(([flag]) => flag.length));
  return [
    "Continues a text with a language model.",
    "",
    "Usage: deno task generate --prompt <text> [flags]",
    "",
    ...lines.map(([flag, help]) => `  ${flag.padEnd(width)}  ${help}`),
    "",
    'Values may begin with a dash; one that looks like a flag goes behind "=": --prompt=--verbose. Of a flag that is given',
    "more than once, the last value counts.",
    "",
    "Text goes to stdout; progress, timings and errors go to stderr. Ctrl-C ends the text where it is. The exit code is 2 for",
    "a command line that can't be followed, and 1 where something else fails.",
  ].join("\n");
}

/**
 * Reads a command line.
 *
 * @throws {UsageError} For flags that don't exist, values that are missing or wrong, and anything that is no flag.
 */
export function readFlags(args: readonly string[]): GenerateFlags {
  const { values, isJson, isHelp } = readTokens(args);
  const value = <K extends keyof Valued>(name: K): Valued[K] | undefined => {
    const { read }: Flag<Valued[K]> = FLAGS[name];
    const flag = kebabCase(name);
    const text = values.get(flag);
    return text === undefined ? undefined : read(text, `--${flag}`);
  };
  return {
    model: value("model"),
    prompt: value("prompt"),
    maxNewTokens: value("maxNewTokens"),
    temperature: value("temperature"),
    topK: value("topK"),
    topP: value("topP"),
    minP: value("minP"),
    repetitionPenalty: value("repetitionPenalty"),
    seed: value("seed"),
    backend: value("backend"),
    dtype: value("dtype"),
    json: isJson,
    help: isHelp,
  };
}

/** The flags of a command line: the texts of those with a value, and which of the others are there. */
interface Given {
  readonly values: ReadonlyMap<string, string>;
  readonly isJson: boolean;
  readonly isHelp: boolean;
}

function readTokens(args: readonly string[]): Given {
  const { tokens } = parseArgs({ args: [...args], options: OPTIONS, strict: false, tokens: true });
  const values = new Map<string, string>();
  const given = new Set<string>();
  // A call for help is answered, whatever else is wrong.
  const [end] = tokens.filter(({ kind }) => kind === "option-terminator");
  if (args.slice(0, end?.index).some((arg) => arg === "--help" || arg === "-h")) {
    return { values, isJson: false, isHelp: true };
  }
  for (const token of tokens) {
    if (token.kind === "positional") {
      throw new UsageError(`Unexpected ${quote(token.value)}: text to continue goes behind --prompt, in quotes`);
    }
    if (token.kind === "option-terminator") continue;
    const { name, rawName, value, inlineValue } = token;
    if (VALUED_FLAGS.has(name)) values.set(name, checkValue(rawName, value, inlineValue));
    else if (!Object.hasOwn(OPTIONS, name)) throw unknownFlag(rawName);
    else if (value !== undefined) throw new UsageError(`${rawName} takes no value, but got ${quote(value)}`);
    else given.add(name);
  }
  return { values, isJson: given.has("json"), isHelp: given.has("help") };
}

/**
 * The value behind a flag. A text that looks like another flag is no value, because the value was forgotten more often.
 */
function checkValue(flag: string, value: string | undefined, isInline: boolean | undefined): string {
  if (value === undefined) throw new UsageError(`${flag} needs a value behind it`);
  if (value === "") throw new UsageError(`${flag} needs a value, but got an empty text`);
  if (!isInline && /^--($|[a-z])/i.test(value)) {
    throw new UsageError(
      `${flag} needs a value behind it; if that is ${quote(value)}, put "=" between them: ${flag}=...`,
    );
  }
  return value;
}

function unknownFlag(flag: string): UsageError {
  const closest = closestFlag(flag.replace(/^-+/, ""), Object.keys(OPTIONS));
  const suggestion = closest === undefined ? "" : `did you mean --${closest}? `;
  return new UsageError(`Unknown flag ${quote(flag)}: ${suggestion}--help lists those that exist`);
}

function kebabCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function number(isRight: (value: number) => boolean, what: string): (text: string, flag: string) => number {
  return (text, flag) => {
    const value = Number(text);
    if (text.trim() !== "" && Number.isFinite(value) && isRight(value)) return value;
    throw new UsageError(`${flag} takes ${what}, not ${quote(text)}`);
  };
}

function wholeNumber(least: number): (text: string, flag: string) => number {
  return number((value) => Number.isSafeInteger(value) && value >= least, `a whole number from ${least} on`);
}

function oneOf<const T extends string>(...choices: readonly T[]): (text: string, flag: string) => T {
  return (text, flag) => {
    const found = choices.find((choice) => choice === text);
    if (found === undefined) throw new UsageError(`${flag} is one of ${choices.join(", ")}, not ${quote(text)}`);
    return found;
  };
}

function modelFolder(text: string, flag: string): string {
  if (/\.(safetensors|json)$/.test(text)) {
    throw new UsageError(
      `${flag} takes the folder that holds config.json, weights and tokenizer, not the file ${quote(text)}`,
    );
  }
  return text;
}

/** A text as it was typed, in one line and not too long. */
function quote(text: string): string {
  return JSON.stringify(text.length > LONGEST_QUOTE ? text.slice(0, LONGEST_QUOTE) + "..." : text);
}
