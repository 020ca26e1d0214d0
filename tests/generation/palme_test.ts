/** PalmE writes about images: alone, in batches, in sessions, guided. */

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { ConfigError, PalmE, ShapeError } from "../../mod.ts";
import { engineTest } from "../support/engines.ts";
import { argmax, text } from "./models.ts";

const config = {
  imageSize: 16,
  patchSize: 8,
  encoderDim: 32,
  encoderDepth: 1,
  encoderHeads: 2,
  numTokens: 50,
  maxSeqLen: 32,
  decoderDim: 32,
  decoderDepth: 2,
  decoderHeads: 2,
  alibiNumHeads: 1,
};

function images(count: number, seed = 0) {
  const data = Float32Array.from({ length: count * 3 * 16 * 16 }, (_, i) => Math.sin(i * i + seed));
  return { data, shape: [count, 3, 16, 16] };
}

engineTest("PalmE continues texts about images", async (backend) => {
  const model = await PalmE.create(config, { backend, seed: 3 });
  const options = { maxNewTokens: 12, temperature: 0 };
  const both = images(2);
  const size = both.data.length / 2;
  const prompts = [text(5), text(9)];
  const rows = await model.generateBatch(prompts, { ...options, image: both });
  for (const [row, prompt] of prompts.entries()) {
    const image = { data: both.data.slice(row * size, (row + 1) * size), shape: [1, 3, 16, 16] };
    assertEquals(await Array.fromAsync(model.generate(prompt, { ...options, image })), rows[row]);
    const session = model.session({ image });
    session.append(prompt);
    const first = await Array.fromAsync(session.generate({ ...options, maxNewTokens: 5 }));
    const fork = session.fork();
    session.dispose();
    fork.rewind(2).append([...prompt.slice(2), ...first]);
    assertEquals([...first, ...await Array.fromAsync(fork.generate({ ...options, maxNewTokens: 7 }))], rows[row]);
    fork.dispose();
  }
  model.dispose();
}, "slow");

engineTest("guidance takes the image away", async (backend) => {
  const model = await PalmE.create({ ...config, rotaryXpos: false }, { backend, seed: 3 });
  const image = images(1);
  let guided: Float32Array | undefined;
  const onLogits = (logits: Float32Array) => void (guided ??= logits);
  const options = { maxNewTokens: 1, temperature: 0, guidanceScale: 50, image, onLogits };
  const [token] = await Array.fromAsync(model.generate(text(5), options));
  const logits = model.forward(image, [text(5)], { positions: "last" });
  const plain = await logits.data();
  logits.dispose();
  assertEquals(token, argmax(guided!));
  assert(plain.some((value, i) => Math.abs(value - guided![i]!) > 1e-2), "the image makes a difference");
  model.dispose();
});

engineTest("PalmE says what it misses", async (backend) => {
  const model = await PalmE.create(config, { backend });
  await assertRejects(() => model.generate([1, 2]).next(), ConfigError, "PalmE an image");
  await assertRejects(() => model.generate([1], { image: images(2) }).next(), ShapeError, "expected [1, m, 32]");
  await assertRejects(() => model.generateBatch([[1], [2]], { image: images(1) }), ShapeError, "expected [2, m, 32]");
  assertThrows(() => model.session(), ConfigError, "PalmE an image");
  model.dispose();
  const blind = await PalmE.create({ ...config, crossAttend: false }, { backend });
  assertEquals((await Array.fromAsync(blind.generate([1, 2], { maxNewTokens: 3 }))).length, 3);
  blind.dispose();
});
