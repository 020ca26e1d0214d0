/**
 * Pieces of a text on their way to the model: normalizers change them, pre-tokenizers cut them.
 *
 * @module
 */

/** A piece of text. */
export interface Piece {
  /** The text as normalized so far. */
  readonly text: string;
  /**
   * How many UTF-16 units at its beginning stem from the first character of the whole text. Above 0 the piece begins where
   * the text did, which decides whether Metaspace's scheme "first" puts a space before it.
   */
  readonly origin: number;
}

/** The whole text, or what lies at an offset of it. */
export function pieceOf(text: string, offset = 0): Piece {
  return { text, origin: offset === 0 ? firstCharacter(text).length : 0 };
}

/** A part of a piece. */
export function slice(piece: Piece, start: number, end: number): Piece {
  if (start === 0 && end === piece.text.length) return piece;
  const origin = Math.min(Math.max(piece.origin - start, 0), end - start);
  return { text: piece.text.slice(start, end), origin };
}

/** A change that treats characters one by one, so that what it makes of the beginning does not depend on what follows. */
export function changeEach(piece: Piece, change: (text: string) => string): Piece {
  const text = change(piece.text);
  if (text === piece.text) return piece;
  return { text, origin: piece.origin === 0 ? 0 : change(piece.text.slice(0, piece.origin)).length };
}

/** Text put before a piece that is not empty. It counts as stemming from where the piece's first character does. */
export function prepend(piece: Piece, text: string): Piece {
  if (piece.text === "") return piece;
  return { text: text + piece.text, origin: piece.origin === 0 ? 0 : piece.origin + text.length };
}

/** The first character, of one or two UTF-16 units; nothing of an empty text. */
export function firstCharacter(text: string): string {
  const code = text.codePointAt(0);
  return code === undefined ? "" : String.fromCodePoint(code);
}
