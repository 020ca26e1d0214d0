/**
 * Token ids and masks in the forms that people have them, checked and put on an engine.
 *
 * @module
 */

import type { Backend } from "../../backend/backend.ts";
import type { Tensor } from "../../backend/memory.ts";
import { isRecord } from "../../common/record.ts";
import { show } from "../../common/show.ts";
import type { TokenBatch } from "../../data/text/token_batch.ts";
import { ConfigError, ShapeError } from "../../errors.ts";
import { type Field, optional, value } from "../config/fields.ts";

/**
 * One row of token ids, several rows of equal length, a tokenizer's batch, or an int32 tensor [b, n].
 *
 * @category Models
 */
export type TokensInput = readonly number[] | readonly (readonly number[])[] | Int32Array | TokenBatch | Tensor;

/**
 * Which tokens count: rows of booleans, or an int32 tensor [b, n] with 0 for those that don't.
 *
 * @category Models
 */
export type MaskInput = readonly (readonly boolean[])[] | Tensor;

/** Token ids on the host. */
export interface HostTokens {
  /** Ids row by row: [b, n]. */
  readonly ids: Int32Array;
  readonly shape: readonly [b: number, n: number];
  /** 1 for tokens that count; undefined where all do. */
  readonly mask: Int32Array | undefined;
}

/** Whether tokens or a mask are on an engine already. */
export function isTensor(value: unknown): value is Tensor {
  return isRecord(value) && "backend" in value && Array.isArray(value["shape"]) &&
    typeof value["data"] === "function" && typeof value["dispose"] === "function";
}

/** Whether a value may be a mask; its rows are checked where it is used. */
export function isMask(value: unknown): value is MaskInput {
  return Array.isArray(value) || isTensor(value);
}

/** An option that is a tensor. */
export const tensorField: Field<Tensor | undefined> = optional(value<Tensor>(isTensor, "it must be a tensor"));

/** An option that is a mask. */
export const maskField: Field<MaskInput | undefined> = optional(
  value<MaskInput>(isMask, "it must be rows of true and false, or an int32 tensor"),
);

/**
 * Brings tokens into one form and checks them.
 *
 * @param numTokens Vocabulary size; ids must be below it.
 * @param maxSeqLen Longest row.
 * @param ignoreIndex An id that is allowed beside those of the vocabulary.
 * @throws {ShapeError} For rows of different lengths, no tokens, or too many.
 * @throws {ConfigError} For anything but lists of ids, or an id outside the vocabulary.
 */
export function readTokens(
  tokens: Exclude<TokensInput, Tensor>,
  numTokens: number,
  maxSeqLen: number,
  ignoreIndex?: number,
): HostTokens {
  if (isBatch(tokens)) {
    const host = readBatch(tokens);
    checkLength(host.shape, maxSeqLen);
    checkIds(host, numTokens, ignoreIndex);
    return host;
  }
  const rows = rowsIn(tokens);
  const n = rows[0]?.length ?? 0;
  for (const [i, row] of rows.entries()) {
    if (row.length !== n) {
      throw new ShapeError(
        `Cannot run on rows of ${n} and ${row.length} tokens (row ${i}): pad them with tokenizeTexts, or use generateBatch`,
      );
    }
  }
  checkLength([rows.length, n], maxSeqLen);
  for (const [i, row] of rows.entries()) checkRow(row, i, numTokens, ignoreIndex);
  const ids = new Int32Array(rows.length * n);
  for (const [i, row] of rows.entries()) ids.set(row, i * n);
  return { ids, shape: [rows.length, n], mask: undefined };
}

/**
 * Token ids of rows of any lengths, which may be empty. Padding of a batch is left out.
 *
 * @throws As `readTokens`.
 */
export function readRowsOfTokens(
  tokens: Exclude<TokensInput, Tensor> | readonly Int32Array[],
  numTokens: number,
): number[][] {
  if (isBatch(tokens)) return rowsOf(readTokens(tokens, numTokens, Infinity));
  const rows = rowsIn(tokens);
  for (const [i, row] of rows.entries()) checkRow(row, i, numTokens);
  return rows.map((row) => Array.from(row));
}

