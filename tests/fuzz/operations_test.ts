/** Operations on random arguments, in memory that holds NaN before they get it, among tensors that they must not touch. */
import { assertEquals } from "@std/assert";
import { createBackend } from "../../create_backend.ts";
import { forEachEngine } from "../support/engines.ts";
import { assertClose } from "../support/ops.ts";
import { Canaries, fuzz, invoke, place, poison, readArguments, resultOf, Taken } from "./run.ts";
import { CALLS, drawCall } from "./calls.ts";

forEachEngine((engine, _create, isAvailable) => {
  Deno.test({
    name: `${engine}: no operation takes over what memory held, or writes beyond its result`,
    ignore: !isAvailable,
    fn: async () => {
      const backend = await createBackend(engine, { threads: 1 });
      await fuzz(Object.keys(CALLS).length * 2, async (draw) => {
        const call = drawCall(draw);
        await poison(backend);
        const [canaries, taken] = [new Canaries(backend), new Taken()];
        try {
          canaries.put();
          const placed = call.args.map((argument) => {
            const value = place(backend, argument, taken);
            canaries.put();
            return value;
          });
          const valuesOf = await readArguments(call.args, placed);
          const expected = call.expected(valuesOf);
          const result = invoke(backend, call.op, placed);
          canaries.put();
          const tensor = resultOf(call, result, placed);
          if (tensor === result) taken.add(tensor);
          const actual = { shape: tensor.shape, data: await tensor.data() };
          try {
            assertClose(actual, expected, call.tolerance);
          } catch (error) {
            throw new Error(`${call.op} ${JSON.stringify(call.args, shapes)}: ${error}`);
          }
        } finally {
          taken.dispose();
          await canaries.take();
        }
        assertEquals(backend.memory().tensors, 0, `${call.op} leaves memory`);
      });
      backend.dispose();
    },
  });
});

/** Arguments in a message: no values. */
function shapes(key: string, value: unknown): unknown {
  return key === "data" ? undefined : value;
}
