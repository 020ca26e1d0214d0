/**
 * The words in which operations are described: a rule for each argument. A rule makes the check of its argument; the
 * check gives the value that the command carries, or refuses. `sizes.ts` has the patterns of shapes.
 *
 * @module
 */

import { show } from "../../common/show.ts";
import { ConfigError, ShapeError } from "../../errors.ts";
import type { DType } from "../memory.ts";
import { refuse, refuseValue } from "./refusals.ts";
import type { Sizes } from "./sizes.ts";

/** The largest size of a dimension: kernels count in 32 bits. */
export const MOST_SIZE = 2 ** 31 - 1;

/** A tensor as a description sees it, once it is known to be the engine's own. */
export interface Operand {
  readonly shape: readonly number[];
  readonly dtype: DType;
  /** How values lie in memory: row by row, in the engine's own layout for weights, or as a key/value cache. */
  readonly layout: "rows" | "weight" | "cache";
  /** Number of values. */
  readonly size: number;
  /** Rows of the last dimension. */
  readonly rows: number;
  /** Size of the last dimension; 1 for a scalar. */
  readonly width: number;
}

/** What tells an engine's own tensors from everything else. */
export interface Owning {
  /**
   * @throws {ConfigError} If the value is no tensor of this engine.
   * @throws {DisposedError} If it was disposed.
   */
  own(value: unknown): Operand;
}

/**
 * Checks one argument of a call and gives what the command carries of it.
 *
 * @throws {ConfigError | ShapeError} Where it can't be that.
 */
export type Check<Value> = (value: unknown, engine: Owning) => Value;

/** The place of a rule. */
export interface Argument {
  readonly op: string;
  readonly name: string;
  readonly sizes: Sizes;
}

/** What a description says of an argument. */
export interface Rule<Value> {
  /**
   * When it is checked: names of sizes are known then. 0: numbers and flags; 1: weights and caches; 2: values in rows;
   * 3: what may be left out.
   */
  readonly turn: number;
  /** Makes the check. */
  bind(argument: Argument): Check<Value>;
}

/** What a rule lets through. */
export type ValueOf<R> = R extends Rule<infer Value> ? Value : never;

const FLOATS: readonly DType[] = ["f32"];

/** Values in rows. */
export const f32 = (...pattern: readonly string[]): Rule<Operand> => tensor("rows", FLOATS, pattern);
/** Whole numbers in rows. */
export const i32 = (...pattern: readonly string[]): Rule<Operand> => tensor("rows", ["i32"], pattern);
/** Values or whole numbers in rows. */
export const rows = (...pattern: readonly string[]): Rule<Operand> => tensor("rows", ["f32", "i32"], pattern);
/** A weight in any format. */
export const weight = (...pattern: readonly string[]): Rule<Operand> => tensor("weight", undefined, pattern);
/** A cache in any format. */
export const cache = (...pattern: readonly string[]): Rule<Operand> => tensor("cache", undefined, pattern);

/** A tensor in whatever layout and format. */
export const anyTensor: Rule<Operand> = {
  turn: 2,
  bind: ({ op, name }) => (value, engine) => ownTensor(op, name, value, engine),
};

/** Keys or values, in rows or in a cache; both patterns have the same names. */
export function rowsOrCache(inRows: readonly string[], inCache: readonly string[]): Rule<Operand> {
  return {
    turn: 2,
    bind(argument) {
      const { op, name, sizes } = argument;
      const first = sizes.count;
      const checkRows = fitting("rows", FLOATS, inRows, argument);
      const checkCache = fitting("cache", undefined, inCache, { ...argument, sizes: sizes.asBefore(first) });
      return (value, engine) => {
        const own = ownTensor(op, name, value, engine);
        return own.layout === "cache" ? checkCache(own) : checkRows(own);
      };
    },
  };
}

/** Whole numbers in rows of either of two shapes, which differ in how many dimensions they have. */
export function i32Either(shorter: readonly string[], longer: readonly string[]): Rule<Operand> {
  return {
    turn: 2,
    bind(argument) {
      const checkShorter = fitting("rows", ["i32"], shorter, argument);
      const checkLonger = fitting("rows", ["i32"], longer, argument);
      return (value, engine) => {
        const own = ownTensor(argument.op, argument.name, value, engine);
        return own.shape.length === longer.length ? checkLonger(own) : checkShorter(own);
      };
    },
  };
}

const LAYOUT_NAMES: { readonly [layout in Operand["layout"]]: string } = {
  rows: "values in rows",
  weight: "a weight",
  cache: "a cache",
};

function tensor(
  layout: Operand["layout"],
  dtypes: readonly DType[] | undefined,
  pattern: readonly string[],
): Rule<Operand> {
  return {
    turn: layout === "rows" ? 2 : 1,
    bind(argument) {
      const { op, name } = argument;
      const check = fitting(layout, dtypes, pattern, argument);
      return (value, engine) => check(ownTensor(op, name, value, engine));
    },
  };
}

/** Checks whether an engine's own tensor fits. */
function fitting(
  layout: Operand["layout"],
  dtypes: readonly DType[] | undefined,
  pattern: readonly string[],
  { op, name, sizes }: Argument,
): (own: Operand) => Operand {
  const isOpen = pattern[0] === "...";
  const parts = (isOpen ? pattern.slice(1) : pattern).map((text) => sizes.part(text));
  const refuseShape = (shape: readonly number[]) => {
    const expected = parts.map((part) => sizes.expected(part));
    refuse(op, name, shape, `[${[...(isOpen ? ["..."] : []), ...expected].join(", ")}]`);
  };
  return (own) => {
    const { shape, dtype } = own;
    if (own.layout !== layout) refuse(op, name, shape, `${LAYOUT_NAMES[layout]}, not ${LAYOUT_NAMES[own.layout]}`);
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
    return own;
  };
}

