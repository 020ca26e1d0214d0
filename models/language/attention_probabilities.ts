/**
 * The positions that attention looks at, for people who want to see them.
 *
 * @module
 */

import type { Backend } from "../../backend/backend.ts";
import type { Tensor } from "../../backend/memory.ts";
import type { AttentionOptions } from "../../backend/operations/attention.ts";
import type { WatchedCommand } from "../../backend/training.ts";
import { show } from "../../common/show.ts";
import { ConfigError } from "../../errors.ts";

/** A command of attention: its arguments and options have their names. */
type AttentionCommand = WatchedCommand & AttentionOptions & { readonly q: Tensor; readonly k: Tensor };

/**
 * Probabilities of one of the attentions that a pass computes. The pass itself holds none, because attention never
 * holds n × n scores: they are computed here from the queries and keys that it used.
 *
 * @param layer Which attention, in the order in which they are computed.
 * @param count How many there are.
 * @param pass Computes them all.
 */
export function attentionProbabilities(backend: Backend, layer: number, count: number, pass: () => Tensor): Tensor {
  if (!Number.isInteger(layer) || layer < 0 || layer >= count) {
    throw new ConfigError(
      `Cannot give the probabilities of attention ${show(layer)}: the model has ${count}; give 0 to ${count - 1}`,
    );
  }
  return backend.scope(() => {
    const attentions: AttentionCommand[] = [];
    const { release } = backend.watch(pass, (command) => {
      if (isAttention(command)) attentions.push(command);
    });
    try {
      const attention = attentions[layer];
      if (!attention) throw new TypeError(`Cannot find attention ${layer} among the ${attentions.length} of a pass`);
      const { q, k, op: _op, v: _v, out: _out, ...options } = attention;
      return backend.softmax(backend.attentionScores(q, k, options));
    } finally {
      release();
    }
  });
}

function isAttention(command: WatchedCommand): command is AttentionCommand {
  return command.op === "attention" || command.op === "attentionScores";
}
