import { assertEquals } from "@std/assert";
import { WasmBackend } from "../../assembly/backend.ts";

Deno.test("add runs in order with what was recorded before it", async () => {
  const backend = await WasmBackend.create();
  const x = backend.tensor(Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10), [2, 5]);
  const y = backend.tensor(Float32Array.of(10, 20, 30, 40, 50), [1, 5]);
  const sum = backend.add(x, y, { factor: 2 });
  assertEquals([...await sum.data()], [21, 42, 63, 84, 105, 26, 47, 68, 89, 110]);
  for (const tensor of [x, y, sum]) tensor.dispose();
  assertEquals(backend.memory().bytesInUse, 0);
  backend.dispose();
});
