/**
 * Pieces of a text on their way to the model: normalizers change them, pre-tokenizers cut them.
 *
 * @module
 */

import { TokenizerError } from "../../../errors.ts";

/** A piece of text. */
export interface Piece {
  /** The text as normalized so far. */
  readonly text: string;
  /**
   * How many UTF-16 units at its beginning stem from the first character of the whole text. Above 0 the piece begins
   * where the text did, which decides whether Metaspace's scheme "first" puts a space before it.
   */
  readonly origin: number;
  /**
   * How many UTF-16 units at its beginning stand for nothing at all of the text, because a pattern matched nothing
   * there and was replaced. Rust repeats these whenever it changes the piece further, and we refuse to.
   */
  readonly hollow: number;
}

/** The whole text, or what lies at an offset of it. */
export function pieceOf(text: string, offset = 0): Piece {
  const first = text.codePointAt(0) ?? 0;
  return { text, origin: offset > 0 ? 0 : Math.min(text.length, first > 0xffff ? 2 : 1), hollow: 0 };
}

/** A part of a piece. */
export function slice(piece: Piece, start: number, end: number): Piece {
  if (start === 0 && end === piece.text.length) return piece;
  const within = (units: number): number => Math.min(Math.max(units - start, 0), end - start);
  return { text: piece.text.slice(start, end), origin: within(piece.origin), hollow: within(piece.hollow) };
}

/** Text put before a piece that is not empty. It counts as stemming from where the piece's first character does. */
export function prepend(piece: Piece, text: string): Piece {
  if (piece.text === "") return piece;
  const grown = (units: number): number => units === 0 ? 0 : units + text.length;
  return { text: text + piece.text, origin: grown(piece.origin), hollow: grown(piece.hollow) };
}

/** Replaces characters one by one, so that the result for the beginning does not depend on what follows. */
export function mapEach(piece: Piece, map: (text: string) => string): Piece {
  const text = map(piece.text);
  if (text === piece.text) return piece;
  const mapped = (units: number): number => units === 0 ? 0 : map(piece.text.slice(0, units)).length;
  return { text, origin: mapped(piece.origin), hollow: mapped(piece.hollow) };
}

/** As `mapEach`, for pieces that Rust would treat the same; others are refused. */
export function changeEach(piece: Piece, change: (text: string) => string): Piece {
  return mapEach(solid(piece), change);
}

/** A piece that may be changed further. */
export function solid(piece: Piece): Piece {
  if (piece.hollow === 0) return piece;
  throw new TokenizerError(
    "Cannot normalize a text: the tokenizer's normalizer Replace has put text at the beginning in place of nothing, which " +
      "Rust's tokenizers then repeat; let its pattern match something, or use the normalizer Prepend",
  );
}
