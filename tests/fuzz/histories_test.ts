/**
 * Isolation: whatever a backend has been through, a model that is made on it computes to the bit what it computes on a
 * new backend.
 */

import { assertEquals } from "@std/assert";
import type { Backend } from "../../backend/backend.ts";
import type { Draw } from "../../engine/self_test/call.ts";
import { invoke, place } from "../../engine/self_test/call.ts";
import { drawCall } from "../../engine/self_test/calls.ts";
import { Transformer } from "../../mod.ts";
import { cached, uncached } from "../generation/models.ts";
import { forEachEngine, isLeftOut, LEFT_OUT } from "../support/engines.ts";
import { fuzz, poison, Taken } from "./run.ts";

const SMALL = { numTokens: 50, maxSeqLen: 40, dim: 32, depth: 2, heads: 4, dimHead: 32, useAbsPosEmb: false };
/** Models that a fresh one is compared by: between them they use every operation of a decoder. */
const PROBES = ["ALiBi and xPos with QK norm", "a token shift of two, with absolute positions", "memory tokens"];
/** Models of histories. A GPU takes only those whose kernels are compiled anyway. */
const CONFIGS = {
  wasm: Object.values({ ...cached, ...uncached }),
  webgpu: PROBES.map((name) => cached[name]),
};

/** The state that a history goes on with. */
interface Host {
  readonly backend: Backend;
  readonly models: Transformer[];
  /** Everything that is to be freed in the end. */
  readonly sessions: { dispose(): void }[];
}

/** A step of a history. It may fail, because only the steps after it count. */
type Step = (host: Host, draw: Draw) => Promise<void>;

const create: Step = async ({ backend, models }, draw) => {
  if (models.length > 2) models.shift()?.dispose();
  models.push(
    await Transformer.create({ ...SMALL, ...draw.pick(CONFIGS[backend.name]) }, { backend, seed: draw.integer(0, 99) }),
  );
};

/** The model most used, made if there is none. */
async function modelOf(host: Host, draw: Draw): Promise<Transformer> {
  if (host.models.length === 0) await create(host, draw);
  return draw.pick(host.models);
}

function prompt(draw: Draw): number[] {
  return Array.from({ length: draw.integer(1, 12) }, () => draw.integer(0, 49));
}

function settings(draw: Draw) {
  const cacheDtype = draw.pick(["f32", "f16", "q8_0"] as const);
  return {
    maxNewTokens: draw.integer(1, 8),
    temperature: draw.pick([0, 1]),
    topK: 20,
    seed: draw.integer(0, 99),
    cacheDtype,
  };
}

