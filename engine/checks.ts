/**
 * What operations refuse, and in which words: rules for arguments, of which `operations.ts` makes a description of each
 * operation. A call is checked whole before anything is allocated or recorded.
 *
 * Shapes are patterns of sizes. A name stands for the same number wherever a description has it: where it comes first
 * it takes the size that it finds, and later ones must agree.
 *
 *     "n"        a size of that name
 *     "heads*d"  a multiple of `heads`, which came before, or of a number; d is how many times
 *     "1|b"      1, or b, which came before
 *     "n+"       n, which is at least 1
 *     "..."      in front of a pattern: any number of further dimensions
 *
 * @module
 */

import type { DType } from "../backend/memory.ts";
import { formatShape, sameShape } from "../common/shape.ts";
import { show } from "../common/show.ts";
import { ConfigError, ShapeError } from "../errors.ts";
import { type EngineTensor, type Layout, MOST_SIZE, type Storage } from "./tensor.ts";

/** What tells an engine's own tensors from everything else. */
export interface Owning {
  /** @throws {ConfigError} if the value is no tensor of this engine @throws {DisposedError} if it was disposed */
  own(value: unknown): EngineTensor<Storage>;
}

/** Checks one argument of a call. @throws {ConfigError | ShapeError} */
type Check = (value: unknown, engine: Owning) => void;

/** What a description says of an argument; `describe` makes a check of it. */
export type Rule = (argument: Argument) => Check;

/** The place of a rule. */
interface Argument {
  readonly op: string;
  readonly name: string;
  readonly sizes: Sizes;
}

/** An operation's description: what each argument must be. Arguments are checked in this order. */
export interface Operation<Name extends string> {
  readonly op: string;
  readonly checks: readonly { readonly name: Name; readonly check: Check }[];
}

/** Describes an operation. */
export function describe<Name extends string>(op: string, rules: Readonly<Record<Name, Rule>>): Operation<Name> {
  const sizes = new Sizes();
  const checks = namesOf(rules).map((name) => ({ name, check: rules[name]({ op, name, sizes }) }));
  return { op, checks };
}

/** Describes operations by their names. */
export function describeAll<Table extends { readonly [op: string]: Readonly<Record<string, Rule>> }>(
  table: Table,
): { readonly [Op in keyof Table]: Operation<keyof Table[Op] & string> };
export function describeAll(table: { readonly [op: string]: Readonly<Record<string, Rule>> }) {
  return Object.fromEntries(Object.entries(table).map(([op, rules]) => [op, describe(op, rules)]));
}

/** Checks the arguments of a call. @throws {ConfigError | ShapeError | DisposedError} */
export function check<Name extends string>(
  { checks }: Operation<Name>,
  args: Readonly<Record<Name, unknown>>,
  engine: Owning,
): void {
  for (const { name, check } of checks) check(args[name], engine);
}

/** Options of a call. @throws {ConfigError} if they are no object */
export function optionsOf<T extends object>(op: string, options: T): T {
  if (typeof options !== "object" || options === null) refuseValue(op, "options", options, "an object");
  return options;
}

/** @throws {ShapeError} always: `op` can't take `shape` for `name` */
export function refuse(op: string, name: string, shape: readonly number[], expected: string): never {
  throw new ShapeError(`Cannot run ${op} with ${name} of shape ${formatShape(shape)}: expected ${expected}`);
}

/** @throws {ConfigError} always: `op` can't take `value` for `name` */
export function refuseValue(op: string, name: string, value: unknown, expected: string): never {
  throw new ConfigError(`Cannot run ${op} with ${name} = ${show(value)}: expected ${expected}`);
}

/** @throws {ShapeError} unless the tensor has this shape */
export function expectShape(
  op: string,
  name: string,
  tensor: { readonly shape: readonly number[] },
  shape: readonly number[],
): void {
  if (!sameShape(tensor.shape, shape)) refuse(op, name, tensor.shape, formatShape(shape));
}

/** @throws {ShapeError} unless the tensor holds this type */
export function expectDType(op: string, name: string, tensor: { readonly dtype: DType }, dtype: DType): void {
  if (tensor.dtype === dtype) return;
  throw new ShapeError(`Cannot run ${op} with ${name} of dtype ${tensor.dtype}: expected ${dtype}`);
}

/** An argument that may be left out; names that it would have given a size are 0 then. */
export function optional(rule: Rule): Rule {
  return (argument) => {
    const { sizes } = argument;
    const first = sizes.count;
    const check = rule(argument);
    const last = sizes.count;
    return (value, engine) => {
      if (value !== undefined) return check(value, engine);
      for (let slot = first; slot < last; slot++) sizes.values[slot] = 0;
    };
  };
}

