/** The allocator: blocks never overlap, gaps join, memory grows, and impossible requests are refused with reasons. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { WasmBackend } from "../../assembly/backend.ts";
import { tryGrow } from "../../assembly/machine/instance.ts";
import { type AddressSpace, type Block, Memory } from "../../assembly/memory/memory.ts";
import { OutOfMemoryError } from "../../errors.ts";

const PAGE = 65536;

/** A memory to allocate in. */
function spaceOf(memory: WebAssembly.Memory): AddressSpace {
  return {
    get bytes() {
      return memory.buffer.byteLength;
    },
    grow: (pages) => tryGrow(memory, pages),
  };
}

Deno.test("blocks are aligned and never overlap, and everything freed is one gap again", () => {
  const sizes = fc.array(fc.record({ bytes: fc.nat({ max: 300_000 }), frees: fc.nat({ max: 3 }) }), { maxLength: 60 });
  fc.assert(
    fc.property(sizes, (steps) => {
      const wasm = new WebAssembly.Memory({ initial: 4 });
      const memory = new Memory(spaceOf(wasm), 1000);
      const live: Block[] = [];
      for (const { bytes, frees } of steps) {
        const block = memory.allocate(bytes, "activations");
        assert(block.bytes >= bytes && block.address % 64 === 0 && block.address >= 1000);
        assert(block.address + block.bytes <= wasm.buffer.byteLength);
        for (const other of live) {
          assert(block.address + block.bytes <= other.address || other.address + other.bytes <= block.address);
        }
        const content = new Uint8Array(wasm.buffer, block.address, block.bytes);
        if (block.isFresh) assert(content.every((value) => value === 0));
        content.fill(1);
        live.push(block);
        for (let i = 0; i < frees && live.length > 0; i++) {
          const [freed] = live.splice((bytes + i) % live.length, 1);
          if (freed) memory.free(freed);
        }
      }
      for (const block of live) memory.free(block);
      const before = wasm.buffer.byteLength;
      const whole = memory.allocate(before - 1024, "activations");
      assertEquals([whole.address, wasm.buffer.byteLength], [1024, before]);
    }),
    { numRuns: 100 },
  );
});

Deno.test("the smallest gap that fits is taken", () => {
  const memory = new Memory(spaceOf(new WebAssembly.Memory({ initial: 4 })), 0);
  const large = memory.allocate(512, "activations");
  memory.allocate(64, "activations");
  const small = memory.allocate(128, "activations");
  memory.allocate(64, "activations");
  memory.free(large);
  memory.free(small);
  assertEquals(memory.allocate(100, "activations").address, small.address);
  assertEquals(memory.allocate(100, "activations").address, large.address);
});

Deno.test("memory that the host refuses: how much was asked, how much is held, by what", () => {
  const memory = new Memory(spaceOf(new WebAssembly.Memory({ initial: 1, maximum: 32 })), 0);
  memory.allocate(16 * PAGE, "weights");
  // Growing by the usual reserve would pass the maximum; growing by what is needed does not.
  memory.allocate(8 * PAGE, "caches");
  const message = assertThrows(() => memory.allocate(16 * PAGE, "activations"), OutOfMemoryError).message;
  for (const part of ["1.00 MiB for activations", "weights 1.00 MiB", "caches 0.50 MiB"]) {
    assert(message.includes(part), message);
  }
  assertEquals(memory.allocate(PAGE, "activations").bytes, PAGE);
});

Deno.test("no block ends where addresses wrap around to 0", () => {
  const wasm = new WebAssembly.Memory({ initial: 1, maximum: 65536 });
  const memory = new Memory(spaceOf(wasm), 64);
  memory.allocate(65533 * PAGE, "weights");
  memory.allocate(PAGE, "weights");
  assertThrows(() => memory.allocate(PAGE, "weights"), OutOfMemoryError, "of at most 4096 MiB");
  assert(wasm.buffer.byteLength < 2 ** 32);
});

Deno.test("an engine is usable after it refused memory, and nothing is left", async () => {
  const backend = await WasmBackend.create();
  assertThrows(() => backend.weight([40_000, 40_000], "f32"), OutOfMemoryError, "6104 MiB for weights");
  assertThrows(() => backend.zeros([2 ** 20, 2 ** 20], "f32"), OutOfMemoryError, "for activations");
  assertEquals([backend.memory().bytesInUse, backend.memory().tensors], [0, 0]);
  const x = backend.tensor(Float32Array.of(1, 2), [2]);
  assertEquals([...await x.data()], [1, 2]);
  x.dispose();
  backend.dispose();
});

Deno.test("a step's memory serves the next step", async () => {
  const backend = await WasmBackend.create();
  const x = backend.tensor(new Float32Array(1 << 20).fill(1), [1 << 20]);
  const step = () => backend.scope(() => backend.add(backend.add(x, x), backend.add(x, x)));
  let peak = 0;
  for (let i = 0; i < 20; i++) {
    const sum = step();
    assertEquals((await sum.data())[12345], 4);
    sum.dispose();
    if (i === 0) peak = backend.memory().peakBytes;
  }
  assertEquals(backend.memory().peakBytes, peak);
  x.dispose();
  assertEquals(backend.memory().bytesInUse, 0);
  backend.dispose();
});
