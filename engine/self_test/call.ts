/**
 * Calls of operations as data: what random ones are made of, and how they are put on an engine.
 *
 * @module
 */

import type { Backend } from "../../backend/backend.ts";
import type { CacheFormat, Tensor, WeightFormat } from "../../backend/memory.ts";
import { LOWEST } from "../../backend/operations.ts";
import type { OperationName } from "../../backend/operations/table.ts";
import { type HostValues, RandomValues } from "../reference/random_values.ts";
import type { Values } from "../reference/values.ts";

/** What can be called. */
export type CallName = OperationName | "reshape";

/** An argument of a call, from which it is made on an engine. */
export type Argument =
  | { readonly kind: "rows"; readonly values: HostValues }
  | { readonly kind: "weight"; readonly values: HostValues & { data: Float32Array }; readonly format: WeightFormat }
  | { readonly kind: "cache"; readonly values: HostValues & { data: Float32Array }; readonly format: CacheFormat }
  | { readonly kind: "parts"; readonly parts: readonly Argument[] }
  | { readonly kind: "options"; readonly fields: Readonly<Record<string, Argument>> }
  | { readonly kind: "plain"; readonly value: unknown };

/** A call of an operation. */
export interface Call {
  readonly op: CallName;
  readonly args: readonly Argument[];
  /** The result by its oracle; `valuesOf` gives what an engine holds of an argument, formats and all. */
  expected(valuesOf: ValuesOf): Values;
  /** See `assertClose`. */
  readonly tolerance: number;
  /** Which of the arguments the operation changes instead of giving a result. */
  readonly changes?: number;
}

const WIDTHS = [1, 2, 3, 4, 5, 7, 8, 12, 16, 17, 31, 32, 33, 48, 64, 65, 100, 128];
/** Lengths of sequences. */
export const LENGTHS = [0, 1, 2, 3, 4, 5, 7, 8, 12, 16, 17, 33];

/** Draws what calls are made of. */
export class Draw extends RandomValues {
  pick<T>(choices: readonly T[]): T {
    const at = this.integer(0, choices.length - 1);
    for (const choice of choices.slice(at, at + 1)) return choice;
    throw new RangeError("Cannot pick one of nothing");
  }

  /** True once in so many times. */
  once(times: number): boolean {
    return this.integer(1, times) === 1;
  }

  get width(): number {
    return this.pick(WIDTHS);
  }

  get length(): number {
    return this.pick(LENGTHS);
  }

  get batch(): number {
    return this.once(12) ? 0 : this.integer(1, 3);
  }

  /** Floats in rows. */
  floats(...shape: number[]): Argument {
    return { kind: "rows", values: this.normal(shape) };
  }

  /** Whole numbers in rows, both limits included. */
  ids(shape: readonly number[], from: number, to: number): Argument {
    return { kind: "rows", values: this.integers(shape, from, to) };
  }

  /** The whole numbers below `count` in any order. */
  order(count: number): number[] {
    const numbers = Array.from({ length: count }, (_, i) => ({ i, at: this.next() }));
    return numbers.sort((a, b) => a.at - b.at).map(({ i }) => i);
  }

  /** What `make` makes, or nothing. */
  maybe(make: () => Argument): Argument {
    return this.once(2) ? make() : plain(undefined);
  }

  /** Logits of which some are hidden. */
  logits(rows: number, width: number): Argument {
    const values = this.normal([rows, width], 3);
    for (let i = 0; i < values.data.length; i++) if (this.once(8)) values.data[i] = LOWEST;
    return { kind: "rows", values };
  }
}

/** A number, a text or a list that an operation takes as it is. */
export function plain(value: unknown): Argument {
  return { kind: "plain", value };
}

/** Options of a call. */
export function options(fields: Readonly<Record<string, Argument>>): Argument {
  return { kind: "options", fields };
}

/** What an engine holds of an argument. */
export type ValuesOf = (argument: Argument) => Values;

/** A call. */
export function call(
  op: CallName,
  args: readonly Argument[],
  expected: (of: ValuesOf) => Values,
  tolerance: number,
): Call {
  return { op, args, expected, tolerance };
}

/** Values of an argument that may be absent. */
export function optional(of: ValuesOf, argument: Argument): Values | undefined {
  return argument.kind === "plain" ? undefined : of(argument);
}

/** Values of the tensors among options. */
export function each<Name extends string>(
  of: ValuesOf,
  fields: Readonly<Record<Name, Argument>>,
): { [Each in Name]?: Values | undefined } {
  const result: { [Each in Name]?: Values | undefined } = {};
  for (const name in fields) result[name] = optional(of, fields[name]);
  return result;
}

/** Options that an operation takes as they are. */
export function plains(settings: Readonly<Record<string, unknown>>): Record<string, Argument> {
  return Object.fromEntries(Object.entries(settings).map(([name, value]) => [name, plain(value)]));
}

/** Makes an argument on an engine. */
export function place(backend: Backend, argument: Argument, keep: (tensor: Tensor) => Tensor): unknown {
  switch (argument.kind) {
    case "plain":
      return argument.value;
    case "options":
      return Object.fromEntries(
        Object.entries(argument.fields).map(([name, field]) => [name, place(backend, field, keep)]),
      );
    case "parts":
      return argument.parts.map((part) => place(backend, part, keep));
    default:
      return keep(placeTensor(backend, argument));
  }
}

type TensorArgument = Extract<Argument, { kind: "rows" | "weight" | "cache" }>;

function placeTensor(backend: Backend, argument: TensorArgument): Tensor {
  const { shape, data } = argument.values;
  if (argument.kind === "rows") return backend.tensor(data, shape);
  if (argument.kind === "weight") {
    const [out = 0, inSize = 0] = shape;
    const weight = backend.weight([out, inSize], argument.format);
    backend.writeRows(weight, 0, argument.values.data);
    return weight;
  }
  const [b = 0, kvHeads = 0, capacity = 0, dim = 0] = shape;
  const cache = backend.cache(shape, argument.format);
  const rows = new Float32Array(data.length);
  for (let i = 0; i < data.length; i++) {
    const [row, place, feature] = [Math.floor(i / (capacity * dim)), Math.floor(i / dim) % capacity, i % dim];
    const [sequence, head] = [Math.floor(row / kvHeads), row % kvHeads];
    rows[((sequence * capacity + place) * kvHeads + head) * dim + feature] = data[i] ?? 0;
  }
  backend.scope(() => {
    const positions = backend.tensor(new Int32Array(b), [b]);
    backend.appendCache(cache, backend.tensor(rows, [b, capacity, kvHeads * dim]), positions);
  });
  return cache;
}

/** Calls an operation as a caller without types does. */
export function invoke(backend: Backend, op: string, args: readonly unknown[]): unknown {
  const operation: unknown = Reflect.get(backend, op);
  if (typeof operation !== "function") throw new Error(`Cannot call ${op}: there is no such operation`);
  return Reflect.apply(operation, backend, args);
}