/** Values in rows. */
export const f32 = (...pattern: readonly string[]): Rule => tensor("rows", ["f32"], pattern);
/** Whole numbers in rows. */
export const i32 = (...pattern: readonly string[]): Rule => tensor("rows", ["i32"], pattern);
/** Values or whole numbers in rows. */
export const rows = (...pattern: readonly string[]): Rule => tensor("rows", ["f32", "i32"], pattern);
/** A weight in any format. */
export const weight = (...pattern: readonly string[]): Rule => tensor("weight", undefined, pattern);
/** A cache in any format. */
export const cache = (...pattern: readonly string[]): Rule => tensor("cache", undefined, pattern);

/** A tensor in whatever layout and format. */
export const anyTensor: Rule = ({ op, name }) => (value, engine) => void ownTensor(op, name, value, engine);

/** Keys or values, in rows or in a cache; both patterns have the same names. */
export function rowsOrCache(inRows: readonly string[], inCache: readonly string[]): Rule {
  return (argument) => {
    const first = argument.sizes.count;
    const checkRows = f32(...inRows)(argument);
    const checkCache = cache(...inCache)({ ...argument, sizes: argument.sizes.asBefore(first) });
    return (value, engine) => {
      const { layout } = ownTensor(argument.op, argument.name, value, engine);
      (layout === "cache" ? checkCache : checkRows)(value, engine);
    };
  };
}

const LAYOUT_NAMES: { readonly [layout in Layout]: string } = {
  rows: "values in rows",
  weight: "a weight",
  cache: "a cache",
};

function tensor(layout: Layout, dtypes: readonly DType[] | undefined, pattern: readonly string[]): Rule {
  return ({ op, name, sizes }) => {
    const isOpen = pattern[0] === "...";
    const parts = (isOpen ? pattern.slice(1) : pattern).map((text) => sizes.part(text));
    const refuseShape = (shape: readonly number[]) => {
      const expected = parts.map((part) => sizes.expected(part));
      refuse(op, name, shape, `[${[...(isOpen ? ["..."] : []), ...expected].join(", ")}]`);
    };
    return (value, engine) => {
      const { shape, dtype, layout: own } = ownTensor(op, name, value, engine);
      if (own !== layout) refuse(op, name, shape, `${LAYOUT_NAMES[layout]}, not ${LAYOUT_NAMES[own]}`);
      if (dtypes && !dtypes.includes(dtype)) {
        throw new ShapeError(`Cannot run ${op} with ${name} of dtype ${dtype}: expected ${dtypes.join(" or ")}`);
      }
      const leading = shape.length - parts.length;
      if (leading < 0 || leading > 0 && !isOpen) refuseShape(shape);
      for (let i = 0; i < parts.length; i++) {
        const part = parts[i];
        const size = shape[leading + i];
        if (part !== undefined && size !== undefined && !sizes.take(part, size)) refuseShape(shape);
      }
    };
  };
}

function ownTensor(op: string, name: string, value: unknown, engine: Owning): EngineTensor<Storage> {
  if (typeof value !== "object" || value === null) refuseValue(op, name, value, "a tensor");
  return engine.own(value);
}

/** A whole number of at least 1, which gives its size to a name. */
export function count(size: string, { multipleOf }: { readonly multipleOf?: string } = {}): Rule {
  return ({ op, name, sizes }) => {
    const factor = multipleOf === undefined ? undefined : sizes.part(multipleOf);
    const own = sizes.part(size);
    return (value) => {
      if (typeof value !== "number" || !Number.isInteger(value) || value < 1 || value > MOST_SIZE) {
        refuseValue(op, name, value, `a whole number from 1 to ${MOST_SIZE}`);
      }
      if (factor && value % sizes.valueOf(factor) !== 0) {
        refuseValue(op, name, value, `a multiple of ${multipleOf} = ${sizes.valueOf(factor)}`);
      }
      sizes.take(own, value);
    };
  };
}

/** A whole number within limits, both included. */
export function whole(from: number, to: number): Rule {
  return ({ op, name }) => (value) => {
    if (typeof value !== "number" || !Number.isInteger(value) || value < from || value > to) {
      refuseValue(op, name, value, `a whole number from ${from} to ${to}`);
    }
  };
}

/** Limits of a number. */
interface Limits {
  readonly from?: number;
  readonly above?: number;
  readonly to?: number;
  /** Whether infinity is allowed. */
  readonly isOpen?: boolean;
}