function ownTensor(op: string, name: string, value: unknown, engine: Owning): Operand {
  if (typeof value !== "object" || value === null) refuseValue(op, name, value, "a tensor");
  return engine.own(value);
}

/** An argument that may be left out; names that it would have given a size are 0 then. */
export function optional<Value>(rule: Rule<Value>): Rule<Value | undefined> {
  return {
    turn: 3,
    bind(argument) {
      const { sizes } = argument;
      const first = sizes.count;
      const check = rule.bind(argument);
      const last = sizes.count;
      return (value, engine) => {
        if (value !== undefined) return check(value, engine);
        for (let slot = first; slot < last; slot++) sizes.values[slot] = 0;
        return undefined;
      };
    },
  };
}

/** An argument that is `value` where it is left out. */
export function byDefault<Value>(value: Value, rule: Rule<Value>): Rule<Value> {
  return {
    turn: rule.turn,
    bind(argument) {
      const check = rule.bind(argument);
      return (given, engine) => check(given === undefined ? value : given, engine);
    },
  };
}

/** A list of at least one; each part is checked as `part`. */
export function listOf<Value>(name: string, part: string, rule: Rule<Value>): Rule<readonly Value[]> {
  return {
    turn: rule.turn,
    bind({ op, sizes }) {
      const check = rule.bind({ op, name: part, sizes });
      return (value, engine) => {
        if (!Array.isArray(value)) refuseValue(op, name, value, "a list of tensors");
        const list = value.map((each) => check(each, engine));
        if (list.length === 0) throw new ConfigError(`Cannot run ${op} with no ${name}: give at least one`);
        return list;
      };
    },
  };
}

/** What a rule that checks an object of several gives. */
export type Fields<Rules extends Readonly<Record<string, Rule<unknown>>>> = {
  readonly [Name in keyof Rules]: ValueOf<Rules[Name]>;
};

/** An object whose fields are checked one by one. */
export function fields<Rules extends Readonly<Record<string, Rule<unknown>>>>(rules: Rules): Rule<Fields<Rules>> {
  return {
    turn: 0,
    bind({ op, name, sizes }) {
      const checks = Object.entries(rules).map(([field, rule]) =>
        [field, rule.bind({ op, name: field, sizes })] as const
      );
      return (value, engine) => {
        if (typeof value !== "object" || value === null) refuseValue(op, name, value, "an object");
        const checked = checks.map(([field, check]) => [field, check(Reflect.get(value, field), engine)]);
        return Object.fromEntries(checked);
      };
    },
  };
}

/** A rule for a value that is no tensor; `test` refuses. */
function plain<Value>(bind: (argument: Argument) => (value: unknown) => Value): Rule<Value> {
  return { turn: 0, bind };
}

/** A whole number of at least 1, which gives its size to a name. */
export function count(size: string, { multipleOf }: { readonly multipleOf?: string } = {}): Rule<number> {
  return plain(({ op, name, sizes }) => {
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
      return value;
    };
  });
}

/** A whole number within limits, both included. */
export function whole(from: number, to: number): Rule<number> {
  return plain(({ op, name }) => (value) => {
    if (typeof value !== "number" || !Number.isInteger(value) || value < from || value > to) {
      refuseValue(op, name, value, `a whole number from ${from} to ${to}`);
    }
    return value;
  });
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
export function real(limits: Limits = {}): Rule<number> {
  const { from = -Infinity, above = -Infinity, to = Infinity, isOpen = false } = limits;
  const range = [
    ...(from > -Infinity ? [`>= ${from}`] : []),
    ...(above > -Infinity ? [`> ${above}`] : []),
    ...(to < Infinity ? [`<= ${to}`] : []),
  ];
  const expected = [isOpen ? "a number" : "a finite number", ...range.length > 0 ? [range.join(" and ")] : []].join(
    " ",
  );
  return plain(({ op, name }) => (value) => {
    const isReal = typeof value === "number" && (Number.isFinite(value) || isOpen && value === Infinity);
    if (!isReal || value < from || value <= above || value > to) refuseValue(op, name, value, expected);
    return value;
  });
}

/** One of some texts. */
export function oneOf<Choice extends string>(choices: readonly Choice[]): Rule<Choice> {
  return plain(({ op, name }) => (value) => {
    for (const choice of choices) if (value === choice) return choice;
    refuseValue(op, name, value, choices.map((choice) => JSON.stringify(choice)).join(", "));
  });
}

/** True or false. */
export const flag: Rule<boolean> = plain(({ op, name }) => (value) => {
  if (typeof value !== "boolean") refuseValue(op, name, value, "true or false");
  return value;
});

/** A list of whole numbers of 32 bits: at least one, at most so many. */
export function int32List(most: number): Rule<readonly number[]> {
  return plain(({ op, name }) => (value) => {
    if (!Array.isArray(value) || value.length < 1 || value.length > most) {
      const given = Array.isArray(value) ? `${value.length} numbers` : show(value);
      throw new ConfigError(`Cannot run ${op} with ${given} for ${name}: give a list of 1 to ${most} whole numbers`);
    }
    for (const number of value) {
      const isInt32 = typeof number === "number" && (number | 0) === number;
      if (!isInt32) refuseValue(op, `a number of ${name}`, number, "a whole number of 32 bits");
    }
    return [...value];
  });
}
