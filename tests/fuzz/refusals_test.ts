/** Calls with a wrong argument: they are refused by name, and the engine stays as it was. */

import { assert, assertEquals } from "@std/assert";
import type { Backend } from "../../backend/backend.ts";
import type { Tensor } from "../../backend/memory.ts";
import { createBackend } from "../../create_backend.ts";
import type { Argument, Call, Draw } from "../../engine/self_test/call.ts";
import { invoke, place } from "../../engine/self_test/call.ts";
import { drawCall } from "../../engine/self_test/calls.ts";
import {
  BackendUnavailableError,
  ConfigError,
  DeviceLostError,
  DisposedError,
  OutOfMemoryError,
  ShapeError,
} from "../../errors.ts";
import { forEachEngine } from "../support/engines.ts";
import { Canaries, fuzz, Taken } from "./run.ts";

const NAMED = [ConfigError, ShapeError, DisposedError, OutOfMemoryError, DeviceLostError, BackendUnavailableError];

/** Values that no number, text, flag or list may have. */
const NEVER: readonly unknown[] = [null, NaN, {}, Symbol("no"), () => 1, 5n, "nonsense", new Map(), [[]], ["1"], [NaN]];
/** Numbers that fit in few places. */
const ODD: readonly number[] = [-1, 0, 0.5, -0.5, 1, 2, 3, 33, 1e6, 2 ** 31, 2 ** 32, 2 ** 53, -(2 ** 31), Infinity];
/** Values that are no tensor; `undefined` too where one is needed. */
const NO_TENSOR: readonly unknown[] = [
  null,
  7,
  "x",
  {},
  [],
  { shape: [1], dtype: "f32" },
  new Float32Array(4),
  () => 1,
];

/** Operations that take floats and whole numbers alike, or several layouts. */
const INDIFFERENT = ["concat", "slice", "clone", "reshape", "attention", "attentionScores", "attentionValues"];

/** A place of an argument in a call: its position, and the name or number within options or parts. */
interface Place {
  readonly at: number;
  readonly within: string | number | undefined;
  readonly argument: Argument;
}

/** A value in an argument's place, and whether it must be refused there. */
interface Wrong {
  readonly what: string;
  readonly value: unknown;
  readonly isNever: boolean;
}

function placesOf({ args }: Call): Place[] {
  return args.flatMap((argument, at): Place[] => {
    const own: Place[] = [{ at, within: undefined, argument }];
    if (argument.kind === "options") {
      return [...own, ...Object.entries(argument.fields).map(([within, field]) => ({ at, within, argument: field }))];
    }
    if (argument.kind === "parts") {
      return [...own, ...argument.parts.map((part, within) => ({ at, within, argument: part }))];
    }
    return own;
  });
}

/** Arguments that may be absent. */
function isOptional({ op }: Call, { at, within, argument }: Place): boolean {
  if (within !== undefined) return op !== "concat";
  return argument.kind === "options" || at === 2 && op === "shiftTokens" || at === 3 && op === "appendCache";
}

