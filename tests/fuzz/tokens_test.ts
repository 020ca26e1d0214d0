/** Tokens of any form: what can't be tokens is refused by name, and leaves model and memory as they were. */

import { assert, assertEquals } from "@std/assert";
import type { Draw } from "../../engine/self_test/call.ts";
import { ConfigError, DisposedError, Transformer } from "../../mod.ts";
import { OutOfMemoryError, ShapeError } from "../../errors.ts";
import { forEachEngine } from "../support/engines.ts";
import { fuzz } from "./run.ts";

const NAMED = [ConfigError, ShapeError, DisposedError, OutOfMemoryError];
const VOCABULARY = 50;

const ODD: readonly unknown[] = [
  ...[-1, VOCABULARY, 2 ** 31, 2 ** 32 + 1, 2 ** 53, 0.5, NaN, Infinity, null, undefined, "1", true, 1n, [], {}, [1]],
];

/** Lists of ids, some with what is none, in rows, batches and arrays of all kinds. */
function drawTokens(draw: Draw): unknown {
  const row = (length = draw.integer(0, 44)): unknown[] => {
    const ids: unknown[] = Array.from({ length }, () => draw.integer(0, VOCABULARY - 1));
    if (draw.once(3) && length > 0) ids[draw.integer(0, length - 1)] = draw.pick(ODD);
    return ids;
  };
  const numbers = () => row().map(Number);
  switch (draw.integer(0, 9)) {
    case 0:
    case 1:
      return row();
    case 2:
      return Array.from({ length: draw.integer(0, 4) }, () => row());
    case 3: {
      const length = draw.integer(1, 12);
      return Array.from({ length: draw.integer(1, 4) }, () => row(length));
    }
    case 4:
      return draw.pick([Int32Array, Float32Array, Uint8Array]).from(numbers());
    case 5: {
      const inputIds = Int32Array.from(numbers());
      const attentionMask = Int32Array.from(inputIds, () => draw.pick([1, 1, 1, 0, 2, -1]));
      const shape = draw.pick<readonly unknown[]>([[1, inputIds.length], [inputIds.length, 1], [2, 3], [], [1.5, 2]]);
      return draw.once(8) ? { inputIds } : { inputIds, attentionMask, shape };
    }
    case 6:
      return Object.assign(row(), { [draw.integer(0, 60)]: draw.pick(ODD) });
    case 7:
      return new Array(draw.pick([1, 3, 2 ** 20])); // holes
    default:
      return draw.pick<unknown>([...ODD, new Map([[0, 1]]), new Set([1]), "text", () => [1], Promise.resolve([1])]);
  }
}

/** What takes tokens, as a caller without types calls it. */
const METHODS: Readonly<Record<string, (model: Transformer, tokens: never) => unknown>> = {
  forward: (model, tokens) => model.forward(tokens).dispose(),
  loss: (model, tokens) => model.loss(tokens).dispose(),
  embed: (model, tokens) => model.embed(tokens).dispose(),
  score: (model, tokens) => model.score(tokens),
  scoreBatch: (model, tokens) => model.scoreBatch(tokens),
  generate: (model, tokens) => Array.fromAsync(model.generate(tokens, { maxNewTokens: 1 })),
  generateBatch: (model, tokens) => model.generateBatch(tokens, { maxNewTokens: 1 }),
  stopTokens: (model, tokens) => Array.fromAsync(model.generate([1], { maxNewTokens: 1, stopTokens: tokens })),
  async session(model, tokens) {
    const session = model.session();
    try {
      await session.append(tokens);
      await Array.fromAsync(session.generate({ maxNewTokens: 1 }));
    } finally {
      session.dispose();
    }
  },
};

forEachEngine((engine, create, isAvailable) => {
  Deno.test({
    name: `${engine}: tokens of any form are taken, or refused by name`,
    ignore: !isAvailable,
    fn: async () => {
      const backend = await create();
      const config = { numTokens: VOCABULARY, maxSeqLen: 40, dim: 16, depth: 1, heads: 1, dimHead: 16 };
      const model = await Transformer.create(config, { backend });
      const expected = await model.score([1, 2, 3]);
      const { bytesInUse, tensors } = backend.memory();
      await fuzz(50, async (draw) => {
        const name = draw.pick(Object.keys(METHODS));
        const tokens = drawTokens(draw) as never;
        try {
          await METHODS[name]!(model, tokens);
        } catch (error) {
          const isNamed = NAMED.some((named) => error instanceof named);
          assert(isNamed && /^Cannot .{15}/.test((error as Error).message), `${name}: ${(error as Error).stack}`);
        }
        const after = backend.memory();
        assertEquals([after.bytesInUse, after.tensors], [bytesInUse, tensors], `${name} leaves memory`);
      });
      assertEquals(await model.score([1, 2, 3]), expected);
      backend.dispose();
    },
  });
});
