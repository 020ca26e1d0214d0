/**
 * The commands as one program: which of them a command line means, its values, help and completions.
 *
 * @module
 */

import { Command as Program, CommanderError, Option } from "npm:commander@14.0.3";
import type { Command } from "./command.ts";
import { bench } from "./commands/bench.ts";
import { dataset } from "./commands/dataset.ts";
import { evaluate } from "./commands/eval.ts";
import { generate } from "./commands/generate.ts";
import { inspect } from "./commands/inspect.ts";
import { quantize } from "./commands/quantize.ts";
import { selfTest } from "./commands/self_test.ts";
import { serve } from "./commands/serve.ts";
import { addCompletions, ASKED } from "./completions.ts";
import { asksForHelp, readArguments } from "./flags/arguments.ts";
import { closest } from "./flags/closest.ts";
import { type Flag, typedName } from "./flags/flag.ts";
import { quote, UsageError } from "./flags/usage_error.ts";

const NAME = "andromeda";

/** The version in deno.json, which says much that is of no use here. */
const VERSION = "0.1.0";

const COMMANDS: readonly Command[] = [generate, serve, dataset, inspect, quantize, bench, evaluate, selfTest];

const ABOUT = "Transformers on WebAssembly SIMD and on WebGPU.";

const NOTES = `
A model is a folder, a URL, or org/name on the Hugging Face Hub.

Results go to stdout; progress, timings and errors go to stderr. The exit code is
2 for a command line that can't be followed, 1 where something else fails, and
130 after Ctrl-C.

Completion: source <(${NAME} completion bash), where bash-completion is
installed, or the same with zsh; ${NAME} completion fish | source.`;

const VALUES = `
Values may begin with a dash; one that looks like a flag goes behind "=", as in
--prompt=--verbose. Of a flag that is given more than once, the last value counts.`;

/** What a command line asks for: a text, or a command with the values of its flags. */
export type CommandLine =
  | { readonly text: string }
  | { readonly command: Command; readonly values: Readonly<Record<string, unknown>> };

/**
 * Reads a command line.
 *
 * @param args The arguments, without the program's name.
 * @returns What it asks for. Completions are printed at once.
 * @throws {UsageError} If it can't be followed.
 */
export async function readCommandLine(args: readonly string[]): Promise<CommandLine> {
  let text = "";
  let line: CommandLine | undefined;
  const program = new Program(NAME)
    .description(ABOUT)
    .version(VERSION)
    .exitOverride()
    .configureOutput({ writeOut: (written) => void (text += written), outputError: () => {} })
    .addHelpText("after", NOTES);
  for (const command of COMMANDS) {
    withFlags(program.command(command.name), command)
      .action((values: Readonly<Record<string, unknown>>) => void (line = { command, values }));
  }
  addCompletions(program, COMMANDS, args[0] === ASKED ? args.at(-1) ?? "" : "");
  try {
    await program.parseAsync(checked(args, program), { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode !== 0) throw new UsageError(error.message.replace(/^error: /, "").replaceAll(/\s+/g, " "));
  }
  return line ?? { text };
}

/** Gives a command of the program its flags and its help. */
function withFlags(program: Program, { name, summary, details = "", examples, flags, bare }: Command): Program {
  const usage = examples.map((example) => `  ${NAME} ${name} ${example}`).join("\n");
  program
    .summary(summary)
    .description(summary)
    .usage(`${bare === undefined ? "" : `[${bare}] `}[flags]`)
    .addHelpText("after", details === "" ? "" : `\n${details}`)
    .addHelpText("after", `\nExamples:\n${usage}\n${VALUES}`);
  for (const [flag, each] of Object.entries(flags)) program.addOption(toOption(flag, each));
  return program;
}

function toOption(name: string, { placeholder, help, reader, fallback, isRequired, variable }: Flag<unknown>): Option {
  const flag = `--${typedName(name)}`;
  const option = new Option(
    placeholder === undefined ? flag : `${flag} ${placeholder}`,
    isRequired ? `${help} (required)` : help,
  );
  if (fallback !== undefined) option.default(fallback);
  if (variable !== undefined) option.env(variable);
  if (reader === undefined) return option;
  if (reader.choices !== undefined) option.choices(reader.choices);
  return option.argParser((text) => reader.read(text, flag));
}

/** A command line in the form that the program takes without finding a mistake in it. */
function checked(args: readonly string[], program: Program): readonly string[] {
  const [name, ...rest] = args;
  if (name === undefined) return ["--help"];
  const command = COMMANDS.find((each) => each.name === name);
  if (command !== undefined) {
    return asksForHelp(rest) ? [name, "--help"] : [name, ...readArguments(rest, command.flags, command.bare)];
  }
  if (name.startsWith("-")) return asksForHelp(args) ? ["--help"] : args;
  const names = program.commands.map((each) => each.name());
  if (names.includes(name) || name === "help") return args;
  const found = closest(name, COMMANDS.map((each) => each.name));
  const suggestion = found === undefined ? "" : `did you mean ${found}? `;
  throw new UsageError(`Unknown command ${quote(name)}: ${suggestion}--help lists those that exist`);
}
