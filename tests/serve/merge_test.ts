import { assertEquals, assertRejects } from "@std/assert";
import { merge } from "../../serve/completions/merge.ts";

Deno.test("a source that fails while nobody asks ends nothing but the merged stream", async () => {
  let fail = () => {};
  const failing = async function* () {
    yield 1;
    await new Promise<void>((_, reject) => fail = () => reject(new Error("the client has left")));
  };
  const endless = async function* () {
    for (;;) {
      yield 2;
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  };
  for (const goesOn of [true, false]) {
    const merged = merge<number>([failing(), endless()]);
    assertEquals((await merged.next()).value, 1);
    fail();
    // An error that nobody takes would reach the process now.
    await new Promise((resolve) => setTimeout(resolve, 5));
    if (!goesOn) await merged.return(undefined);
    else await assertRejects(async () => await Array.fromAsync(merged), Error, "the client has left");
  }
});
