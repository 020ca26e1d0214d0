/**
 * The type of normalizers.
 *
 * @module
 */

import type { Piece } from "./piece.ts";

/** Changes a piece of text before it is cut into tokens. */
export type Normalizer = (piece: Piece) => Piece;
