/** Operations on random arguments, in memory that others have used, among tensors that they must not touch. */

import { assertEquals } from "@std/assert";
import { WasmBackend } from "../../assembly/backend.ts";
import type { Backend } from "../../backend/backend.ts";
import { LOWEST } from "../../backend/operations.ts";
import { createBackend } from "../../create_backend.ts";
import type { Values } from "../../engine/reference/values.ts";
import type { Argument, Call, Draw } from "../../engine/self_test/call.ts";
import { invoke, place } from "../../engine/self_test/call.ts";
import { CALLS, drawCall } from "../../engine/self_test/calls.ts";
import { forEachEngine } from "../support/engines.ts";
import { assertClose } from "../support/ops.ts";
import { Canaries, fuzz, poison, readArguments, resultOf, Taken } from "./run.ts";

/** Weights that one memory takes where they are to lie in several. */
const FEW_BYTES = 4096;

/**
 * A test for each engine, on the CPU also with weights in several memories. They run on one thread, because its scratch
 * memory is known.
 */
function fuzzTest(
  name: string,
  fewest: number,
  runCase: (backend: Backend, draw: Draw, seed: number) => Promise<void>,
) {
  const register = (engine: string, create: () => Promise<Backend>, isAvailable: boolean) =>
    Deno.test({
      name: `${engine}: ${name}`,
      ignore: !isAvailable,
      fn: async () => {
        const backend = await create();
        await fuzz(fewest, async (draw, seed) => {
          await runCase(backend, draw, seed);
          assertEquals(backend.memory().tensors, 0, "memory is left");
        });
        backend.dispose();
      },
    });
  forEachEngine((engine, _create, isAvailable) => {
    register(engine, () => createBackend(engine, { threads: 1 }), isAvailable);
    if (engine !== "wasm") return;
    register("wasm in several memories", () => WasmBackend.create({ threads: 1 }, undefined, FEW_BYTES), true);
  });
}

/**
 * Runs a call among canaries, with its arguments or others in their place; `judge` gets the result and the arguments.
 */
async function runAmongOthers(
  backend: Backend,
  call: Call,
  args: readonly Argument[],
  judge: (actual: Values, valuesOf: (argument: Argument) => Values) => void,
): Promise<void> {
  const [canaries, taken] = [new Canaries(backend), new Taken()];
  try {
    canaries.put();
    const placed = args.map((argument) => {
      const value = place(backend, argument, (tensor) => taken.add(tensor));
      canaries.put();
      return value;
    });
    const valuesOf = await readArguments(args, placed);
    const result = invoke(backend, call.op, placed);
    canaries.put();
    const tensor = resultOf(call, result, placed);
    if (tensor === result) taken.add(tensor);
    judge({ shape: tensor.shape, data: await tensor.data() }, valuesOf);
  } catch (error) {
    throw new Error(`${call.op} ${JSON.stringify(args, shapes)}: ${error}`, { cause: error });
  } finally {
    taken.dispose();
    await canaries.take();
  }
}

/** Arguments in a message, without values. */
function shapes(key: string, value: unknown): unknown {
  return key === "data" ? undefined : value;
}

const each = Object.values(CALLS);

fuzzTest(
  "no operation takes over what memory held, or writes beyond its result",
  2 * each.length,
  async (backend, draw, seed) => {
    // Each operation once, then any.
    const call = (each[seed - 1] ?? drawCall)(draw);
    await poison(backend);
    await runAmongOthers(backend, call, call.args, (actual, valuesOf) => {
      assertClose(actual, call.expected(valuesOf), call.tolerance);
    });
  },
);

/** Operations that are led by whole numbers on the engine, where nothing checks them beforehand. */
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
] as const;
const FAR = [-1, -2, 41, 1000, 65_535, 65_536, 2 ** 24, 2 ** 30, 2 ** 31 - 1, -(2 ** 31)];
/** A value that fills free memory, larger than any that an operation computes here from its own arguments. */
const [FOREIGN, MOST] = [77_777, 1000];

fuzzTest("ids, positions and lengths of any value lead to no other tensor's memory", 50, async (backend, draw) => {
  const call = CALLS[draw.pick(BY_NUMBERS)](draw);
  const args = call.args.map((argument) =>
    spoiled(argument, Int32Array, () => draw.once(2) ? draw.pick(FAR) : undefined)
  );
  await poison(backend, FOREIGN);
  await runAmongOthers(backend, call, args, ({ data }) => {
    // Biases and decays of such distances are beyond all measure by themselves.
    if (call.op === "attentionScores") return;
    const isForeign = (value: number) => Math.abs(value) > MOST && Math.abs(value) < Infinity && value !== LOWEST;
    assertEquals(Array.from(data).find(isForeign), undefined);
  });
});

const EXTREMES = [NaN, Infinity, -Infinity, 3.4e38, -3.4e38, LOWEST, 1e-40, -0];

fuzzTest(
  "NaN, infinity and the largest numbers stay with the results that are made of them",
  50,
  async (backend, draw) => {
    const call = drawCall(draw);
    const args = call.args.map((argument) =>
      spoiled(argument, Float32Array, () => draw.once(4) ? draw.pick(EXTREMES) : undefined)
    );
    await runAmongOthers(backend, call, args, ({ shape, data }) => {
      assertEquals(data.length, shape.reduce((product, size) => product * size, 1));
    });
  },
);

/** The same argument with other values of one type here and there. */
function spoiled(
  argument: Argument,
  type: Int32ArrayConstructor | Float32ArrayConstructor,
  other: () => number | undefined,
): Argument {
  if (argument.kind === "options") {
    const fields = Object.entries(argument.fields).map(([name, field]) => [name, spoiled(field, type, other)]);
    return { ...argument, fields: Object.fromEntries(fields) };
  }
  if (argument.kind !== "rows" || !(argument.values.data instanceof type)) return argument;
  const { shape, data } = argument.values;
  return { kind: "rows", values: { shape, data: data.map((value) => other() ?? value) } };
}