/**
 * The number of rows, and of tokens in a row.
 *
 * @throws {ConfigError} For anything but tokens.
 */
export function shapeOfTokens(tokens: TokensInput): readonly [b: number, n: number] {
  if (isTensor(tokens)) return [tokens.shape[0] ?? 0, tokens.shape[1] ?? 0];
  if (isBatch(tokens)) return readBatch(tokens).shape;
  const rows = rowsIn(tokens);
  return [rows.length, rows[0]?.length ?? 0];
}

/**
 * @throws {ShapeError} Unless a tensor can be tokens: int32 [b, n], at least one and no more than `maxSeqLen` in a row.
 */
export function checkTokenTensor(tokens: Tensor, maxSeqLen: number): void {
  if (tokens.dtype !== "i32") {
    throw new ShapeError(
      `Cannot run on tokens of dtype ${tokens.dtype}: token ids are int32; make an Int32Array of them`,
    );
  }
  checkLength(tokens.shape, maxSeqLen);
}

/** @throws {ShapeError} Unless there is a token and no more than `maxSeqLen` in a row. */
export function checkLength(shape: readonly number[], maxSeqLen: number): void {
  const [b = 0, n = 0] = shape;
  if (shape.length !== 2 || b === 0 || n === 0) {
    throw new ShapeError(`Cannot run on tokens of shape [${shape}]: expected [b, n] with at least one token`);
  }
  if (n > maxSeqLen) {
    throw new ShapeError(
      `Cannot run on ${n} tokens: maxSeqLen = ${maxSeqLen}; cut the text or configure a longer maxSeqLen`,
    );
  }
}

/**
 * A mask as an int32 tensor [b, n] in the current scope; undefined where nothing is masked.
 *
 * @param name Name of the option.
 * @throws {ShapeError} For a mask of another shape.
 * @throws {ConfigError} For one that holds anything but true and false, or 1 and 0.
 */
export function maskTensor(
  backend: Backend,
  mask: MaskInput | Int32Array | undefined,
  shape: readonly [b: number, n: number],
  name = "mask",
): Tensor | undefined {
  if (mask === undefined) return undefined;
  if (!isTensor(mask)) return backend.tensor(mask instanceof Int32Array ? mask : readMask(mask, shape, name), shape);
  const isRight = mask.dtype === "i32" && mask.shape.length === 2 && mask.shape.every((size, i) => size === shape[i]);
  if (isRight) return mask;
  throw new ShapeError(`Cannot use a ${name} of ${mask.dtype} [${mask.shape}]: expected int32 [${shape}]`);
}

/**
 * A mask of rows as 0 and 1, row by row.
 *
 * @throws As `maskTensor`.
 */
export function readMask(
  mask: readonly (readonly boolean[])[],
  [b, n]: readonly [number, number],
  name = "mask",
): Int32Array {
  const rows: unknown = mask;
  if (!Array.isArray(rows) || !rows.every(isRow)) {
    throw new ConfigError(
      `Cannot use ${show(mask)} as ${name}: give rows of true and false, or an int32 tensor [${b}, ${n}]`,
    );
  }
  if (rows.length !== b || rows.some((row) => row.length !== n)) {
    throw new ShapeError(
      `Cannot use a ${name} of ${rows.length} rows of ${rows[0]?.length ?? 0}: expected [${b}, ${n}]`,
    );
  }
  const values = new Int32Array(b * n);
  for (const [r, row] of rows.entries()) {
    for (let i = 0; i < n; i++) {
      const value: unknown = row[i];
      if (value !== true && value !== false && value !== 1 && value !== 0) {
        throw new ConfigError(
          `Cannot use a ${name} with ${show(value)} at row ${r}, position ${i}: it must be true or false`,
        );
      }
      values[r * n + i] = Number(value);
    }
  }
  return values;
}

