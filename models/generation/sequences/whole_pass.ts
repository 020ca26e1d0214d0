/**
 * Logits of whole sequences, without a cache.
 *
 * @module
 */

import type { Tensor } from "../../../backend/memory.ts";
import type { SequenceInputs, TextModel } from "../text_model.ts";
import type { Context } from "./context.ts";

/**
 * Runs on the last `maxSeqLen` tokens of each row.
 *
 * @param ended Rows that are left out; they get the logits of another.
 * @param use Takes the logits [rows, numTokens] of each row's last position; the tensors of its result outlive the
 * pass.
 */
export function runWhole<T>(
  model: TextModel,
  rows: readonly (readonly number[])[],
  ended: readonly boolean[],
  context: Context,
  use: (logits: Tensor) => T,
): T {
  const { net, backend } = model;
  const windows = rows.map((row) => row.slice(-net.maxSeqLen));
  const active = [...windows.keys()].filter((row) => !ended[row]);
  const isRectangle = active.length === windows.length && windows.every((row) => row.length === windows[0]?.length);
  return backend.scope(() => {
    if (isRectangle) {
      const hidden = lastHidden(model, windows, context.inputs); // (b, 1, dim)
      return use(net.logits(backend, backend.reshape(hidden, [windows.length, hidden.shape[2] ?? 0])));
    }
    const parts = active.map((row) => backend.scope(() => lastHidden(model, [windows[row] ?? []], context.row(row))));
    const places = Int32Array.from(windows, (_, row) => Math.max(0, active.indexOf(row)));
    const hidden = backend.gatherRows(backend.concat(parts), backend.tensor(places, [places.length])); // (b, dim)
    return use(net.logits(backend, hidden));
  });
}

/** Hidden states of the last position of rows of one length: (b, 1, dim). */
function lastHidden({ net, backend }: TextModel, rows: readonly (readonly number[])[], inputs: SequenceInputs): Tensor {
  const n = rows[0]?.length ?? 0;
  const tokens = backend.tensor(Int32Array.from(rows.flat()), [rows.length, n]);
  return backend.slice(net.hidden(backend, tokens, inputs), n - 1, n);
}
