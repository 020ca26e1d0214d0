/**
 * From the description of an operation to the method of an engine: a call is checked whole before its result is
 * allocated and its command recorded.
 *
 * @module
 */

import type { Description, Result, Rules } from "../backend/description/operation.ts";
import { refuseValue } from "../backend/description/refusals.ts";
import type { Check, Operand, Owning } from "../backend/description/rules.ts";
import { Sizes } from "../backend/description/sizes.ts";

/** A command without its result: the name of the operation and what its description says that it carries. */
export interface Unfinished {
  readonly op: string;
  [name: string]: unknown;
}

/** What a method needs of its engine. */
export interface Performing extends Owning {
  /** Allocates the result, if there is one, and records the command. */
  perform(command: Unfinished, result: Result | undefined): Operand | undefined;
}

/** One argument of a call. */
interface Step {
  readonly name: string;
  /** Its position among the arguments; undefined for an option. */
  readonly at: number | undefined;
  readonly check: Check<unknown>;
}

/** The method of an operation. */
export function methodOf(
  op: string,
  description: Description,
): (this: Performing, ...given: readonly unknown[]) => Operand | undefined {
  const { takes, options } = description;
  const steps = stepsOf(op, takes, options ?? {});
  const optionsAt = Object.keys(takes).length;
  // Commands of one operation share a layout that no other has, because they come from a class of their own: those that
  // begin as one literal for all operations made a call take twice as long (V8 15, 2 cores of an EPYC).
  class OwnCommand {
    readonly op = op;
    [name: string]: unknown;
  }
  return function (...given) {
    const fields = options && optionsOf(op, given[optionsAt]);
    const command: Unfinished = new OwnCommand();
    for (const { name, at, check } of steps) {
      command[name] = check(at === undefined ? fields?.[name] : given[at], this);
    }
    description.rule?.(command, op);
    const result = description.result(command);
    const carried: Readonly<Record<string, unknown>> | undefined = description.carries?.(command);
    for (const name in carried) command[name] = carried[name];
    return this.perform(command, result);
  };
}

/** The checks of all arguments, in the order of their turns. */
function stepsOf(op: string, takes: Rules, options: Rules): Step[] {
  const sizes = new Sizes();
  const places = [
    ...Object.entries(takes).map(([name, rule], at) => ({ name, rule, at })),
    ...Object.entries(options).map(([name, rule]) => ({ name, rule, at: undefined })),
  ];
  return places
    .sort((a, b) => a.rule.turn - b.rule.turn)
    .map(({ name, rule, at }) => ({ name, at, check: rule.bind({ op, name, sizes }) }));
}

const NO_OPTIONS: Readonly<Record<string, unknown>> = {};

/**
 * Options of a call.
 *
 * @throws {ConfigError} If they are no object.
 */
function optionsOf(op: string, options: unknown): Readonly<Record<string, unknown>> {
  if (options === undefined) return NO_OPTIONS;
  if (isObject(options)) return options;
  refuseValue(op, "options", options, "an object");
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}