/** The tokens of each row, without padding. */
export function rowsOf({ ids, shape: [b, n], mask }: HostTokens): number[][] {
  return Array.from({ length: b }, (_, row) => {
    const all = Array.from(ids.subarray(row * n, (row + 1) * n));
    return mask ? all.filter((_, i) => mask[row * n + i] !== 0) : all;
  });
}

type Row = readonly number[] | Int32Array;

/**
 * The rows in a list of ids, or in a list of such lists.
 *
 * @throws {ConfigError} For anything else.
 */
function rowsIn(tokens: unknown): readonly Row[] {
  if (typeof tokens === "string") {
    throw new ConfigError(
      `Cannot use ${show(tokens)} as tokens: a text must be encoded first, by a tokenizer's encode; ` +
        "generateText(model, tokenizer, text) and embed(text, { tokenizer }) do it",
    );
  }
  if (!isRow(tokens)) {
    throw new ConfigError(
      `Cannot use ${
        show(tokens)
      } as tokens: give a list of token ids, rows of them, a tokenizer's batch or an int32 tensor`,
    );
  }
  if (tokens.length === 0) return [];
  if (typeof tokens[0] !== "object" || tokens[0] === null) return [tokens];
  return Array.from(tokens, (row: unknown, i) => {
    if (isRow(row)) return row;
    throw new ConfigError(`Cannot use ${show(row)} as row ${i} of tokens: every row must be a list of token ids`);
  });
}

function isRow(value: unknown): value is Row {
  return Array.isArray(value) || value instanceof Int32Array;
}

function isBatch(tokens: unknown): tokens is TokenBatch {
  return isRecord(tokens) && "inputIds" in tokens;
}

/** @throws {ConfigError} Or {ShapeError} for a batch whose parts don't go together. */
function readBatch({ inputIds, attentionMask, shape }: TokenBatch): HostTokens {
  for (const [name, values] of Object.entries({ inputIds, attentionMask })) {
    if (values instanceof Int32Array) continue;
    throw new ConfigError(`Cannot use a batch whose ${name} is ${show(values)}: it must be an Int32Array`);
  }
  const isRectangle = Array.isArray(shape) && shape.length === 2 &&
    shape.every((size) => Number.isInteger(size) && size >= 0);
  const size = isRectangle ? shape[0] * shape[1] : -1;
  if (inputIds.length !== size || attentionMask.length !== size) {
    throw new ShapeError(
      `Cannot use a batch of shape ${
        show(shape)
      } with ${inputIds.length} inputIds and ${attentionMask.length} values of ` +
        `attentionMask: it must be [b, n] with b · n of each`,
    );
  }
  return { ids: inputIds, shape, mask: attentionMask.includes(0) ? attentionMask : undefined };
}

/** Checks ids before they become int32, because larger ones would wrap around. */
function checkRow(row: Row, r: number, numTokens: number, ignoreIndex?: number): void {
  for (let i = 0; i < row.length; i++) {
    const id: unknown = row[i];
    if (typeof id === "number" && Number.isInteger(id)) {
      if ((id >= 0 && id < numTokens) || id === ignoreIndex) continue;
      throw outOfVocabulary(id, r, i, numTokens);
    }
    const hint = typeof id === "string" ? "; encode texts with a tokenizer" : "";
    throw new ConfigError(
      `Cannot use ${show(id)} as a token id at row ${r}, position ${i}: ids are whole numbers from 0 to ` +
        `numTokens - 1 = ${numTokens - 1}${hint}`,
    );
  }
}

/** Checks the ids of a batch, except its padding. */
function checkIds({ ids, shape: [, n], mask }: HostTokens, numTokens: number, ignoreIndex?: number): void {
  for (const [i, id] of ids.entries()) {
    if ((id >= 0 && id < numTokens) || id === ignoreIndex || mask?.[i] === 0) continue;
    throw outOfVocabulary(id, Math.floor(i / n), i % n, numTokens);
  }
}

function outOfVocabulary(id: number, row: number, column: number, numTokens: number): ConfigError {
  return new ConfigError(
    `Cannot use token id ${id} at row ${row}, position ${column}: ids must be from 0 to numTokens - 1 = ${
      numTokens - 1
    }`,
  );
}
