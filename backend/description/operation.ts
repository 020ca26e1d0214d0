/**
 * How an operation is described: what it takes, what must hold of that together, and what it gives. Methods of an
 * engine, their checks and their commands are derived from it.
 *
 * @module
 */

import type { DType, Tensor } from "../memory.ts";
import type { Operand, Rule, ValueOf } from "./rules.ts";

/** Rules by the names of their arguments. */
export type Rules = Readonly<Record<string, Rule<unknown>>>;

/** Arguments after their checks. */
export type Checked<Each extends Rules> = { readonly [Name in keyof Each]: ValueOf<Each[Name]> };

/** What a result is: an operand that it is like says all. */
export interface Result {
  readonly shape: readonly number[];
  /** Default "f32". */
  readonly dtype?: DType;
  /** Default "rows". */
  readonly layout?: Operand["layout"];
}

/** The description of an operation. */
export interface Description<
  Takes extends Rules = Rules,
  Options extends Rules = Rules,
  Given extends Result | undefined = Result | undefined,
  Carries extends Readonly<Record<string, unknown>> = Readonly<Record<string, unknown>>,
> {
  /** The arguments, in their order. */
  readonly takes: Takes;
  /** Fields of the last argument, an object. */
  readonly options: Options | undefined;
  /** Refuses arguments that don't go together. */
  rule?(args: Checked<Takes & Options>, op: string): void;
  /** The result; `undefined` of an operation that changes a tensor instead. */
  result(args: Checked<Takes & Options>): Given;
  /** What the command carries beside the arguments. */
  carries?(args: Checked<Takes & Options>): Carries;
}

/** Describes an operation. */
export function operation<
  Takes extends Rules,
  Given extends Result | undefined,
  // deno-lint-ignore ban-types
  Options extends Rules = {},
  // deno-lint-ignore ban-types
  Carries extends Readonly<Record<string, unknown>> = {},
>(
  description: Omit<Description<Takes, Options, Given, Carries>, "options"> & { readonly options?: Options },
): Description<Takes, Options, Given, Carries> {
  return { ...description, options: description.options };
}

/** What a table of these methods must describe: each of their options, and whether they give a tensor. */
export type DescriptionsOf<Methods> = { readonly [Op in keyof Methods]: DescriptionOf<Methods[Op]> };

type DescriptionOf<Method> = Method extends (...args: infer Args) => infer Given ? {
    readonly takes: Rules;
    readonly options: RulesOf<OptionsIn<Required<Args>>> | undefined;
    result(args: never): Given extends Tensor ? Result : undefined;
  }
  : never;

/** The options among arguments: the last one, if it is neither tensor nor list, number or text. */
type OptionsIn<Args extends readonly unknown[]> = Args extends readonly [...unknown[], infer Last]
  ? NonNullable<Last> extends Tensor | readonly unknown[] | number | string ? unknown : NonNullable<Last>
  : unknown;

type RulesOf<Options> = { readonly [Name in keyof Required<Options>]: Rule<AsChecked<Options[Name]>> };

/** An argument as it is after its check. */
type AsChecked<Value> = Value extends Tensor ? Operand : Value;
