/**
 * Token ids and masks in the forms that people have them, checked and put on an engine.
 *
 * @module
 */
import { type Backend, ConfigError, ShapeError, type Tensor } from "../backend.ts";
import type { TokenBatch } from "../data/token_batch.ts";

/** One row of token ids, several rows of equal length, a tokenizer's batch, or an int32 tensor [b, n]. */
export type TokensInput = readonly number[] | readonly (readonly number[])[] | Int32Array | TokenBatch | Tensor;

/** Which tokens count: rows of booleans, or an int32 tensor [b, n] with 0 for those that don't. */
export type MaskInput = readonly (readonly boolean[])[] | Tensor;

/** Token ids on the host. */
export interface HostTokens {
  /** Ids row by row: [b, n]. */
  readonly ids: Int32Array;
  readonly shape: readonly [b: number, n: number];
  /** 1 for tokens that count; undefined: all. */
  readonly mask: Int32Array | undefined;
}

/** Whether tokens or a mask are on an engine already. */
export function isTensor(value: unknown): value is Tensor {
  return typeof value === "object" && value !== null && "backend" in value && "dispose" in value;
}

/**
 * Brings tokens into one form and checks them.
 *
 * @param numTokens vocabulary size; ids must be below it
 * @param maxSeqLen longest row
 * @param ignoreIndex an id that is allowed beside those of the vocabulary
 * @throws {ShapeError} for rows of different lengths, no tokens, or too many
 * @throws {ConfigError} for an id outside the vocabulary
 */
export function readTokens(
  tokens: Exclude<TokensInput, Tensor>,
  numTokens: number,
  maxSeqLen: number,
  ignoreIndex?: number,
): HostTokens {
  const host = toRectangle(tokens);
  checkLength(host.shape, maxSeqLen);
  for (const [i, id] of host.ids.entries()) {
    const isIgnored = id === ignoreIndex || host.mask?.[i] === 0;
    if ((id < 0 || id >= numTokens) && !isIgnored) {
      const [row, column] = [Math.floor(i / host.shape[1]), i % host.shape[1]];
      throw new ConfigError(
        `Cannot use token id ${id} at row ${row}, position ${column}: ids must be from 0 to numTokens - 1 = ${
          numTokens - 1
        }`,
      );
    }
  }
  return host;
}

/** @throws {ShapeError} unless there is a token and no more than `maxSeqLen` in a row */
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

/** A mask as an int32 tensor [b, n] in the current scope; undefined where nothing is masked. */
export function maskTensor(
  backend: Backend,
  mask: MaskInput | Int32Array | undefined,
  shape: readonly number[],
): Tensor | undefined {
  if (mask === undefined) return undefined;
  if (isTensor(mask)) return mask;
  if (mask instanceof Int32Array) return backend.tensor(mask, shape);
  const [b = 0, n = 0] = shape;
  if (mask.length !== b || mask.some((row) => row.length !== n)) {
    throw new ShapeError(`Cannot use a mask of ${mask.length} rows of ${mask[0]?.length ?? 0}: expected [${b}, ${n}]`);
  }
  return backend.tensor(Int32Array.from(mask.flat(), Number), shape);
}

/** The tokens of each row that count, padding left out. */
export function rowsOf({ ids, shape: [b, n], mask }: HostTokens): number[][] {
  return Array.from({ length: b }, (_, row) => {
    const all = [...ids.subarray(row * n, (row + 1) * n)];
    return mask ? all.filter((_, i) => mask[row * n + i] !== 0) : all;
  });
}

function toRectangle(tokens: Exclude<TokensInput, Tensor>): HostTokens {
  if (tokens instanceof Int32Array) return { ids: tokens, shape: [1, tokens.length], mask: undefined };
  if ("inputIds" in tokens) {
    const { inputIds, attentionMask, shape } = tokens;
    const mask = attentionMask.includes(0) ? attentionMask : undefined;
    return { ids: inputIds, shape, mask };
  }
  const rows = isRows(tokens) ? tokens : [tokens];
  const n = rows[0]?.length ?? 0;
  for (const [i, row] of rows.entries()) {
    if (row.length !== n) {
      throw new ShapeError(
        `Cannot run on rows of ${n} and ${row.length} tokens (row ${i}): pad them with tokenizeTexts, or use generateBatch`,
      );
    }
  }
  const flat = rows.flat();
  const wrong = flat.find((id) => !Number.isInteger(id));
  if (wrong !== undefined) throw new ConfigError(`Cannot use ${wrong} as a token id: ids are whole numbers`);
  return { ids: Int32Array.from(flat), shape: [rows.length, n], mask: undefined };
}

function isRows(tokens: readonly number[] | readonly (readonly number[])[]): tokens is readonly (readonly number[])[] {
  return Array.isArray(tokens[0]);
}
