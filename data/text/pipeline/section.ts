/**
 * A part of tokenizer.json, read with checks. Types and options that are not supported are refused by name.
 *
 * @module
 */

import { isRecord } from "../../../common/record.ts";
import { show } from "../../../common/show.ts";
import { TokenizerError } from "../../../errors.ts";

/** Whether a value is an id as Rust holds it. We stop at 2³¹, because ids go into signed 32-bit tensors. */
export function isTokenId(id: unknown): id is number {
  return typeof id === "number" && Number.isInteger(id) && id >= 0 && id < 2 ** 31;
}

/** The depth to which Rust reads JSON. */
const DEEPEST = 127;

/** An object of tokenizer.json, and where it stands there: "" is the whole file. */
export class Section {
  /** Where it stands, such as "pre_tokenizer.pretokenizers[1]". */
  readonly path: string;
  readonly #values: Readonly<Record<string, unknown>>;
  readonly #depth: number;

  constructor(path: string, values: unknown, depth = 0) {
    this.path = path;
    this.#depth = depth;
    if (depth > DEEPEST) throw refusal(`${path.slice(0, 40)}…`, "its parts are too deep in each other");
    if (!isRecord(values)) throw refusal(path, `expected an object, got ${show(values)}`);
    this.#values = values;
  }

  /** The type of the part. */
  get type(): string {
    return this.string("type");
  }

  /** Whether the file gives a value for a field; `null` is none. */
  has(name: string): boolean {
    return (this.#values[name] ?? null) !== null;
  }

  /** A field as it stands. */
  value(name: string): unknown {
    return this.#values[name];
  }

  /** A text; required where no fallback is given. */
  string(name: string, fallback?: string): string {
    return this.#read(name, "a text", (value) => typeof value === "string", fallback);
  }

  /** A text of exactly one character. */
  character(name: string, fallback?: string): string {
    const isOne = (value: unknown): value is string => typeof value === "string" && [...value].length === 1;
    return this.#read(name, "one character", isOne, fallback);
  }

  /** One of several texts. */
  choice<T extends string>(name: string, choices: readonly T[], fallback?: T): T {
    const isChoice = (value: unknown): value is T => choices.some((choice) => choice === value);
    return this.#read(name, `one of ${choices.map(show).join(", ")}`, isChoice, fallback);
  }

  /** True or false; required where no fallback is given. */
  boolean(name: string, fallback?: boolean): boolean {
    return this.#read(name, "true or false", (value) => typeof value === "boolean", fallback);
  }

  /** A whole number, 0 or more. */
  count(name: string, fallback?: number): number {
    const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0;
    return this.#read(name, "a whole number, 0 or more", isCount, fallback);
  }

  /** An object within this one. */
  section(name: string): Section {
    return new Section(this.#within(name), this.#values[name], this.#depth + 1);
  }

  /** The objects of a list. */
  sections(name: string): Section[] {
    return this.list(name).map((value, index) =>
      new Section(`${this.#within(name)}[${index}]`, value, this.#depth + 1)
    );
  }

  /** A list of anything. */
  list(name: string): readonly unknown[] {
    return this.#read(name, "a list", Array.isArray);
  }

  /** A token and its id, as BertProcessing writes them: ["[SEP]", 102]. */
  tokenAndId(name: string): number {
    const value = this.#values[name];
    if (Array.isArray(value) && value.length === 2 && isTokenId(value[1])) return value[1];
    throw this.refuse(`${name} must be a token and its id, got ${show(value)}`);
  }

  /** The error for a field that can't be used. */
  refuse(rule: string): TokenizerError {
    return refusal(this.path, rule);
  }

  /** The error for a kind of part that we don't have. */
  unknownType(): TokenizerError {
    return this.refuse(`its type ${show(this.type)} is not supported`);
  }

  #within(name: string): string {
    return this.path === "" ? name : `${this.path}.${name}`;
  }

  #read<T>(name: string, expected: string, is: (value: unknown) => value is T, fallback?: T): T {
    const value = this.#values[name];
    if (is(value)) return value;
    if ((value ?? null) === null && fallback !== undefined) return fallback;
    throw this.refuse(`${name} must be ${expected}, got ${value === undefined ? "nothing" : show(value)}`);
  }
}

function refusal(path: string, rule: string): TokenizerError {
  const what = path === "" ? "tokenizer.json" : `${path} of tokenizer.json`;
  return new TokenizerError(`Cannot use ${what}: ${rule}; use a file that Rust's tokenizers have written`);
}
