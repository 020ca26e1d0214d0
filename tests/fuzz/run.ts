/**
 * Runs random cases for a bounded time, and puts calls on an engine.
 *
 * ANDROMEDA_FUZZ_SECONDS says for how long each test goes on, ANDROMEDA_FUZZ_SEED with which case it begins.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import type { Backend } from "../../backend/backend.ts";
import type { Tensor } from "../../backend/memory.ts";
import { sizeOf } from "../../common/shape.ts";
import type { Values } from "../../engine/reference/values.ts";
import { type Argument, type Call, Draw } from "../../engine/self_test/call.ts";

/** Seconds that each test goes on for. */
export const SECONDS = Number(Deno.env.get("ANDROMEDA_FUZZ_SECONDS") ?? 3);
/** The first case. */
export const FIRST_SEED = Number(Deno.env.get("ANDROMEDA_FUZZ_SEED") ?? 1);

/** Runs cases one after the other until the time is over, at least `fewest` of them; says which one failed. */
export async function fuzz(fewest: number, runCase: (draw: Draw, seed: number) => Promise<void>): Promise<void> {
  const end = performance.now() + 1000 * SECONDS;
  for (let seed = FIRST_SEED; seed < FIRST_SEED + fewest || performance.now() < end; seed++) {
    try {
      await runCase(new Draw(Math.imul(seed, 0x9e3779b1)), seed);
    } catch (error) {
      throw new Error(`Case ${seed} failed (ANDROMEDA_FUZZ_SEED=${seed} begins with it): ${error}`, { cause: error });
    }
  }
}

/** What a call has taken, to be freed. */
export class Taken {
  readonly #tensors: Tensor[] = [];

  /** Remembers a tensor. */
  add(tensor: Tensor): Tensor {
    this.#tensors.push(tensor);
    return tensor;
  }

  /** Frees all. */
  dispose(): void {
    for (const tensor of this.#tensors) tensor.dispose();
  }
}

/** What an engine holds of the arguments of a call: weights and caches as their formats have rounded them. */
export async function readArguments(
  args: readonly Argument[],
  placed: readonly unknown[],
): Promise<(argument: Argument) => Values> {
  const known = new Map<Argument, Values>();
  const read = async (argument: Argument, value: unknown): Promise<void> => {
    if (argument.kind === "options") {
      for (const [name, field] of Object.entries(argument.fields)) await read(field, Reflect.get(Object(value), name));
    } else if (argument.kind === "parts") {
      for (const part of argument.parts) await read(part, undefined);
    } else if (argument.kind === "rows") known.set(argument, argument.values);
    else if (argument.kind !== "plain") {
      const tensor = value as Tensor;
      known.set(argument, { shape: tensor.shape, data: await tensor.data() });
    }
  };
  for (const [i, argument] of args.entries()) await read(argument, placed[i]);
  return (argument) => {
    const values = known.get(argument);
    if (!values) throw new Error("An oracle asked for what is no tensor");
    return values;
  };
}

/** The tensor that a call gives, or changes. */
export function resultOf(call: Call, result: unknown, placed: readonly unknown[]): Tensor {
  return (call.changes === undefined ? result : placed[call.changes]) as Tensor;
}

const CANARY = Float32Array.from({ length: 96 }, (_, i) => 1000 + i);

/** Tensors beside those of a call, which must stay what they are. */
export class Canaries {
  readonly #tensors: Tensor[] = [];
  readonly #backend: Backend;

  constructor(backend: Backend) {
    this.#backend = backend;
  }

  /** Puts another one where memory is given next. */
  put(): void {
    this.#tensors.push(this.#backend.tensor(CANARY, [CANARY.length]));
  }

  /** Asserts that all are what they were, and frees them. */
  async take(): Promise<void> {
    try {
      for (const tensor of this.#tensors) assertEquals(await tensor.data(), CANARY, "another tensor was written to");
    } finally {
      for (const tensor of this.#tensors.splice(0)) tensor.dispose();
    }
  }
}

/** As many values as a call takes at most. */
const POISON = new Float32Array(1 << 19);

/**
 * Fills free memory with a value, NaN if no other is given: what an operation must not take for its own. On the CPU all
 * free memory is one gap once everything is freed, and wide products and attention pass over the scratch memory of the
 * thread; a GPU keeps buffers of each size.
 */
export async function poison(backend: Backend, value = NaN): Promise<void> {
  POISON.fill(value);
  const poisoned = (...shape: number[]) => backend.tensor(POISON.subarray(0, sizeOf(shape)), shape);
  if (backend.name === "wasm") {
    backend.scope(() => {
      const weight = backend.weight([33, 512], "f32");
      backend.linear(poisoned(256, 512), weight);
      weight.dispose();
      const [q, k] = [poisoned(1, 40, 1024), poisoned(1, 64, 1024)];
      backend.attention(q, k, k, { heads: 1, kvHeads: 1, scale: 1, causal: false });
    });
    backend.flush();
    poisoned(POISON.length).dispose();
    return;
  }
  const kept: Tensor[] = [];
  // Sizes as close to each other as those of the buffers that are kept.
  for (let values = 64; values <= 1 << 15; values += Math.max(64, 2 ** (Math.floor(Math.log2(values)) - 3))) {
    for (let i = 0; i < 3; i++) kept.push(poisoned(values));
  }
  await kept[0]?.data();
  for (const tensor of kept) tensor.dispose();
}
