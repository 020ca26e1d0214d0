/** The seam of training: a model's loss can be followed back, from command to command, to every parameter. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import type { Backend } from "../../backend/backend.ts";
import type { Tensor } from "../../backend/memory.ts";
import type { WatchedCommand } from "../../backend/training.ts";
import { Andromeda, ConfigError, GPT4, type Model, PalmE, Transformer, ViTransformerWrapper } from "../../mod.ts";
import { engineTest } from "../support/engines.ts";

const TOKENS = [[1, 2, 3, 4, 5, 6, 7], [7, 6, 5, 4, 3, 2, 1]];
const SIZES = { numTokens: 20, maxSeqLen: 16, dim: 32, depth: 2, heads: 2, dimHead: 32 };
const IMAGE = { data: new Float32Array(3 * 16 * 16).fill(0.5), shape: [1, 3, 16, 16] };

function isTensor(value: unknown): value is Tensor {
  return typeof value === "object" && value !== null && "dispose" in value;
}

/** Tensors of which a command made its result. */
function inputsOf({ op: _op, out: _out, ...args }: WatchedCommand): Tensor[] {
  return Object.values(args).flatMap((value) => Array.isArray(value) ? value : [value]).filter(isTensor);
}

/** All that a tensor was made of. */
function ancestorsOf(result: Tensor, commands: readonly WatchedCommand[]): Set<Tensor> {
  const found = new Set([result]);
  for (const command of commands.toReversed()) {
    if (command.out && found.has(command.out)) { for (const input of inputsOf(command)) found.add(input); }
  }
  return found;
}

/** Asserts that every parameter is reached from a loss, and that all along the way can be read. */
async function assertReached(backend: Backend, model: Model, loss: () => Tensor): Promise<void> {
  const before = backend.memory();
  const commands: WatchedCommand[] = [];
  const { result, release } = backend.watch(loss, (command) => commands.push(command));
  const reached = ancestorsOf(result, commands);
  const missed = [...model.stateDict()].filter(([, parameter]) => !reached.has(parameter)).map(([name]) => name);
  assertEquals(missed, [], `${model.modelType}: parameters that the loss does not reach`);
  for (const { out } of commands) {
    if (out) {
      assertEquals(
        (await out.data()).length,
        out.shape.reduce((a, b) => a * b, 1),
      );
    }
  }
  const watched = await result.data();
  result.dispose();
  release();
  release();
  const plain = loss();
  assertEquals(await plain.data(), watched, `${model.modelType}: watching changes the loss`);
  plain.dispose();
  const { bytesInUse, tensors } = backend.memory();
  assertEquals([bytesInUse, tensors], [before.bytesInUse, before.tensors]);
  model.dispose();
}

engineTest("every parameter of a text model is reached from its loss", async (backend) => {
  const models = [
    await Andromeda.create({ ...SIZES, alibiNumHeads: 1, attnKvHeads: 1, qkNorm: true }, { backend }),
    await GPT4.create({ ...SIZES, alibiNumHeads: 1 }, { backend }),
    await Transformer.create({ ...SIZES }, { backend }),
  ];
  for (const model of models) await assertReached(backend, model, () => model.loss(TOKENS));
});

engineTest("every parameter of PalmE is reached from its loss", async (backend) => {
  const encoder = { imageSize: 16, patchSize: 8, encoderDim: 32, encoderDepth: 1, encoderHeads: 1, decoderHeads: 2 };
  const decoder = { numTokens: 20, maxSeqLen: 16, decoderDim: 32, decoderDepth: 1, alibiNumHeads: 1 };
  const model = await PalmE.create({ ...encoder, ...decoder }, { backend });
  await assertReached(backend, model, () => model.loss(IMAGE, [[1, 2, 3, 4]]));
});

engineTest("every parameter of a vision transformer is reached from a loss on its classes", async (backend) => {
  const sizes = { imageSize: 16, patchSize: 8, channels: 3, numClasses: 5, dim: 32, depth: 1, heads: 1 };
  const model = await ViTransformerWrapper.create(sizes, { backend });
  await assertReached(backend, model, () =>
    backend.scope(() => {
      const target = backend.tensor(Int32Array.of(3), [1]);
      return backend.crossEntropy(model.forward(IMAGE), target, -1);
    }));
});

engineTest("what scopes and models free stays with who watches until it is released", async (backend) => {
  const x = backend.tensor(Float32Array.of(1, 2), [1, 2]);
  const commands: WatchedCommand[] = [];
  const { result, release } = backend.watch(() => {
    const twice = backend.scope(() => backend.reshape(backend.scope(() => backend.add(x, x)), [2]));
    const sum = backend.add(twice, twice);
    twice.dispose();
    return sum;
  }, (command) => commands.push(command));
  assertEquals(commands.map(({ op }) => op), ["add", "reshape", "add"]);
  assertEquals(await Promise.all(commands.map(({ out }) => out?.data())), [
    Float32Array.of(2, 4),
    Float32Array.of(2, 4),
    Float32Array.of(4, 8),
  ]);
  const gradient = backend.multiply(result, result);
  release();
  assertEquals(await gradient.data(), Float32Array.of(16, 64));
  for (const tensor of [x, result, gradient]) tensor.dispose();
});

engineTest("a watched function that fails leaves nothing, and the next one is watched as ever", (backend) => {
  const x = backend.tensor(new Float32Array(4), [2, 2]);
  const { tensors } = backend.memory();
  const fail = () => {
    throw new Error("no more");
  };
  const double = () => backend.add(x, x);
  assertThrows(() => backend.watch(() => [double(), fail()], () => {}), Error, "no more");
  assertThrows(() => backend.watch(double, fail), Error, "no more");
  assertThrows(() => backend.watch(() => backend.add(x, double().backend.tensor(new Float32Array(3), [3])), () => {}));
  assertThrows(() => backend.watch(() => backend.watch(double, () => {}), () => {}), ConfigError, "inside of what is");
  assertEquals(backend.memory().tensors, tensors);
  const { result, release } = backend.watch(double, () => {});
  assert(result.shape.length === 2);
  release();
  for (const tensor of [x, result]) tensor.dispose();
});