function drawWrong(draw: Draw, backend: Backend, foreign: Backend, call: Call, place: Place, taken: Taken): Wrong {
  const { argument } = place;
  if (argument.kind === "plain") {
    const isAbsent = argument.value === undefined;
    if (draw.once(2)) return { what: "what never fits", value: draw.pick(NEVER), isNever: true };
    if (draw.once(6) && !isAbsent) return { what: "undefined", value: undefined, isNever: false };
    return { what: "an odd number", value: draw.pick(ODD), isNever: typeof argument.value === "boolean" };
  }
  if (argument.kind === "options" || argument.kind === "parts") {
    return { what: "no object", value: draw.pick([null, 7, "x"]), isNever: true };
  }
  switch (draw.integer(0, 5)) {
    case 0:
      if (isOptional(call, place)) return { what: "no tensor", value: draw.pick(NO_TENSOR), isNever: true };
      return { what: "no tensor", value: draw.pick([undefined, ...NO_TENSOR]), isNever: true };
    case 1: {
      const tensor = backend.tensor(Float32Array.of(1), [1]);
      tensor.dispose();
      return { what: "a disposed tensor", value: tensor, isNever: true };
    }
    case 2: {
      const { shape } = argument.values;
      const tensor = taken.add(foreign.tensor(new Float32Array(argument.values.data.length), shape));
      return { what: "another backend's tensor", value: tensor, isNever: true };
    }
    case 3: {
      const isOther = argument.kind !== "rows";
      const isFloat = isOther || argument.values.data instanceof Int32Array;
      const values = isFloat ? draw.normal(argument.values.shape) : draw.integers(argument.values.shape, 0, 3);
      const tensor = taken.add(backend.tensor(values.data, values.shape));
      return { what: "another type", value: tensor, isNever: !INDIFFERENT.includes(call.op) };
    }
    case 4: {
      const tensor = taken.add(draw.once(2) ? backend.weight([2, 32], "q4_0") : backend.cache([1, 1, 4, 32], "f16"));
      const isNever = argument.kind === "rows" && !INDIFFERENT.includes(call.op);
      return { what: "another layout", value: tensor, isNever };
    }
    default: {
      const shape = [...argument.values.shape];
      const change = shape.length === 0 ? "more" : draw.pick(["more", "fewer", "other", "other"]);
      if (change === "more") shape.push(draw.integer(0, 3));
      else if (change === "fewer") shape.pop();
      else shape[draw.integer(0, shape.length - 1)] = draw.pick([0, 1, 2, 3, 5, 33]);
      const isFloat = argument.kind !== "rows" || argument.values.data instanceof Float32Array;
      const values = isFloat ? draw.normal(shape) : draw.integers(shape, 0, 3);
      return { what: `shape [${shape}]`, value: taken.add(backend.tensor(values.data, shape)), isNever: false };
    }
  }
}

function replace(placed: unknown[], { at, within }: Place, value: unknown): void {
  if (within === undefined) placed[at] = value;
  else {placed[at] = Array.isArray(placed[at])
      ? placed[at].map((part, i) => i === within ? value : part)
      : { ...Object(placed[at]), [within]: value };}
}

function isNamed(error: unknown): boolean {
  return NAMED.some((named) => error instanceof named);
}

/** Runs a call, and asserts that a refusal names the argument and leaves nothing; gives whether it was refused. */
async function isRefused(backend: Backend, what: string, call: () => unknown): Promise<boolean> {
  const before = backend.memory();
  let result: unknown;
  try {
    result = await call();
  } catch (error) {
    assert(isNamed(error), `${what}: ${error}`);
    assert(error instanceof Error && error.message.length > 20, `${what}: ${error}`);
    const { bytesInUse, tensors } = backend.memory();
    assertEquals([bytesInUse, tensors], [before.bytesInUse, before.tensors], `${what} leaves memory`);
    return true;
  }
  if (typeof result === "object" && result !== null && "data" in result) {
    const tensor = result as Tensor;
    assertEquals((await tensor.data()).length, tensor.shape.reduce((product, size) => product * size, 1), what);
    tensor.dispose();
  }
  return false;
}

