/** The engine's test of itself: complete, honest, and without consequences. */

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import type { SelfTestCheck } from "../../backend/self_test.ts";
import { createBackend } from "../../create_backend.ts";
import { DisposedError } from "../../errors.ts";

Deno.test("wasm: the self-test finds every operation right, and reports it in lines", async () => {
  const backend = await createBackend("wasm");
  const seen: SelfTestCheck[] = [];
  const { bytesInUse, tensors } = backend.memory();
  const report = await backend.selfTest({
    onProgress: ({ check, done, total }) => {
      seen.push(check);
      assertEquals(done, seen.length);
      assert(total >= done);
    },
  });
  assertEquals(report.checks.filter(({ ok }) => !ok), []);
  assertEquals(report.ok, true);
  assertEquals(report.checks, seen);
  assertEquals([backend.memory().bytesInUse, backend.memory().tensors], [bytesInUse, tensors]);
  const lines = report.text.split("\n");
  assertEquals(lines.length, seen.length + 3);
  assertStringIncludes(lines[0]!, backend.info.description);
  assertStringIncludes(lines[1]!, "Deno");
  assertStringIncludes(lines.at(-1)!, `All ${seen.length} checks hold`);
  backend.dispose();
});

Deno.test("wasm: wrong values and errors fail their checks and no others", async () => {
  const backend = await createBackend("wasm", { threads: 1 });
  const { softmax, meanPool } = backend;
  Object.assign(backend, {
    softmax: (x: Parameters<typeof softmax>[0]) => backend.activate(softmax.call(backend, x), "silu"),
    meanPool: (x: Parameters<typeof meanPool>[0]) => {
      if (x.shape[1] === 7) throw new RangeError("a driver's own words");
      return meanPool.call(backend, x);
    },
  });
  const { ok, checks, text } = await backend.selfTest();
  const failed = checks.filter((check) => !check.ok);
  assertEquals(ok, false);
  assertEquals(failed.map(({ name }) => name.replace(/[ ,].*/, "")), [
    "softmax",
    "softmax",
    "softmax",
    "meanPool",
    "softmax",
  ]);
  assert(failed[0]!.deviation > failed[0]!.tolerance);
  assertEquals(failed[3]!.error, "RangeError: a driver's own words");
  assertStringIncludes(text, "FAIL meanPool of 7: RangeError: a driver's own words");
  assertStringIncludes(text, `5 of ${checks.length} checks fail`);
  assertEquals(backend.memory().tensors, 0);
  backend.dispose();
});

Deno.test("wasm: a backend that is disposed of ends its self-test", async () => {
  const backend = await createBackend("wasm", { threads: 1 });
  await assertRejects(() => backend.selfTest({ onProgress: () => backend.dispose() }), DisposedError);
  await assertRejects(() => backend.selfTest(), DisposedError);
});
