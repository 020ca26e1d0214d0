/** Operations on random arguments, in memory that holds NaN before they get it, among tensors that they must not touch. */
import { assertEquals } from "@std/assert";
import { WasmBackend } from "../../assembly/backend.ts";
import { type Backend, LOWEST } from "../../backend.ts";
import { createBackend } from "../../create_backend.ts";
import { forEachEngine } from "../support/engines.ts";
import { assertClose } from "../support/ops.ts";
import { Canaries, fuzz, invoke, place, poison, readArguments, resultOf, Taken } from "./run.ts";
import { type Argument, CALLS, type Draw, drawCall } from "./calls.ts";

/** Weights that one memory takes where they are to lie in several. */
const FEW_BYTES = 4096;

/** Engines, on the CPU also with weights in several memories. On one thread, whose scratch memory is known. */
function forEachVariant(
  fn: (name: string, create: () => Promise<Backend>, isAvailable: boolean) => void,
): void {
  forEachEngine((engine, _create, isAvailable) => {
    fn(engine, () => createBackend(engine, { threads: 1 }), isAvailable);
    if (engine !== "wasm") return;
    fn("wasm in several memories", () => WasmBackend.create({ threads: 1 }, undefined, FEW_BYTES), true);
  });
}

forEachVariant((engine, create, isAvailable) => {
  Deno.test({
    name: `${engine}: no operation takes over what memory held, or writes beyond its result`,
    ignore: !isAvailable,
    fn: async () => {
      const backend = await create();
      const each = Object.values(CALLS);
      await fuzz(each.length * 2, async (draw, seed) => {
        // Each operation once, then any.
        const call = (each[seed - 1] ?? drawCall)(draw);
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

/** Operations that find their way by whole numbers which lie on the engine, where nobody checks them beforehand. */
const BY_NUMBERS = [
  "embedding",
  "attention",
  "attentionScores",
  "attentionValues",
  "appendCache",
  "gatherRows",
  "maskRows",
  "crossEntropy",
  "repetitionPenalty",
  "acceptDraft",
];
const FAR = [-1, -2, 41, 1000, 65_535, 65_536, 2 ** 24, 2 ** 30, 2 ** 31 - 1, -(2 ** 31)];
/** What free memory holds, and more than what any operation computes here of its own arguments. */
const [FOREIGN, MOST] = [77_777, 1000];

forEachVariant((engine, create, isAvailable) => {
  Deno.test({
    name: `${engine}: ids, positions and lengths of any value lead to no other tensor's memory`,
    ignore: !isAvailable,
    fn: async () => {
      const backend = await create();
      await fuzz(50, async (draw) => {
        const call = draw.pick(BY_NUMBERS.map((op) => CALLS[op]!))(draw);
        const { op } = call;
        await poison(backend, FOREIGN);
        const [canaries, taken] = [new Canaries(backend), new Taken()];
        try {
          canaries.put();
          const placed = call.args.map((argument) => {
            const value = place(backend, astray(draw, argument), taken);
            canaries.put();
            return value;
          });
          const result = invoke(backend, op, placed);
          canaries.put();
          const tensor = resultOf(call, result, placed);
          if (tensor === result) taken.add(tensor);
          const values = Array.from(await tensor.data());
          // Biases and decays of such distances are beyond all measure by themselves.
          if (op === "attentionScores") return;
          const foreign = values.find((value) =>
            Math.abs(value) > MOST && Math.abs(value) < Infinity && value !== LOWEST
          );
          assertEquals(foreign, undefined, `${op} ${JSON.stringify(call.args, shapes)}`);
        } finally {
          taken.dispose();
          await canaries.take();
        }
      });
      backend.dispose();
    },
  });
});

/** The same argument with whole numbers that are out of range here and there. */
function astray(draw: Draw, argument: Argument): Argument {
  if (argument.kind === "options") {
    const fields = Object.entries(argument.fields).map(([name, field]) => [name, astray(draw, field)]);
    return { ...argument, fields: Object.fromEntries(fields) };
  }
  if (argument.kind !== "rows" || argument.values.data instanceof Float32Array) return argument;
  const { shape, data } = argument.values;
  return { kind: "rows", values: { shape, data: data.map((value) => draw.once(2) ? draw.pick(FAR) : value) } };
}

/** Arguments in a message: no values. */
function shapes(key: string, value: unknown): unknown {
  return key === "data" ? undefined : value;
}
