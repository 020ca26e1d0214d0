/**
 * One vector for a whole text: hidden states of its tokens, pooled.
 *
 * @module
 */

import type { Backend } from "../../backend/backend.ts";
import type { Tensor } from "../../backend/memory.ts";
import { isRecord } from "../../common/record.ts";
import { show } from "../../common/show.ts";
import { ConfigError, ShapeError } from "../../errors.ts";
import { choice, type Fields, flag, optional, readFields, value } from "../config/fields.ts";
import { encodeText, type TextTokenizer } from "../generation/text/text_tokenizer.ts";
import type { TransformerNet } from "../network/transformer_net.ts";
import { contextFields, type ContextInput } from "./context.ts";
import type { ForwardOptions } from "./language_head.ts";
import { largest } from "./largest.ts";
import { isTensor, readMask, readRowsOfTokens, shapeOfTokens, type TokensInput } from "./tokens.ts";

/**
 * A text, texts, or their token ids: rows of any lengths, a tokenizer's batch, or an int32 tensor [b, n].
 *
 * @category Models
 */
export type EmbedInput = string | readonly string[] | TokensInput;

/**
 * What stands for a text: the mean of its tokens, its first token, where encoders such as BERT have [CLS], or its last
 * one, which alone has seen all others in a decoder.
 *
 * @category Models
 */
export type Pooling = "mean" | "cls" | "last";

/**
 * Options of `embed`.
 *
 * @category Models
 */
export interface EmbedOptions extends ContextInput {
  /** Makes token ids of texts. */
  readonly tokenizer?: Pick<TextTokenizer, "encode"> | undefined;
  /** Tokens that count, of rows of one length. Default: all but a batch's padding. */
  readonly mask?: readonly (readonly boolean[])[] | undefined;
  /** Default "mean". */
  readonly pooling?: Pooling | undefined;
  /** Divide each vector by its length, so that products of vectors are cosines. Default false. */
  readonly normalize?: boolean | undefined;
}

const fields: Fields<EmbedOptions> = {
  tokenizer: optional(
    value<Pick<TextTokenizer, "encode">>(
      (given) => isRecord(given) && typeof given["encode"] === "function",
      "it must be a tokenizer, as AndromedaTokenizer.load() gives it",
    ),
  ),
  mask: optional(value<readonly (readonly boolean[])[]>(Array.isArray, "it must be rows of true and false")),
  pooling: choice<Pooling>(["mean", "cls", "last"], "mean"),
  normalize: flag(false),
  ...contextFields,
};

/** Tokens in a form that `forward` takes, with what counts of them. */
interface Rectangle {
  readonly tokens: TokensInput;
  readonly shape: readonly [b: number, n: number];
  /** 1 for tokens that count, row by row: [b, n]; undefined where all do. */
  readonly keep: Int32Array | undefined;
}

/** The part of a model that makes embeddings. */
interface Embedder {
  readonly backend: Backend;
  readonly net: TransformerNet;
  forward(tokens: TokensInput, options: ForwardOptions): Tensor;
}

/** See `LanguageModel.embed`. */
export function embed(model: Embedder, given: EmbedInput, options: EmbedOptions): Tensor {
  const { tokenizer, mask, pooling, normalize, ...context } = readFields("embed", fields, options);
  const { backend, net } = model;
  const tokens = isTexts(given) ? encode(given, tokenizer, net.numTokens) : given;
  const { keep, ...rectangle } = mask ? masked(tokens, mask) : padded(net, tokens);
  checkKept(keep, rectangle.shape);
  return backend.scope(() => {
    const hidden = model.forward(rectangle.tokens, { ...context, mask, returnEmbeddings: true }); // (b, n, dim)
    const isOne = pooling === "cls" || pooling === "last";
    const pooled = isOne ? tokenOf(backend, hidden, keep, pooling) : mean(backend, hidden, keep); // (b, dim)
    return normalize ? backend.l2Norm(pooled) : pooled;
  });
}