const STEPS: Readonly<Record<string, Step>> = {
  create,
  async generate(host, draw) {
    const model = await modelOf(host, draw);
    await Array.fromAsync(model.generate(prompt(draw), settings(draw)));
  },
  async generateBatch(host, draw) {
    const model = await modelOf(host, draw);
    await model.generateBatch([prompt(draw), prompt(draw)], settings(draw));
  },
  async session(host, draw) {
    const session = (await modelOf(host, draw)).session();
    host.sessions.push(session);
    await session.append(prompt(draw));
    await Array.fromAsync(session.generate({ maxNewTokens: 3, temperature: 0 }));
  },
  async leave(host, draw) {
    for await (const _ of (await modelOf(host, draw)).generate(prompt(draw), settings(draw))) break;
  },
  async abort(host, draw) {
    const controller = new AbortController();
    const options = { ...settings(draw), signal: controller.signal };
    for await (const _ of (await modelOf(host, draw)).generate(prompt(draw), options)) controller.abort();
  },
  async disposeInTheMiddle(host, draw) {
    const model = await modelOf(host, draw);
    const tokens = model.generate(prompt(draw), { ...settings(draw), maxNewTokens: 8 });
    await tokens.next();
    host.models.splice(host.models.indexOf(model), 1);
    model.dispose();
    await tokens.next();
  },
  async wrongPrompt(host, draw) {
    const wrong = draw.pick([[], [50], [-1], [1.5]]);
    await Array.fromAsync((await modelOf(host, draw)).generate(wrong, settings(draw)));
  },
  /** A model with one parameter that is NaN. */
  async notANumber(host, draw) {
    const { backend } = host;
    const model = await Transformer.create({ ...SMALL, ...draw.pick(CONFIGS[backend.name]) }, {
      backend,
      seed: draw.integer(0, 99),
    });
    try {
      const { shape, ...parameter } = parameterOf(model, draw);
      const width = shape.at(-1) ?? 1;
      backend.writeRows(parameter.tensor, 0, new Float32Array(width).fill(draw.pick([NaN, Infinity, 3e38])));
      await Array.fromAsync(model.generate(prompt(draw), settings(draw)));
    } finally {
      model.dispose();
    }
  },
  async operation({ backend }, draw) {
    const call = drawCall(draw);
    const taken = new Taken();
    try {
      const placed = call.args.map((argument) => place(backend, argument, (tensor) => taken.add(tensor)));
      // Half of these calls lack an argument.
      backend.scope(() => void invoke(backend, call.op, draw.once(2) ? placed.slice(1) : placed));
      await taken.add(backend.tensor(new Float32Array(1), [1])).data();
    } finally {
      taken.dispose();
    }
  },
  failingScope({ backend }) {
    backend.scope(() => {
      backend.tensor(new Float32Array(64).fill(NaN), [64]);
      throw new Error("a mistake of the caller's");
    });
    return Promise.resolve();
  },
  poison: ({ backend }) => poison(backend),
};

function parameterOf(model: Transformer, draw: Draw) {
  const [, tensor] = draw.pick([...model.stateDict()]);
  return { tensor, shape: tensor.shape };
}

/** The results of a fresh model: logits, greedy and drawn tokens. */
async function compute(backend: Backend, name: string) {
  const model = await Transformer.create({ ...SMALL, ...cached[name] }, { backend, seed: 7 });
  const logits = model.forward([[5, 6, 7, 8, 9, 10, 11], [1, 2, 3, 4, 49, 0, 3]]);
  try {
    return {
      logits: await logits.data(),
      greedy: await Array.fromAsync(model.generate([1, 2, 3], { maxNewTokens: 12, temperature: 0 })),
      drawn: await Array.fromAsync(model.generate([4, 5], { maxNewTokens: 6, seed: 3, cacheDtype: "q8_0" })),
    };
  } finally {
    logits.dispose();
    model.dispose();
  }
}

forEachEngine((engine, createEngine, isAvailable) => {
  const leftOut = isLeftOut(engine, "slow");
  Deno.test({
    name: `${engine}: a fresh model computes the same whatever its backend has been through${leftOut ? LEFT_OUT : ""}`,
    ignore: leftOut || !isAvailable,
    fn: async () => {
      const fresh = await createEngine();
      const expected = new Map<string, Awaited<ReturnType<typeof compute>>>();
      for (const name of PROBES) expected.set(name, await compute(fresh, name));
      fresh.dispose();
      const backend = await createEngine();
      await fuzz(engine === "wasm" ? 20 : 3, async (draw) => {
        const host: Host = { backend, models: [], sessions: [] };
        const history: string[] = [];
        for (let i = draw.integer(3, 20); i > 0; i--) {
          const step = draw.pick(Object.keys(STEPS));
          history.push(step);
          try {
            await STEPS[step]?.(host, draw);
          } catch (error) {
            history.push(`(${error instanceof Error ? error.name : error})`);
          }
        }
        const probe = draw.pick(PROBES);
        assertEquals(await compute(backend, probe), expected.get(probe), `${probe} after ${history.join(", ")}`);
        for (const each of [...host.sessions, ...host.models]) each.dispose();
        assertEquals(backend.memory().tensors, 0, `memory is left after ${history.join(", ")}`);
      });
      backend.dispose();
    },
  });
});
