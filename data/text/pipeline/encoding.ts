/**
 * Cuts token ids to a length, and pads them to one.
 *
 * @module
 */

import { TokenizerError } from "../../../errors.ts";
import type { Section } from "./section.ts";

/** Token ids, and which of two texts each belongs to. */
export interface Encoding {
  readonly ids: number[];
  /** 0 for the first text, 1 for the second, unless the tokenizer says otherwise. */
  readonly typeIds: number[];
}

/** The text of two that loses tokens where there are too many. */
const TRUNCATION_STRATEGIES = ["LongestFirst", "OnlyFirst", "OnlySecond"] as const;

/** How an encoding is cut. */
export interface Truncation {
  /** Tokens that may remain, special ones included. */
  readonly maxLength: number;
  /** Which text is cut. */
  readonly strategy: typeof TRUNCATION_STRATEGIES[number];
  /** Which end is cut off. */
  readonly side: "left" | "right";
}

/** How an encoding is padded. */
export interface Padding {
  /** To this many tokens; absent: only to `multiple`. */
  readonly length: number | undefined;
  /** To a multiple of so many. */
  readonly multiple: number;
  /** Where the padding goes. */
  readonly side: "left" | "right";
  readonly id: number;
  readonly typeId: number;
  readonly token: string;
}

/** Reads the truncation of a file. Its stride says where further rows begin, and only the first row is given here. */
export function readTruncation(section: Section): Truncation {
  const maxLength = section.count("max_length");
  const stride = section.count("stride");
  if (stride > 0 && stride >= maxLength) {
    throw section.refuse(`its stride ${stride} is not below max_length ${maxLength}`);
  }
  return {
    maxLength,
    strategy: section.choice("strategy", TRUNCATION_STRATEGIES),
    side: section.choice("direction", ["Left", "Right"], "Right") === "Left" ? "left" : "right",
  };
}

/** Reads the padding of a file. */
export function readPadding(section: Section): Padding {
  const isFixed = section.value("strategy") !== "BatchLongest";
  return {
    length: isFixed ? section.section("strategy").count("Fixed") : undefined,
    multiple: section.count("pad_to_multiple_of", 0),
    side: section.choice("direction", ["Left", "Right"]) === "Left" ? "left" : "right",
    id: section.count("pad_id"),
    typeId: section.count("pad_type_id"),
    token: section.string("pad_token"),
  };
}

/**
 * Cuts one text's tokens, or two texts'.
 *
 * @param encodings One or two.
 * @param truncation How; its length is what is left without the special tokens that will be added.
 */
export function truncate(encodings: readonly Encoding[], truncation: Truncation): Encoding[] {
  const { maxLength, strategy, side } = truncation;
  const lengths = encodings.map(({ ids }) => ids.length);
  const surplus = lengths.reduce((sum, length) => sum + length, 0) - maxLength;
  if (surplus <= 0) return [...encodings];
  return encodings.map((encoding, index) => cut(encoding, keptLengths(lengths, maxLength, strategy)[index] ?? 0, side));
}

/** How many tokens of each text are left. */
function keptLengths(lengths: readonly number[], maxLength: number, strategy: Truncation["strategy"]): number[] {
  const [first = 0, second] = lengths;
  if (maxLength === 0) return [0, 0];
  if (strategy !== "LongestFirst") {
    const index = strategy === "OnlyFirst" ? 0 : 1;
    const surplus = first + (second ?? 0) - maxLength;
    const length = lengths[index];
    if (length === undefined || length <= surplus) {
      throw new TokenizerError(
        `Cannot cut to ${maxLength} tokens: the tokenizer's strategy ${strategy} takes them off a text that has ` +
          `${length ?? 0}, and ${surplus} are too many; raise its max_length`,
      );
    }
    return index === 0 ? [length - surplus, second ?? 0] : [first, length - surplus];
  }
  if (second === undefined) return [maxLength];
  // The shorter text is kept whole if the longer one can make room, else both get half.
  const shorter = Math.min(first, second);
  const longer = shorter > maxLength ? shorter : Math.max(shorter, maxLength - shorter);
  const kept = shorter + longer > maxLength
    ? [Math.floor(maxLength / 2), Math.ceil(maxLength / 2)] as const
    : [shorter, longer] as const;
  return first > second ? [kept[1], kept[0]] : [...kept];
}

function cut({ ids, typeIds }: Encoding, length: number, side: "left" | "right"): Encoding {
  if (ids.length <= length) return { ids, typeIds };
  const [start, end] = side === "left" ? [ids.length - length, ids.length] : [0, length];
  return { ids: ids.slice(start, end), typeIds: typeIds.slice(start, end) };
}

/** A file that asks for more is broken, and would cost gigabytes for each text. */
const MOST_PADDED = 2 ** 20;

/** Pads an encoding. */
export function pad({ ids, typeIds }: Encoding, padding: Padding): Encoding {
  let length = padding.length ?? ids.length;
  if (padding.multiple > 0) length = Math.ceil(length / padding.multiple) * padding.multiple;
  if (length <= ids.length) return { ids, typeIds };
  if (length > MOST_PADDED) {
    throw new TokenizerError(
      `Cannot pad to ${length} tokens, as tokenizer.json says: the most are ${MOST_PADDED}; encode without padding`,
    );
  }
  const fill = (value: number): number[] => new Array<number>(length - ids.length).fill(value);
  const join = (values: number[], filling: number[]) =>
    padding.side === "left" ? filling.concat(values) : values.concat(filling);
  return { ids: join(ids, fill(padding.id)), typeIds: join(typeIds, fill(padding.typeId)) };
}

/** Puts encodings together. */
export function concatenate(encodings: readonly Encoding[]): Encoding {
  const [first, second] = encodings;
  if (first !== undefined && second === undefined) return first; // a copy would cost a tenth of it all
  return { ids: encodings.flatMap(({ ids }) => ids), typeIds: encodings.flatMap(({ typeIds }) => typeIds) };
}
