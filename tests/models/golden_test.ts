import { assert, assertEquals } from "@std/assert";
import type { Backend } from "../../backend/backend.ts";
import type { Tensor } from "../../backend/memory.ts";
import { PalmE, ViTransformerWrapper } from "../../mod.ts";
import type { AnyModel } from "../../mod.ts";
import { scalar } from "../../models/model.ts";
import { assertAgrees, caseNames, type GoldenCase, idsOf, readCase, rowsOf } from "../support/cases.ts";
import { engineTest } from "../support/engines.ts";
import { goldenTest } from "../support/golden.ts";

const names = await caseNames();

goldenTest("the reference cases are there", () => {
  assert(names.length >= 40, `found ${names.length} cases`);
});

for (const name of names) {
  engineTest(`${name} agrees with PyTorch`, async (backend) => {
    const golden = await readCase(name);
    const model = await golden.load(backend);
    try {
      if (model instanceof ViTransformerWrapper) await checkImages(model, golden);
      else await checkText(model, golden, backend);
    } finally {
      model.dispose();
    }
  }, name.endsWith("-wide") ? "slow" : "always");
}

async function checkImages(model: ViTransformerWrapper, { io }: GoldenCase) {
  const image = tensorOf(io, "image");
  const embeddings = await read(model.forward(image, { returnEmbeddings: true }));
  assertAgrees("embeddings", embeddings, tensorOf(io, "embeddings").data);
  const output = io.has("logits") ? "logits" : "pooled";
  assertAgrees(output, await read(model.forward(image)), tensorOf(io, output).data);
}

async function checkText(model: Exclude<AnyModel, ViTransformerWrapper>, { io }: GoldenCase, backend: Backend) {
  const tokens = rowsOf(io.get("tokens")!);
  const kept = io.get("mask") && rowsOf(io.get("mask")!).map((row) => row.map((value) => value === 1));
  const context = io.has("context") ? placed(backend, io, "context") : undefined;
  const contextMask = io.get("context_mask") && rowsOf(io.get("context_mask")!).map((row) => row.map(Boolean));
  const image = io.has("image") ? tensorOf(io, "image") : undefined;
  const run = (rows: number[][], options: { returnEmbeddings?: boolean; positions?: "last" } = {}) =>
    model instanceof PalmE
      ? model.forward(image!, rows, options)
      : model.forward(rows, { ...options, mask: kept, context, contextMask });
  const loss = () => model instanceof PalmE ? model.loss(image!, tokens) : model.loss(tokens, { context, contextMask });
  try {
    const logits = await read(run(tokens));
    assertAgrees("logits", at(logits, io, tokens.length), tensorOf(io, "logits").data);
    const last = await read(run(tokens, { positions: "last" }));
    assertAgrees("last logits", last, lastPositions(logits, tokens.length, tokens[0]!.length), 1e-6);
    if (io.has("embeddings")) {
      const embeddings = await read(run(tokens, { returnEmbeddings: true }));
      assertAgrees("embeddings", embeddings, tensorOf(io, "embeddings").data);
    }
    if (io.has("loss")) {
      const mean = loss();
      const expected = tensorOf(io, "loss").data[0]!;
      assert(Math.abs(await scalar(mean) - expected) < 2e-5, `loss ${await scalar(mean)}, expected ${expected}`);
      mean.dispose();
    }
    if (io.has("loss_logits")) {
      const shorter = await read(run(tokens.map((row) => row.slice(0, -1))));
      assertAgrees("logits of one token less", shorter, tensorOf(io, "loss_logits").data);
    }
    if (image && model instanceof PalmE && io.has("encoded")) {
      assertAgrees("encoded image", await read(model.encode(image)), tensorOf(io, "encoded").data);
    }
  } finally {
    context?.dispose();
  }
}

/** Logits at the positions that a long case keeps. */
function at(logits: Float32Array, io: GoldenCase["io"], rows: number): Float32Array {
  const positions = io.get("logits_positions");
  if (!positions) return logits;
  assertEquals(rows, 1);
  const numTokens = tensorOf(io, "logits").shape.at(-1)!;
  return Float32Array.from(
    [...idsOf(positions)].flatMap((position) => [...logits.subarray(position * numTokens, (position + 1) * numTokens)]),
  );
}

function lastPositions(logits: Float32Array, rows: number, n: number): Float32Array {
  const numTokens = logits.length / rows / n;
  return Float32Array.from(
    Array.from(
      { length: rows },
      (_, row) => [...logits.subarray(((row + 1) * n - 1) * numTokens, (row + 1) * n * numTokens)],
    )
      .flat(),
  );
}

function tensorOf(io: GoldenCase["io"], name: string): { data: Float32Array; shape: readonly number[] } {
  const tensor = io.get(name)!;
  return { data: tensor.values(), shape: tensor.shape };
}

function placed(backend: Backend, io: GoldenCase["io"], name: string): Tensor {
  const { data, shape } = tensorOf(io, name);
  return backend.tensor(data, shape);
}

async function read(tensor: Tensor): Promise<Float32Array> {
  const values = await tensor.data();
  tensor.dispose();
  return Float32Array.from(values);
}