forEachEngine((engine, create, isAvailable) => {
  Deno.test({
    name: `${engine}: a wrong argument is refused by name and changes nothing`,
    ignore: !isAvailable,
    fn: async () => {
      const [backend, foreign] = [await create(), await create()];
      await fuzz(100, async (draw) => {
        const call = drawCall(draw);
        const [canaries, taken] = [new Canaries(backend), new Taken()];
        try {
          canaries.put();
          const placed = call.args.map((argument) => {
            const value = place(backend, argument, (tensor) => taken.add(tensor));
            canaries.put();
            return value;
          });
          const where = draw.pick(placesOf(call));
          const wrong = drawWrong(draw, backend, foreign, call, where, taken);
          replace(placed, where, wrong.value);
          const what = `${call.op} with ${wrong.what} for argument ${where.at} ${where.within ?? ""}`;
          const refused = await isRefused(backend, what, () => invoke(backend, call.op, placed));
          assert(refused || !wrong.isNever, `${what} is accepted`);
        } finally {
          taken.dispose();
          await canaries.take();
        }
        assertEquals([backend.memory().tensors, foreign.memory().tensors], [0, 0]);
      });
      backend.dispose();
      foreign.dispose();
    },
  });

  Deno.test({
    name: `${engine}: what is no shape, format or list of values makes no tensor`,
    ignore: !isAvailable,
    fn: async () => {
      const backend = await create();
      const weight = backend.weight([4, 8], "f32");
      const methods: Readonly<Record<string, readonly unknown[]>> = {
        tensor: [new Float32Array(6), [2, 3]],
        zeros: [[2, 3], "f32"],
        weight: [[2, 3], "f16"],
        cache: [[1, 2, 3, 32], "q8_0"],
        writeRows: [weight, 1, new Float32Array(16)],
        readRows: [weight, 1, 2],
        reshape: [weight, [8, 4]],
        scope: [() => 1],
        warmUp: [() => {}],
      };
      const shapes = [[-1, 6], [0.5, 12], [NaN, 6], ["2", 3], [2 ** 53], [2 ** 31, 0], Array(40).fill(2 ** 30), [, 6]];
      for (const [op, args] of Object.entries(methods)) {
        for (const at of args.keys()) {
          for (const value of [...NEVER, ...ODD.filter((odd) => odd > 9 || odd < 0), undefined, ...shapes]) {
            const isAllowed = op === "cache" && at === 1 && value === undefined ||
              typeof value === "function" && (op === "scope" || op === "warmUp");
            if (isAllowed) continue;
            const what = `${op} with ${typeof value} ${
              JSON.stringify(value, (_, part) => typeof part === "bigint" ? `${part}n` : part)
            } for argument ${at}`;
            const changed = args.with(at, value);
            assert(await isRefused(backend, what, () => invoke(backend, op, changed)), `${what} is accepted`);
          }
        }
      }
      weight.dispose();
      backend.dispose();
    },
  });

  Deno.test({
    name: `${engine}: after dispose every method says so`,
    ignore: !isAvailable,
    fn: async () => {
      const backend = await create();
      const x = backend.tensor(new Float32Array(4), [1, 4]);
      backend.dispose();
      const calls: readonly (readonly [string, ...unknown[]])[] = [
        ["tensor", new Float32Array(4), [4]],
        ["zeros", [4], "f32"],
        ["weight", [2, 2], "f32"],
        ["cache", [1, 1, 1, 32]],
        ["softmax", x],
        ["concat", [x]],
        ["reshape", x, [4]],
        ["flush"],
        ["scope", () => 1],
        ["warmUp", () => 1],
        ["readRows", x, 0, 1],
      ];
      for (const [op, ...args] of calls) {
        const outcome = await Promise.resolve().then(() => invoke(backend, op, args)).catch((error: unknown) => error);
        assert(outcome instanceof DisposedError, `${op}: ${outcome}`);
      }
    },
  });
});

Deno.test("a backend is started with no option that is none", async () => {
  const wrong: Readonly<Record<string, readonly unknown[]>> = {
    threads: [null, "2", NaN, 0.5, -1, 1e9, {}],
    wasm: [null, 5, "simd", () => 1],
    workerUrl: [null, 5, {}],
    device: [null, 5, {}, "gpu"],
    powerPreference: [null, 5, "fast"],
  };
  const options = Object.entries(wrong).flatMap(([name, values]) => values.map((value) => ({ [name]: value })));
  for (const given of [null, 5, "x", ...options]) {
    const starting: unknown = Reflect.apply(createBackend, undefined, ["wasm", given]);
    const error = await Promise.resolve(starting).catch((error: unknown) => error);
    assert(error instanceof ConfigError, `${JSON.stringify(given)}: ${error}`);
  }
  for (const name of [null, 5, "cuda", Symbol("wasm"), 5n, {}]) {
    const starting: unknown = Reflect.apply(createBackend, undefined, [name]);
    const error = await Promise.resolve(starting).catch((error: unknown) => error);
    assert(error instanceof ConfigError, `${String(name)}: ${error}`);
  }
});
