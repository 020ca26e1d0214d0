import { assert, assertEquals, assertThrows } from "@std/assert";
import { ConfigError, CrossAttender, Decoder, Encoder, HostTensor, ShapeError, Transformer } from "../../mod.ts";
import { assertAgrees } from "../support/cases.ts";
import { engineTest } from "../support/engines.ts";

const options = { dim: 40, depth: 2, heads: 2, dimHead: 32, attnKvHeads: 1, rotaryXpos: true, alibiPosBias: true };
const tokens = [3, 1, 4, 1, 5, 9, 2];

for (const attnLayers of ["decoder", "encoder"] as const) {
  engineTest(`the stack of a ${attnLayers} gives what the transformer around it gives`, async (backend) => {
    const config = { ...options, attnLayers, numTokens: 11, maxSeqLen: 8 };
    const transformer = await Transformer.create(config, { backend, seed: 2 });
    const stack = await (attnLayers === "decoder" ? Decoder : Encoder).create(options, { backend });
    const entries = new Map<string, HostTensor>();
    for (const [name, tensor] of transformer.stateDict()) {
      if (!name.startsWith("attn_layers.")) continue;
      entries.set(name.slice(12), HostTensor.from(Float32Array.from(await tensor.data()), tensor.shape));
    }
    await stack.loadStateDict(entries);
    const table = await transformer.stateDict().get("token_emb.emb.weight")?.data() ?? new Float32Array();
    const embedded = tokens.flatMap((id) => [...table.subarray(id * 40, (id + 1) * 40)]);
    const x = backend.tensor(Float32Array.from(embedded), [1, tokens.length, 40]);
    const [hidden, expected] = [stack.forward(x), transformer.forward(tokens, { returnEmbeddings: true })];
    assertAgrees("hidden states", await hidden.data(), Float32Array.from(await expected.data()), 1e-6);
    for (const owned of [x, hidden, expected, stack, transformer]) owned.dispose();
  });
}

engineTest("a cross attender looks at its context, where the mask lets it", async (backend) => {
  const stack = await CrossAttender.create({ dim: 24, depth: 1, heads: 2, contextDim: 16 }, { backend });
  const values = (length: number, phase: number) => Float32Array.from({ length }, (_, i) => Math.sin(i + phase));
  const x = backend.tensor(values(72, 0), [1, 3, 24]);
  const contexts = [0, 1].map((phase) => backend.tensor(values(32, phase), [1, 2, 16]));
  const run = async (context = contexts[0], contextMask?: boolean[][]) => {
    const hidden = stack.forward(x, { context, contextMask });
    assertEquals(hidden.shape, [1, 3, 24]);
    const result = await hidden.data();
    hidden.dispose();
    return result;
  };
  const [first, second] = [await run(contexts[0]), await run(contexts[1])];
  assert(first.some((value, i) => Math.abs(value - (second[i] ?? NaN)) > 1e-3));
  assertEquals(await run(contexts[0], [[false, false]]), await run(contexts[1], [[false, false]]));
  assertThrows(() => stack.forward(x), ConfigError, "context");
  assertThrows(() => stack.forward(x, { context: x }), ShapeError, "[1, m, 16]");
  for (const owned of [x, ...contexts, stack]) owned.dispose();
});