function isTexts(given: EmbedInput): given is string | readonly string[] {
  return typeof given === "string" || (Array.isArray(given) && typeof given[0] === "string");
}

/** Token ids of each text. */
function encode(
  texts: string | readonly string[],
  tokenizer: EmbedOptions["tokenizer"],
  numTokens: number,
): number[][] {
  if (!tokenizer) throw new ConfigError(`Cannot embed ${show(texts)} without a tokenizer: give one, or token ids`);
  const list = typeof texts === "string" ? [texts] : texts;
  return list.map((text) => [...encodeText(tokenizer, text, numTokens)]);
}

/** Rows of one length, of which a mask says what counts. */
function masked(tokens: TokensInput, mask: readonly (readonly boolean[])[]): Rectangle {
  const shape = shapeOfTokens(tokens);
  return { tokens, shape, keep: readMask(mask, shape) };
}

/**
 * Rows of any lengths, padded behind their ends. A batch's own padding may be in front, where it would move positions,
 * and is left out.
 *
 * @throws {ShapeError} For rows of unequal lengths that padding would change.
 */
function padded({ numTokens, paddingObstacle }: TransformerNet, tokens: TokensInput): Rectangle {
  if (isTensor(tokens)) return { tokens, shape: shapeOfTokens(tokens), keep: undefined };
  const rows = readRowsOfTokens(tokens, numTokens);
  const n = largest(rows.map((row) => row.length), 0);
  const shorter = rows.find((row) => row.length < n);
  if (shorter && paddingObstacle) {
    throw new ShapeError(
      `Cannot embed rows of ${shorter.length} and ${n} tokens together: ${paddingObstacle}; embed them one by one`,
    );
  }
  const shape = [rows.length, n] as const;
  const [inputIds, attentionMask] = [new Int32Array(rows.length * n), new Int32Array(rows.length * n)];
  for (const [i, row] of rows.entries()) {
    inputIds.set(row, i * n);
    attentionMask.fill(1, i * n, i * n + row.length);
  }
  return { tokens: { inputIds, attentionMask, shape }, shape, keep: attentionMask };
}

/** @throws {ShapeError} For a row that nothing can stand for. */
function checkKept(keep: Int32Array | undefined, [b, n]: readonly [number, number]): void {
  for (let row = 0; keep && row < b; row++) {
    if (keep.subarray(row * n, (row + 1) * n).includes(1)) continue;
    throw new ShapeError(`Cannot embed row ${row}: it has no token that counts; leave it out`);
  }
}

/** Mean of the tokens that count, as x-transformers' `average_pool_embed` takes it: (b, n, dim) to (b, dim). */
function mean(backend: Backend, hidden: Tensor, keep: Int32Array | undefined): Tensor {
  if (!keep?.includes(0)) return backend.meanPool(hidden);
  const [b = 0, n = 0] = hidden.shape;
  const visible = backend.maskRows(hidden, backend.tensor(keep, [b, n]));
  const shares = Float32Array.from({ length: b }, (_, row) => n / count(keep.subarray(row * n, (row + 1) * n)));
  return backend.multiply(backend.meanPool(visible), backend.tensor(shares, [b, 1]));
}

/** The first or the last token that counts: (b, n, dim) to (b, dim). */
function tokenOf(backend: Backend, hidden: Tensor, keep: Int32Array | undefined, which: "cls" | "last"): Tensor {
  const [b = 0, n = 0, dim = 0] = hidden.shape;
  const places = Int32Array.from({ length: b }, (_, row) => {
    const counts = keep?.subarray(row * n, (row + 1) * n) ?? new Int32Array(n).fill(1);
    return row * n + (which === "cls" ? counts.indexOf(1) : counts.lastIndexOf(1));
  });
  return backend.gatherRows(backend.reshape(hidden, [b * n, dim]), backend.tensor(places, [b]));
}

function count(keep: Int32Array): number {
  return keep.reduce((sum, each) => sum + each, 0);
}