/** A number within limits, both included; never NaN, and finite unless the limits are open. */
export function real({ from = -Infinity, above = -Infinity, to = Infinity, isOpen = false }: Limits = {}): Rule {
  const range = [
    ...(from > -Infinity ? [`>= ${from}`] : []),
    ...(above > -Infinity ? [`> ${above}`] : []),
    ...(to < Infinity ? [`<= ${to}`] : []),
  ];
  const expected = [isOpen ? "a number" : "a finite number", ...range.length > 0 ? [range.join(" and ")] : []].join(
    " ",
  );
  return ({ op, name }) => (value) => {
    const isReal = typeof value === "number" && (Number.isFinite(value) || isOpen && value === Infinity);
    if (!isReal || value < from || value <= above || value > to) refuseValue(op, name, value, expected);
  };
}

/** One of some texts. */
export function oneOf(choices: readonly string[]): Rule {
  return ({ op, name }) => (value) => {
    if (typeof value !== "string" || !choices.includes(value)) {
      refuseValue(op, name, value, choices.map((choice) => JSON.stringify(choice)).join(", "));
    }
  };
}

/** True or false. */
export const flag: Rule = ({ op, name }) => (value) => {
  if (typeof value !== "boolean") refuseValue(op, name, value, "true or false");
};

/** A list of whole numbers of 32 bits: at least one, at most so many. */
export function int32List(most: number): Rule {
  return ({ op, name }) => (value) => {
    if (!Array.isArray(value) || value.length < 1 || value.length > most) {
      const given = Array.isArray(value) ? `${value.length} numbers` : show(value);
      throw new ConfigError(`Cannot run ${op} with ${given} for ${name}: give a list of 1 to ${most} whole numbers`);
    }
    for (const number of value) {
      const isInt32 = typeof number === "number" && (number | 0) === number;
      if (!isInt32) refuseValue(op, `a number of ${name}`, number, "a whole number of 32 bits");
    }
  };
}

/** One size of a pattern. */
interface Part {
  readonly name: string;
  /** Where the number of the name is kept. */
  readonly slot: number;
  /** Whether the number is found here. */
  readonly isFirst: boolean;
  /** What the size is a multiple of. */
  readonly factor: Part | number | undefined;
  readonly mayBeOne: boolean;
  readonly isPositive: boolean;
}

/** The names of one description, and the numbers that they have in the call at hand. */
class Sizes {
  readonly values: number[] = [];
  readonly #slots: Map<string, number>;

  constructor(slots: ReadonlyMap<string, number> = new Map(), values: number[] = []) {
    this.#slots = new Map(slots);
    this.values = values;
  }

  /** How many names there are. */
  get count(): number {
    return this.#slots.size;
  }

  /** The same numbers as if only the first names had been met: for an alternative to a pattern. */
  asBefore(count: number): Sizes {
    return new Sizes(new Map([...this.#slots].slice(0, count)), this.values);
  }

  /** A size of a pattern as it is written. */
  part(text: string): Part {
    const [factor, multiple] = text.split("*");
    if (factor !== undefined && multiple !== undefined) {
      const isNumber = /^\d+$/.test(factor);
      return { ...this.part(multiple), factor: isNumber ? Number(factor) : this.#known(factor) };
    }
    if (text.endsWith("+")) return { ...this.part(text.slice(0, -1)), isPositive: true };
    if (text.startsWith("1|")) return { ...this.#known(text.slice(2)), mayBeOne: true };
    const known = this.#slots.get(text);
    const slot = known ?? this.#slots.size;
    this.#slots.set(text, slot);
    return { name: text, slot, isFirst: known === undefined, factor: undefined, mayBeOne: false, isPositive: false };
  }

  /** Takes a size for a part of a pattern: false if it does not fit. */
  take(part: Part, size: number): boolean {
    const { slot, isFirst, factor, mayBeOne, isPositive } = part;
    if (mayBeOne && size === 1) return true;
    if (isPositive && size === 0) return false;
    const own = factor === undefined ? size : size / this.valueOf(factor);
    if (factor !== undefined && !Number.isInteger(own)) return false;
    if (!isFirst) return this.values[slot] === own;
    this.values[slot] = own;
    return true;
  }

  /** The number of a name in this call. */
  valueOf(part: Part | number): number {
    return typeof part === "number" ? part : this.values[part.slot] ?? 0;
  }

  /** A part in a message: the number where it is known. */
  expected(part: Part): string {
    const own = part.isFirst ? part.name : this.valueOf(part);
    const size = part.factor === undefined ? `${own}` : `${this.valueOf(part.factor)} × ${own}`;
    return part.mayBeOne ? `1 or ${size}` : part.isPositive ? `${size} > 0` : size;
  }

  #known(text: string): Part {
    if (!this.#slots.has(text)) throw new Error(`Cannot describe a size by "${text}": it must have come before`);
    return this.part(text);
  }
}

function namesOf<Name extends string>(rules: Readonly<Record<Name, Rule>>): Name[] {
  return Object.keys(rules).filter((name): name is Name => name in rules);
}
