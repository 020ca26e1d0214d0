/**
 * What a command is.
 *
 * @module
 */

import type { Flags, Values } from "./flags/flag.ts";

/** What a command runs with. */
export interface CommandContext {
  /** Aborted by Ctrl-C, and where the process is asked to end. */
  readonly signal: AbortSignal;
}

/** A command of the command line. */
export interface Command {
  readonly name: string;
  /** What it does, in a line. */
  readonly summary: string;
  /** What else its help says. */
  readonly details?: string;
  /** Command lines that show its use, without the program's name. */
  readonly examples: readonly string[];
  readonly flags: Flags;
  /** The name of the flag whose value may stand without it. */
  readonly bare?: string;
  /**
   * Runs it.
   *
   * @param values What its flags have read.
   * @returns The exit code.
   */
  run(values: Readonly<Record<string, unknown>>, context: CommandContext): Promise<number>;
}

/** A command whose values have the types that its flags give them. */
interface TypedCommand<F extends Flags> extends Omit<Command, "flags" | "run"> {
  readonly flags: F;
  readonly bare?: string & keyof F;
  run(values: Values<F>, context: CommandContext): Promise<number>;
}

/** Makes a command. */
export function defineCommand<F extends Flags>(command: TypedCommand<F>): Command {
  return command;
}
