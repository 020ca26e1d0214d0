/**
 * Logits that are no numbers end a generation with an error that says where they come from; nothing is written instead.
 */

import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { LOWEST } from "../../backend/operations.ts";
import { type Backend, ConfigError, HostTensor, type Transformer, WeightsError } from "../../mod.ts";
import { engineTest } from "../support/engines.ts";
import { text, uncached, withModel } from "./models.ts";

/** Sets one value of a parameter, or all of it, runs something and puts the old values back. */
async function withValue(
  model: Transformer,
  name: string,
  change: (values: Float32Array) => void,
  run: () => Promise<void>,
): Promise<void> {
  const parameter = model.stateDict().get(name)!;
  const values = await parameter.data() as Float32Array;
  const load = async (values: Float32Array) =>
    await model.loadStateDict(new Map([[name, HostTensor.from(values, parameter.shape)]]), { strict: false });
  await load(values.map((value) => value));
  const changed = values.slice();
  change(changed);
  await load(changed);
  try {
    await run();
  } finally {
    await load(values);
  }
}

const wayOfGenerating: Record<string, (model: Transformer, backend: Backend) => Promise<unknown>> = {
  "greedy": (model) => Array.fromAsync(model.generate(text(6), { temperature: 0, maxNewTokens: 3 })),
  "sampled": (model) => Array.fromAsync(model.generate(text(6), { seed: 1, maxNewTokens: 3 })),
  "filtered": (model) =>
    Array.fromAsync(model.generate(text(6), { seed: 1, maxNewTokens: 3, topK: 7, topP: 0.9, minP: 0.01 })),
  "penalized": (model) =>
    Array.fromAsync(model.generate(text(6), { seed: 1, maxNewTokens: 3, repetitionPenalty: 1.3, topA: 0.1 })),
  "guided": (model) => Array.fromAsync(model.generate(text(6), { seed: 1, maxNewTokens: 3, guidanceScale: 2 })),
  "in a batch": (model) => model.generateBatch([text(6), text(3)], { seed: 1, maxNewTokens: 3 }),
  "in a session": (model) => Array.fromAsync(model.session().append(text(6)).generate({ seed: 1, maxNewTokens: 3 })),
  "speculative": (model) => Array.fromAsync(model.generate(text(6), { seed: 1, maxNewTokens: 3, draft: model })),
};

/** Parameters, and the part of the network that is named for a NaN among their values. */
const parts: [parameter: string, place: number, part: string][] = [
  ["token_emb.emb.weight", 32 * text(1)[0]! + 2, "token_emb.emb;"],
  ["attn_layers.layers.0.1.to_v.weight", 5, "attn_layers.layers.0 (selfAttention);"],
  ["attn_layers.layers.3.1.ff.2.weight", 5, "attn_layers.layers.3 (feedForward);"],
  ["attn_layers.final_norm.weight", 5, "attn_layers.final_norm;"],
  ["to_logits.weight", 32 * 49 + 31, "to_logits;"],
];

for (const [variant, config] of Object.entries({ "a cache": {}, "no cache": uncached["xPos beside memory keys"]! })) {
  engineTest(`one NaN among the weights is named by its layer, with ${variant}`, async (backend) => {
    await withModel(backend, config, async (model) => {
      const run = () => Array.fromAsync(model.generate(text(6), { temperature: 0, maxNewTokens: 5 }));
      const expected = await run();
      const before = backend.memory();
      for (const [name, place, part] of parts) {
        const found = [...model.stateDict().keys()].find((each) => each === name) ??
          [...model.stateDict().keys()].find((each) => each.startsWith("attn_layers.final_norm"))!;
        await withValue(model, found, (values) => values[place] = NaN, async () => {
          const error = await assertRejects(run, WeightsError);
          assertStringIncludes(error.message, part);
        });
        assertEquals(await run(), expected, "the model is as it was");
      }
      const { bytesInUse, tensors } = backend.memory();
      assertEquals([bytesInUse, tensors], [before.bytesInUse, before.tensors]);
    });
  }, "slow");
}

