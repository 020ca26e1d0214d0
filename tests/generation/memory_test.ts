/** What generating leaves behind: nothing, however often. */

import { assertEquals } from "@std/assert";
import type { Backend } from "../../backend/backend.ts";
import { WebGpuBackend } from "../../gpu/backend.ts";
import { forEachEngine, isLeftOut, LEFT_OUT } from "../support/engines.ts";
import { text, withModel } from "./models.ts";

/** Generations after which an engine has all that it keeps: kernels, and memory for the next time. */
const FIRST = 20;
const ALL = 1000;

forEachEngine((engine, create, isAvailable) => {
  const leftOut = isLeftOut(engine, "slow");
  Deno.test({
    name: `${engine}: a thousand short generations leave memory as the first ones left it${leftOut ? LEFT_OUT : ""}`,
    ignore: leftOut || !isAvailable,
    fn: async () => {
      const buffers = watchBuffers();
      try {
        const backend = await create();
        await checkMemory(backend, buffers.alive);
        backend.dispose();
        assertEquals(buffers.alive.size, 0);
      } finally {
        buffers.stop();
      }
    },
  });
});

async function checkMemory(backend: Backend, buffers: ReadonlySet<GPUBuffer>): Promise<void> {
  await withModel(backend, { depth: 1, heads: 1, rotaryPosEmb: true }, async (model) => {
    // Two at a time: a host that looks for values every ten milliseconds is waited for half as often.
    const generate = async (from: number, to: number) => {
      for (let seed = from; seed < to; seed += 2) {
        const texts = [seed, seed + 1].map((seed) =>
          Array.fromAsync(model.generate(text(4), { maxNewTokens: 2, topK: 5, seed }))
        );
        for (const tokens of await Promise.all(texts)) assertEquals(tokens.length, 2);
      }
    };
    await generate(0, FIRST);
    const before = held(backend, buffers);
    await generate(FIRST, ALL);
    assertEquals(held(backend, buffers), before);
  });
  assertEquals(backend.memory().tensors, 0);
}

/** What an engine holds, and what a GPU keeps for the next time. */
function held(backend: Backend, { size }: ReadonlySet<GPUBuffer>): object {
  const memory = { ...backend.memory(), buffers: size };
  if (!(backend instanceof WebGpuBackend)) return memory;
  const { kernels, bufferBytes, pooledBytes } = backend.stats();
  return { ...memory, kernels, bufferBytes, pooledBytes };
}

/** Buffers of all devices that are made from now on and not destroyed yet. */
function watchBuffers(): { readonly alive: ReadonlySet<GPUBuffer>; stop(): void } {
  const alive = new Set<GPUBuffer>();
  if (!("GPUDevice" in globalThis)) return { alive, stop: () => {} };
  const { createBuffer } = GPUDevice.prototype;
  const { destroy } = GPUBuffer.prototype;
  GPUDevice.prototype.createBuffer = function (descriptor) {
    const buffer = createBuffer.call(this, descriptor);
    alive.add(buffer);
    return buffer;
  };
  GPUBuffer.prototype.destroy = function () {
    alive.delete(this);
    return destroy.call(this);
  };
  return {
    alive,
    stop() {
      Object.assign(GPUDevice.prototype, { createBuffer });
      Object.assign(GPUBuffer.prototype, { destroy });
    },
  };
}
