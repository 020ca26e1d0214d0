/**
 * Patterns of sizes, by which descriptions say what shapes an operation takes. A name stands for the same number
 * wherever a description has it: where it is checked first it takes the size that it finds, and later ones must agree.
 *
 *     "n"        a size of that name
 *     "heads*d"  a multiple of `heads`, which is known, or of a number; d is how many times
 *     "1|b"      1, or b, which is known
 *     "n+"       n, which is at least 1
 *     "2"        this number
 *     "?"        any size
 *     "..."      in front of a pattern: any number of further dimensions
 *
 * @module
 */

/** One size of a pattern. */
export interface Part {
  readonly name: string;
  /** Where the number of the name is kept. */
  readonly slot: number;
  /** Whether the number is found here. */
  readonly isFirst: boolean;
  /** What the size is a multiple of. */
  readonly factor: Part | number | undefined;
  readonly mayBeOne: boolean;
  readonly isPositive: boolean;
  /** A size without a name: this number, or any. */
  readonly fixed: number | "any" | undefined;
}

/** The slot of a part without a name. */
const NO_SLOT = -1;

/** The names of one description, and the numbers that they have in the call at hand. */
export class Sizes {
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
    const plain = { factor: undefined, mayBeOne: false, isPositive: false };
    const fixed = text === "?" ? "any" : /^\d+$/.test(text) ? Number(text) : undefined;
    if (fixed !== undefined) return { ...plain, name: `${fixed}`, slot: NO_SLOT, isFirst: true, fixed };
    const known = this.#slots.get(text);
    const slot = known ?? this.#slots.size;
    this.#slots.set(text, slot);
    return { ...plain, name: text, slot, isFirst: known === undefined, fixed };
  }

  /** Takes a size for a part of a pattern: false if it does not fit. */
  take(part: Part, size: number): boolean {
    const { slot, isFirst, factor, mayBeOne, isPositive, fixed } = part;
    if (fixed !== undefined) return fixed === "any" || size === fixed;
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
    if (!this.#slots.has(text)) throw new Error(`Cannot describe a size by "${text}": it must be known by then`);
    return this.part(text);
  }
}
