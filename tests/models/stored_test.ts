/** Checkpoints whose values go from a file to an engine and back as they are stored. */

import { assert, assertEquals } from "@std/assert";
import type { Backend } from "../../backend/backend.ts";
import type { WeightFormat } from "../../backend/memory.ts";
import { FORMATS } from "../../formats/formats.ts";
import { Andromeda, HostTensor, readSafetensors, writeSafetensors } from "../../mod.ts";
import type { Model } from "../../models/model.ts";
import { openSafetensors } from "../../models/weights/safetensors/read.ts";
import { forEachEngine } from "../support/engines.ts";
import { RandomValues } from "../support/ops.ts";

const config = { numTokens: 70, maxSeqLen: 16, dim: 64, depth: 1, heads: 2, dimHead: 32, alibiNumHeads: 1 };
const tokens = [[1, 2, 3, 5, 8, 13]];

/** A test with an engine of its own, which must end as empty as it began. */
function test(name: string, fn: (backend: Backend, create: () => Promise<Backend>) => Promise<void>): void {
  forEachEngine((engine, create, isAvailable) => {
    Deno.test({
      name: `${engine}: ${name}${isAvailable ? "" : " (needs a WebGPU adapter)"}`,
      ignore: !isAvailable,
      fn: async () => {
        const backend = await create();
        await fn(backend, create);
        assertEquals(backend.memory().tensors, 0);
        backend.dispose();
      },
    });
  });
}

async function saved(model: Model): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: BlobPart[] = [];
  await model.save(new WritableStream({ write: (chunk: Uint8Array<ArrayBuffer>) => void chunks.push(chunk) }));
  return await new Blob(chunks).bytes();
}

/** A checkpoint whose blocks no quantizer has made: their quants are any bits. */
async function foreignFile(backend: Backend, format: WeightFormat): Promise<Uint8Array<ArrayBuffer>> {
  using model = await Andromeda.create(config, { backend, dtype: format, seed: 3 });
  const file = await saved(model);
  const reader = await openSafetensors(file);
  await reader.close();
  const tensors = await readSafetensors(file);
  const random = new RandomValues(4);
  const { blockSize, blockBytes } = FORMATS[format];
  for (const [name, { dtype, shape, bytes }] of tensors) {
    if (dtype.toLowerCase() !== format || blockSize === 1) continue;
    const others = bytes.map((byte, i) => i % blockBytes < 2 ? byte : random.integer(0, 255));
    tensors.set(name, new HostTensor(dtype, shape, others));
  }
  return writeSafetensors(tensors, { metadata: reader.metadata });
}

for (const format of ["f16", "q8_0", "q4_0"] as const) {
  test(`a ${format} checkpoint is loaded, moved and saved again to the byte`, async (backend, create) => {
    const weights = await foreignFile(backend, format);
    using model = await Andromeda.load({ config, weights }, { backend, dtype: format });
    assertEquals(await saved(model), weights);
    const other = await create();
    await model.to(other);
    assertEquals(await saved(model), weights);
    await model.to(backend);
    other.dispose();
  });

  test(`an engine without kernels for ${format} holds the same values in f32`, async (backend) => {
    const weights = await foreignFile(backend, format);
    const logitsOf = async (dtype: WeightFormat) => {
      using model = await Andromeda.load({ config, weights }, { backend, dtype });
      const dtypes = new Set([...model.stateDict().values()].map(({ dtype }) => dtype));
      const logits = model.forward(tokens);
      try {
        return { dtypes, values: await logits.data() };
      } finally {
        logits.dispose();
      }
    };
    const held = await logitsOf(format);
    assert(held.dtypes.has(format));
    const plain = await logitsOf("f32");
    Object.defineProperty(backend, "formats", { value: ["f32"] });
    const fallen = await logitsOf(format);
    assertEquals(fallen.dtypes, new Set(["f32"]));
    assertEquals(fallen.values, plain.values);
  });
}
