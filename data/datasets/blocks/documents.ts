/**
 * The documents of a row: which tokens are of the same text.
 *
 * @module
 */

import { type DatasetRow, NO_DOCUMENT } from "./block.ts";

/**
 * The positions of a row's tokens in their documents: each document's begin at 0, also those of one that goes on from
 * the row before. With them a model's position embeddings tell a token the same as if its document stood alone.
 *
 * @param documentIds Which document each token belongs to, as rows of a `Dataset` have it: [n].
 * @returns The positions, 0 where there is padding: [n].
 *
 * @example
 * ```ts
 * import { positionsOf } from "../../../mod.ts";
 *
 * console.log(positionsOf(Int32Array.of(0, 0, 0, 1, 1, -1)).join(" ")); // 0 1 2 0 1 0
 * ```
 *
 * @category Data
 */
export function positionsOf(documentIds: Int32Array): Int32Array {
  const positions = new Int32Array(documentIds.length);
  for (let i = 1; i < positions.length; i++) {
    const isInside = documentIds[i] === documentIds[i - 1] && documentIds[i] !== NO_DOCUMENT;
    if (isInside) positions[i] = (positions[i - 1] ?? 0) + 1;
  }
  return positions;
}

/**
 * Where in a row each of its documents ends: what `rowOf` makes the same row of.
 *
 * @returns Nothing where the row is none of documents that follow each other, with nothing but padding behind them.
 */
export function documentEnds({ inputIds, attentionMask, documentIds }: DatasetRow): number[] | undefined {
  const ends: number[] = [];
  const padding = attentionMask.indexOf(0);
  const filled = padding < 0 ? inputIds.length : padding;
  for (let i = 0; i < inputIds.length; i++) {
    if (attentionMask[i] !== (i < filled ? 1 : 0)) return undefined;
    if (documentIds && documentIds[i] !== (i < filled ? ends.length : NO_DOCUMENT)) return undefined;
    const isLast = i + 1 === filled || documentIds && i + 1 < filled && documentIds[i + 1] !== documentIds[i];
    if (isLast) ends.push(i + 1);
  }
  return ends;
}

/**
 * A row of documents.
 *
 * @param inputIds Its token ids, with those of padding: [n].
 * @param ends Where in it each document ends, in their order.
 */
export function rowOf(inputIds: Int32Array, ends: ArrayLike<number>): DatasetRow {
  const attentionMask = new Int32Array(inputIds.length);
  const documentIds = new Int32Array(inputIds.length).fill(NO_DOCUMENT);
  let start = 0;
  for (let document = 0; document < ends.length; document++) {
    const end = ends[document] ?? 0;
    documentIds.fill(document, start, end);
    start = end;
  }
  attentionMask.fill(1, 0, start);
  return { inputIds, attentionMask, documentIds };
}