engineTest("every way of generating says that logits are not finite", async (backend) => {
  await withModel(backend, {}, async (model) => {
    const sessions: { dispose(): void }[] = [];
    const { session } = model;
    model.session = (...given) => {
      const made = session.apply(model, given);
      sessions.push(made);
      return made;
    };
    await withValue(model, "to_logits.weight", (values) => values[32 * 49] = NaN, async () => {
      for (const [way, generate] of Object.entries(wayOfGenerating)) {
        const error = await assertRejects(() => generate(model, backend), WeightsError, undefined, way);
        assertStringIncludes(error.message, "come out of to_logits", way);
      }
    });
    for (const each of sessions) each.dispose();
    for (const generate of Object.values(wayOfGenerating).slice(0, 2)) {
      assertEquals((await generate(model, backend) as number[]).length, 3);
    }
  });
}, "slow");

engineTest("a NaN in one text of a batch is not hidden by the others", async (backend) => {
  await withModel(backend, {}, async (model) => {
    const prompts = [[4, 5], [1, 2, 3], [6, 1]];
    await withValue(model, "token_emb.emb.weight", (values) => values[32 * 5] = NaN, async () => {
      const run = (given: number[][]) => model.generateBatch(given, { maxNewTokens: 1, stopTokens: [] });
      assertEquals((await run(prompts.slice(1))).length, 2);
      const error = await assertRejects(() => run(prompts), WeightsError);
      assertStringIncludes(error.message, "next token of 2: ");
      assertStringIncludes(error.message, "token_emb");
    });
  });
});

engineTest("a session goes on after weights were mended", async (backend) => {
  await withModel(backend, {}, async (model) => {
    const session = model.session().append(text(6));
    const options = { temperature: 0, maxNewTokens: 4 };
    const expected = await Array.fromAsync(model.generate(text(6), options));
    await withValue(model, "attn_layers.layers.0.1.to_v.weight", (values) => values.fill(NaN), async () => {
      await assertRejects(() => Array.fromAsync(session.generate(options)), WeightsError, "layers.0 (selfAttention)");
    });
    assertEquals(session.length, 6);
    assertEquals(await Array.fromAsync(session.generate(options)), expected);
    session.dispose();
  });
});

engineTest("a context that is not finite is named", async (backend) => {
  await withModel(backend, { crossAttend: true }, async (model) => {
    const context = backend.tensor(new Float32Array(4 * 32).fill(NaN), [1, 4, 32]);
    const error = await assertRejects(() => Array.fromAsync(model.generate([1], { context })), WeightsError);
    assertStringIncludes(error.message, "come out of the context");
    context.dispose();
  });
});

engineTest("filters that leave nothing are told from what the model gives", async (backend) => {
  await withModel(backend, {}, async (model) => {
    const { filterLogits } = backend;
    backend.filterLogits = ({ shape: [rows = 0, width = 0] }) =>
      backend.tensor(new Float32Array(rows * width).fill(LOWEST), [rows, width]);
    try {
      const error = await assertRejects(() => Array.fromAsync(model.generate([1, 2], { topK: 2 })), ConfigError);
      assertStringIncludes(error.message, "those of the model are");
    } finally {
      Object.assign(backend, { filterLogits });
    }
  });
});

engineTest("a draft that is not finite is told from its model", async (backend) => {
  await withModel(backend, {}, async (model) => {
    await withModel(backend, { depth: 1 }, async (draft) => {
      await withValue(draft, "attn_layers.layers.1.1.ff.2.weight", (values) => values[3] = NaN, async () => {
        const run = () => Array.fromAsync(model.generate(text(6), { draft, maxNewTokens: 6 }));
        const error = await assertRejects(run, WeightsError);
        assertStringIncludes(error.message, "the draft's logits are not finite");
        assertStringIncludes(error.message, "attn_layers.layers.1 (feedForward)");
      });
    });
  });
});
