// Rows of a weight [out, in] as quads of values, `quads` to a row, the last filled up with zeros. A row begins at a
// multiple of `stride` elements. A piece is what lies in one element: PIECE_QUADS quads, which need not be neighbors.
// Where invocations side by side read pieces side by side, they read each byte of the weight once.
//
// Each format has `weightQuad`, `weightPiece`, PIECE_QUADS and `quadOfPiece` in the snippet of its name.
#include FORMAT
