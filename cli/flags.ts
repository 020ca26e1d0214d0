/**
 * The flags of the command line: what they are called, what they take, and what they mean.
 *
 * @module
 */
// @ts-types="./parse_args.d.ts"
import { parseArgs } from "@std/cli/parse-args";

/** A command line that can't be followed. */
export class UsageError extends Error {
  /** The name of the class. */
  override readonly name = "UsageError";
}

/** A flag with a value. */
interface Flag<T> {
  /** What stands for its value in the help. */
  readonly placeholder: string;
  /** What it means. */
  readonly help: string;
  /** Reads its value. @throws {UsageError} if it is none */
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
  readonly dtype: "f32" | "f16" | "q8_0" | "q4_0" | undefined;
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
  maxNewTokens: { placeholder: "<n>", help: "most tokens to make; default 256", read: wholeNumber },
  temperature: { placeholder: "<x>", help: "0 always takes the likeliest token; default 0.8", read: number },
  topK: { placeholder: "<n>", help: "draw from the n likeliest tokens", read: wholeNumber },
  topP: {
    placeholder: "<x>",
    help: "draw from the likeliest tokens that together reach this probability",
    read: number,
  },
  minP: {
    placeholder: "<x>",
    help: "draw from tokens of at least this share of the likeliest one's probability",
    read: number,
  },
  repetitionPenalty: { placeholder: "<x>", help: "above 1: makes tokens that came before less likely", read: number },
  seed: {
    placeholder: "<n>",
    help: "the same seed gives the same text; default: another one each time",
    read: wholeNumber,
  },
  backend: {
    placeholder: "auto|wasm|webgpu",
    help: "what computes; default auto: webgpu on a hardware GPU, else wasm",
    read: oneOf("auto", "wasm", "webgpu"),
  },
  dtype: {
    placeholder: "f32|f16|q8_0|q4_0",
    help: "how weights are held in memory; default f32",
    read: oneOf("f32", "f16", "q8_0", "q4_0"),
  },
};

/** What `--help` prints. */
export function helpText(): string {
  const lines: (readonly [flag: string, help: string])[] = [
    ...Object.entries(FLAGS).map(([name, { placeholder, help }]) =>
      [`--${kebabCase(name)} ${placeholder}`, help] as const
    ),
    ["--json", "print one JSON object: text, token ids, timings"],
    ["--help", "print this"],
  ];
  const width = Math.max(...lines.map(([flag]) => flag.length));
  return [
    "Continues a text with a language model.",
    "",
    "Usage: deno task generate --prompt <text> [flags]",
    "",
    ...lines.map(([flag, help]) => `  ${flag.padEnd(width)}  ${help}`),
    "",
    "Text goes to stdout; progress, timings and errors go to stderr. Ctrl-C ends the text where it is.",
  ].join("\n");
}

/**
 * Reads a command line.
 *
 * @throws {UsageError} for flags that don't exist, values that are missing or wrong, and anything that is no flag
 */
export function readFlags(args: readonly string[]): GenerateFlags {
  const names = Object.keys(FLAGS).map(kebabCase);
  const parsed = parseArgs(args, {
    string: names,
    boolean: ["json", "help"],
    unknown: (argument, key) => {
      if (key === undefined) {
        throw new UsageError(
          `Unexpected ${JSON.stringify(argument)}: text to continue goes behind --prompt, in quotes`,
        );
      }
      throw new UsageError(`Unknown flag ${argument.replace(/=.*/s, "")}: --help lists those that exist`);
    },
  });
  const value = <K extends keyof Valued>(name: K): Valued[K] | undefined => {
    const { read }: Flag<Valued[K]> = FLAGS[name];
    const flag = kebabCase(name);
    const text = parsed[flag];
    if (text === undefined) return undefined;
    if (typeof text !== "string" || text === "") throw new UsageError(`--${flag} needs a value behind it`);
    return read(text, `--${flag}`);
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
    json: parsed["json"] === true,
    help: parsed["help"] === true,
  };
}

function kebabCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function number(text: string, flag: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value)) throw new UsageError(`${flag} takes a number, not ${quote(text)}`);
  return value;
}

function wholeNumber(text: string, flag: string): number {
  const value = number(text, flag);
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new UsageError(`${flag} takes a whole number from 0 on, not ${quote(text)}`);
  }
  return value;
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

function quote(text: string): string {
  return JSON.stringify(text);
}
