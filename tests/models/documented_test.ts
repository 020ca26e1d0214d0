/** The documented examples: each works, or says what to do instead. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { Andromeda, ConfigError, GPT4, OutOfMemoryError, PalmE, ShapeError } from "../../mod.ts";
import { engineTest } from "../support/engines.ts";

const thin = { dim: 32, depth: 1, heads: 2, alibiNumHeads: 1, dimHead: 32 };

engineTest("Andromeda on one row of 8,192 tokens", async (backend) => {
  const model = await Andromeda.create({ ...thin, attnKvHeads: 1 }, { backend });
  const tokens = Int32Array.from({ length: 8192 }, (_, i) => i % model.config.numTokens);
  const logits = model.forward(tokens, { positions: "last" });
  assertEquals(logits.shape, [1, 1, 50432]);
  assert((await logits.data()).every(Number.isFinite));
  logits.dispose();
  model.dispose();
}, "slow");

engineTest("Andromeda on a plain list", async (backend) => {
  const model = await Andromeda.create({ ...thin, numTokens: 20000, attnKvHeads: 1 }, { backend });
  const logits = model.forward([1, 2, 3, 4, 5]);
  assertEquals(logits.shape, [1, 5, 20000]);
  logits.dispose();
  model.dispose();
});

engineTest(
  "GPT4 on three rows of 8,192 tokens: the logits take 4.6 GiB, which says to ask for fewer",
  async (backend) => {
    const model = await GPT4.create(thin, { backend });
    const tokens = Array.from({ length: 3 }, () => Array(8192).fill(7));
    const error = assertThrows(() => model.forward(tokens), OutOfMemoryError);
    assert(error.message.includes("4.6 GiB") && error.message.includes("positions"), error.message);
    model.dispose();
  },
);

engineTest("PalmE with its defaults", async (backend) => {
  const model = await PalmE.create({}, { backend });
  const img = { data: new Float32Array(3 * 256 * 256).fill(0.5), shape: [1, 3, 256, 256] };
  const logits = model.forward(img, [[1, 2, 3]]);
  assertEquals(logits.shape, [1, 3, 20000]);
  assert((await logits.data()).every(Number.isFinite));
  logits.dispose();
  model.dispose();
}, "slow");

engineTest("PalmE refuses time-major text with a hint", async (backend) => {
  const model = await PalmE.create({ ...smallPalmE, imageSize: 256, patchSize: 32 }, { backend });
  const img = { data: new Float32Array(16 * 3 * 256 * 256), shape: [16, 3, 256, 256] };
  const text = Array.from({ length: 50 }, () => Array(16).fill(1));
  const error = assertThrows(() => model.forward(img, text), ShapeError);
  assert(error.message.includes("time-major") && error.message.includes("[16, 50]"), error.message);
  model.dispose();
});

engineTest(
  "PalmE with encoderDim 1024, encoderDepth 8, decoderDim 1024, decoderDepth 8, attnFlash false",
  async (backend) => {
    const config = { encoderDim: 1024, encoderDepth: 8, decoderDim: 1024, decoderDepth: 8, attnFlash: false };
    const model = await PalmE.create({ ...config, imageSize: 64 }, { backend });
    const logits = model.forward({ data: new Float32Array(3 * 64 * 64), shape: [1, 3, 64, 64] }, [1, 2, 3]);
    assertEquals(logits.shape, [1, 3, 20000]);
    assert((await logits.data()).every(Number.isFinite));
    logits.dispose();
    model.dispose();
  },
  "slow",
);

const smallPalmE = {
  imageSize: 32,
  patchSize: 16,
  encoderDim: 48,
  encoderDepth: 1,
  encoderHeads: 1,
  numTokens: 30,
  maxSeqLen: 32,
  decoderDim: 32,
  decoderDepth: 1,
  decoderHeads: 2,
  alibiNumHeads: 1,
};

engineTest("PalmE's encoder may have another width than its decoder", async (backend) => {
  const model = await PalmE.create(smallPalmE, { backend });
  const img = { data: Float32Array.from({ length: 2 * 3 * 32 * 32 }, (_, i) => Math.sin(i)), shape: [2, 3, 32, 32] };
  const logits = model.forward(img, [[1, 2, 3], [4, 5, 6]]);
  assertEquals(logits.shape, [2, 3, 30]);
  const other = model.forward({ ...img, data: img.data.map((value) => -value) }, [[1, 2, 3], [4, 5, 6]]);
  const [a, b] = [await logits.data(), await other.data()];
  assert(a.some((value, i) => Math.abs(value - (b[i] ?? NaN)) > 1e-3), "the image makes no difference");
  for (const tensor of [logits, other]) tensor.dispose();
  model.dispose();
});

engineTest("images with NaN or of another size are refused", async (backend) => {
  const model = await PalmE.create(smallPalmE, { backend });
  const nan = { data: new Float32Array(3 * 32 * 32).fill(NaN), shape: [1, 3, 32, 32] };
  assert(assertThrows(() => model.forward(nan, [1]), ShapeError).message.includes("NaN"));
  const small = { data: new Float32Array(3 * 16 * 16), shape: [1, 3, 16, 16] };
  assert(assertThrows(() => model.forward(small, [1]), ShapeError).message.includes("[b, 3, 32, 32]"));
  model.dispose();
});

engineTest("tokens that can't be are refused, and the model goes on", async (backend) => {
  const model = await Andromeda.create({ ...thin, numTokens: 10, maxSeqLen: 8, attnKvHeads: 1 }, { backend });
  const held = backend.memory().tensors;
  assert(assertThrows(() => model.forward([1, 10]), ConfigError).message.includes("token id 10"));
  assertThrows(() => model.forward([1, -1]), ConfigError);
  assertThrows(() => model.forward([1, 1.5]), ConfigError);
  assertThrows(() => model.forward([]), ShapeError);
  assertThrows(() => model.forward([[1, 2], [3]]), ShapeError);
  assert(assertThrows(() => model.forward(Array(9).fill(1)), ShapeError).message.includes("maxSeqLen = 8"));
  assertThrows(() => model.forward([1, 2], { mask: [[true]] }), ShapeError);
  assertThrows(() => model.forward([1, 2], { positions: [1, 3] }), ShapeError);
  assertThrows(() => model.loss([1]), ShapeError);
  assertEquals(backend.memory().tensors, held);
  const logits = model.forward([1, 2]);
  assertEquals(logits.shape, [1, 2, 10]);
  logits.dispose();
  model.dispose();
});
