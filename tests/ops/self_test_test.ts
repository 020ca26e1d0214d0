/** The engine's test of itself on every engine and host; faults that it must find are tested beside each engine. */

import { assertEquals, assertRejects } from "@std/assert";
import { engineTest } from "../support/engines.ts";

engineTest("a self-test that is canceled rejects with the reason and leaves nothing", async (backend) => {
  const controller = new AbortController();
  let checks = 0;
  const test = backend.selfTest({
    signal: controller.signal,
    onProgress: ({ done }) => {
      checks = done;
      if (done === 3) controller.abort(new Error("enough"));
    },
  });
  await assertRejects(() => test, Error, "enough");
  assertEquals(checks, 3);
});
