/**
 * The commands that operations are recorded as, derived from their descriptions. Every tensor is checked and every
 * result allocated when a command is made: an engine has only to run it.
 *
 * @module
 */

import type { Checked, Description, Result, Rules } from "../backend/description/operation.ts";
import type { Operand } from "../backend/description/rules.ts";
import type { OperationName, OPERATIONS } from "../backend/operations/table.ts";

/** One recorded operation over tensors of type `T`; fields are named as in its description, `out` is the result. */
export type Command<T> = CommandOf<T, OperationName>;

/** The command of one operation, or of one of several. */
export type CommandOf<T, Op extends OperationName> = {
  [Each in Op]: { readonly op: Each } & FieldsOf<T, typeof OPERATIONS[Each]>;
}[Op];

/** Fields that the three attention commands share. */
export type AttentionCommand<T> = Omit<CommandOf<T, "attention">, "op" | "q" | "k" | "v" | "out">;

type FieldsOf<T, Described> = Described extends Description<infer Takes, infer Options, infer Given, infer Carries>
  ? Over<T, Options> & Over<T, Takes> & Carries & (Given extends Result ? { readonly out: T } : unknown)
  : never;

/** Arguments with tensors of an engine in the place of operands. */
type Over<T, Each extends Rules> = { readonly [Name in keyof Each]: Instead<T, Checked<Each>[Name]> };

type Instead<T, Value> = Value extends Operand ? T : Value extends readonly Operand[] ? readonly T[] : Value;
