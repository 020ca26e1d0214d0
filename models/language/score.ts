/**
 * How likely a model finds texts: the log-probability of each token given those before it.
 *
 * @module
 */

import type { Backend } from "../../backend/backend.ts";
import type { Tensor } from "../../backend/memory.ts";
import { ConfigError, ShapeError } from "../../errors.ts";
import { readFields } from "../config/fields.ts";
import type { TransformerNet } from "../network/transformer_net.ts";
import { contextFields, type ContextInput, placeContext } from "./context.ts";
import { LOGITS_CHUNK } from "./language_head.ts";

/**
 * Log-probabilities of the tokens of each row from the second on. Rows are padded behind their ends, which no token
 * before sees.
 *
 * @param rows Token ids of the vocabulary, checked.
 * @throws {ShapeError} For a row of fewer than two tokens, or of more than maxSeqLen + 1.
 * @throws {ConfigError} For a network whose tokens see later ones.
 */
export async function scoreRows(
  backend: Backend,
  net: TransformerNet,
  rows: readonly (readonly number[])[],
  given: ContextInput,
): Promise<Float32Array[]> {
  if (rows.length === 0) return [];
  const context = readFields<ContextInput>("score", contextFields, given);
  checkRows(net, rows);
  const width = rows.reduce((longest, row) => Math.max(longest, row.length), 0) - 1;
  const parts = backend.scope(() => {
    const hidden = net.hidden(backend, inputsOf(backend, rows, width), {
      ...placeContext(backend, net.contextDim, rows.length, context),
    }); // (b, n - 1, dim)
    return chosen(backend, net, hidden, rows, width);
  });
  try {
    const values = await Promise.all(parts.map((part) => part.data()));
    const all = Float32Array.from(values.flatMap((part) => Array.from(part)));
    return rows.map((row, i) => all.slice(i * width, i * width + row.length - 1));
  } finally {
    for (const part of parts) part.dispose();
  }
}

/** log softmax(logits)[next token] of every position, a chunk of logits at a time: tensors [k, 1]. */
function chosen(
  backend: Backend,
  net: TransformerNet,
  hidden: Tensor,
  rows: readonly (readonly number[])[],
  width: number,
): Tensor[] {
  const { numTokens } = net;
  const count = rows.length * width;
  const flat = backend.reshape(hidden, [1, count, net.architecture.layers.dim]);
  const targets = rows.flatMap((row) => Array.from({ length: width }, (_, i) => row[i + 1] ?? 0));
  const step = Math.max(1, Math.floor(LOGITS_CHUNK / numTokens));
  const parts: Tensor[] = [];
  for (let from = 0; from < count; from += step) {
    const to = Math.min(from + step, count);
    parts.push(backend.scope(() => {
      const logits = net.logits(backend, backend.slice(flat, from, to));
      const values = backend.reshape(backend.logSoftmax(logits), [(to - from) * numTokens, 1]);
      const places = Int32Array.from(targets.slice(from, to), (target, i) => i * numTokens + target);
      return backend.gatherRows(values, backend.tensor(places, [to - from]));
    }));
  }
  return parts;
}

/** All tokens but the last of each row, zeros behind them: int32 [b, width]. */
function inputsOf(backend: Backend, rows: readonly (readonly number[])[], width: number): Tensor {
  const ids = new Int32Array(rows.length * width);
  for (const [i, row] of rows.entries()) ids.set(row.slice(0, -1), i * width);
  return backend.tensor(ids, [rows.length, width]);
}

function checkRows(net: TransformerNet, rows: readonly (readonly number[])[]): void {
  if (!net.isCausal) {
    throw new ConfigError("Cannot score texts with this model: its tokens see those behind them; use a causal model");
  }
  for (const [i, { length }] of rows.entries()) {
    if (length < 2 || length > net.maxSeqLen + 1) {
      throw new ShapeError(
        `Cannot score row ${i} of ${length} tokens: a text has from 2 to maxSeqLen + 1 = ${net.maxSeqLen + 1}; ` +
          (length < 2 ? "put the token that begins texts before it" : "score it in parts"),
      );
    }
    if (!net.paddingObstacle || length === rows[0]?.length) continue;
    throw new ShapeError(
      `Cannot score rows of ${rows[0]?.length} and ${length} tokens together: ${net.paddingObstacle}; score them one ` +
        "by one",
    );
  }
}
