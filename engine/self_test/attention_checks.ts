/**
 * Checks of attention in its many forms, and of its cache.
 *
 * @module
 */

import type { CacheFormat } from "../../backend/memory.ts";
import { CACHE_FORMATS } from "../../formats/formats.ts";
import {
  appendCache,
  attention,
  type AttentionCase,
  attentionScores,
  attentionValues,
} from "../reference/attention.ts";
import { type HostValues, RandomValues } from "../reference/random_values.ts";
import { stored } from "../reference/stored.ts";
import { type Values, zeros } from "../reference/values.ts";
import type { Bench, Check } from "./check.ts";

/** What one form of attention works with. */
interface Form {
  readonly name: string;
  readonly heads: number;
  readonly kvHeads: number;
  readonly dim: number;
  readonly queries: number;
  readonly keys: number;
  readonly causal?: boolean;
  /** A cache of this format, and the position of the first query: what comes after its capacity has wrapped around. */
  readonly cache?: CacheFormat;
  readonly position?: number;
  readonly with?: readonly ("slopes" | "mask" | "memory" | "decay")[];
}

const SMALL = { heads: 4, kvHeads: 2, dim: 16 };
const WIDE = { heads: 2, kvHeads: 1, causal: true };

const FORMS: readonly Omit<Form, "queries">[] = [
  { ...SMALL, name: "every key", keys: 50 },
  { ...SMALL, name: "causal, ALiBi", keys: 50, causal: true, with: ["slopes"] },
  { ...SMALL, heads: 16, name: "8 heads a key head, ALiBi", keys: 50, causal: true, with: ["slopes"] },
  { ...SMALL, name: "mask, learned keys", keys: 50, with: ["mask", "memory"] },
  { ...SMALL, name: "xPos", keys: 600, causal: true, with: ["decay"] },
  { ...SMALL, name: "f32 cache", keys: 40, causal: true, cache: "f32", position: 15 },
  { ...SMALL, name: "f16 cache that wrapped around", keys: 40, causal: true, cache: "f16", position: 95 },
  { ...SMALL, dim: 64, name: "q8_0 cache", keys: 40, causal: true, cache: "q8_0", position: 15 },
  { ...WIDE, dim: 30, name: "heads of 30", keys: 50 },
  { ...WIDE, dim: 128, name: "3,000 keys of 128", keys: 3000 },
  { ...WIDE, dim: 32, name: "9,000 keys of 32", keys: 9000 },
  { ...WIDE, dim: 1024, name: "heads of 1,024", keys: 200 },
];

/** Few queries and many, which have kernels of their own. */
const ALL_FORMS: readonly Form[] = [4, 21].flatMap((queries) => FORMS.map((form) => ({ ...form, queries })));

/** Checks of `attention`, its two halves and `appendCache`. */
export function attentionChecks(): Check[] {
  return [
    ...FORMS.slice(0, 2).map((form) => attentionCheck({ ...form, queries: 1 })),
    ...ALL_FORMS.map(attentionCheck),
    ...FORMS.filter((form) => form.with || form.cache === "q8_0").flatMap((form) =>
      halfChecks({ ...form, queries: 6 })
    ),
    ...CACHE_FORMATS.flatMap((format) => [appendCheck(format), clonedCheck(format)]),
  ];
}

/** Values of a form, and options for the oracle. */
interface Inputs {
  readonly q: HostValues;
  readonly k: HostValues;
  readonly v: HostValues;
  readonly options: AttentionCase & { readonly [name in (typeof TENSORS)[number]]?: HostValues | undefined };
}

/** Options that are tensors. */
const TENSORS = ["positions", "slopes", "mask", "memoryKeys", "memoryValues", "decay"] as const;

function inputsOf(form: Form): Inputs {
  const { heads, kvHeads, dim, queries, keys, causal = false, position } = form;
  const random = new RandomValues(queries * dim + keys);
  const has = (what: "slopes" | "mask" | "memory" | "decay") => form.with?.includes(what) ?? false;
  const shape = form.cache ? [1, kvHeads, keys, dim] : [1, keys, kvHeads * dim];
  const memory = () => has("memory") ? random.normal([kvHeads, 3, dim]) : undefined;
  return {
    q: random.normal([1, queries, heads * dim]),
    k: random.normal(shape),
    v: random.normal(shape),
    options: {
      heads,
      kvHeads,
      scale: dim ** -0.5,
      causal,
      positions: position === undefined ? undefined : { shape: [1], data: Int32Array.of(position) },
      slopes: has("slopes")
        ? { shape: [heads], data: Float32Array.from({ length: heads }, (_, h) => h / 8) }
        : undefined,
      mask: has("mask") ? random.integers([1, keys], 0, 1) : undefined,
      memoryKeys: memory(),
      memoryValues: memory(),
      decay: has("decay")
        ? { shape: [dim], data: Float32Array.from({ length: dim }, () => 0.5 + random.next() / 2) }
        : undefined,
    },
  };
}

/** A form's options as tensors. */
function optionsOn(bench: Bench, { options }: Inputs) {
  const tensors = TENSORS.map((name) => [name, bench.maybe(options[name])]);
  const { heads, kvHeads, scale, causal } = options;
  return { heads, kvHeads, scale, causal, ...Object.fromEntries(tensors) };
}

/** Keys or values as a form keeps them. */
function keptOn(bench: Bench, values: HostValues, format: CacheFormat | undefined) {
  if (!format) return bench.tensor(values);
  const [b = 0, kvHeads = 0, capacity = 0, dim = 0] = values.shape;
  const cache = bench.cache(values.shape, format);
  const rows = zeros([b, capacity, kvHeads * dim]);
  for (let head = 0; head < kvHeads; head++) {
    for (let slot = 0; slot < capacity; slot++) {
      const from = (head * capacity + slot) * dim;
      rows.data.set(Array.from(values.data).slice(from, from + dim), (slot * kvHeads + head) * dim);
    }
  }
  const x = bench.tensor({ shape: rows.shape, data: Float32Array.from(rows.data) });
  bench.backend.appendCache(cache, x, bench.tensor({ shape: [b], data: new Int32Array(b) }));
  return cache;
}

function nameOf(op: string, { name, queries }: Form): string {
  return `${op}, ${queries === 1 ? "1 query" : `${queries} queries`}: ${name}`;
}

function attentionCheck(form: Form): Check {
  return {
    name: nameOf("attention", form),
    tolerance: 2e-5,
    run: (bench) => {
      const inputs = inputsOf(form);
      const [k, v] = [keptOn(bench, inputs.k, form.cache), keptOn(bench, inputs.v, form.cache)];
      return bench.backend.attention(bench.tensor(inputs.q), k, v, optionsOn(bench, inputs));
    },
    expected: () => {
      const { q, k, v, options } = inputsOf(form);
      return attention(q, stored(k, form.cache ?? "f32"), stored(v, form.cache ?? "f32"), options);
    },
  };
}

function halfChecks(form: Form): Check[] {
  const probabilitiesOf = ({ options, v }: Inputs) => {
    const memory = options.memoryValues?.shape[1] ?? 0;
    const columns = v.shape[form.cache ? 2 : 1] ?? 0;
    return new RandomValues(9).normal([1, form.heads, form.queries, memory + columns], 0.1);
  };
  return [{
    name: nameOf("attentionScores", form),
    tolerance: 2e-5,
    run: (bench) => {
      const inputs = inputsOf(form);
      const k = keptOn(bench, inputs.k, form.cache);
      return bench.backend.attentionScores(bench.tensor(inputs.q), k, optionsOn(bench, inputs));
    },
    expected: () => {
      const { q, k, options } = inputsOf(form);
      return attentionScores(q, stored(k, form.cache ?? "f32"), options);
    },
  }, {
    name: nameOf("attentionValues", form),
    tolerance: 2e-5,
    run: (bench) => {
      const inputs = inputsOf(form);
      const v = keptOn(bench, inputs.v, form.cache);
      return bench.backend.attentionValues(bench.tensor(probabilitiesOf(inputs)), v, optionsOn(bench, inputs));
    },
    expected: () => {
      const inputs = inputsOf(form);
      return attentionValues(probabilitiesOf(inputs), stored(inputs.v, form.cache ?? "f32"), inputs.options);
    },
  }];
}

/** What is appended to a cache: at its end and around it, not all of the second row. */
function appended(format: CacheFormat) {
  const random = new RandomValues(6);
  const shape = [2, 2, 5, 32];
  const x = random.normal([2, 3, 64]);
  const positions = { shape: [2], data: Int32Array.of(9, -1) };
  const lengths = { shape: [2], data: Int32Array.of(3, 2) };
  const expected = (): Values => {
    const exact = appendCache(zeros(shape), x, positions, lengths);
    return stored({ shape, data: Float32Array.from(exact.data) }, format);
  };
  return { shape, x, positions, lengths, expected };
}

function appendCheck(format: CacheFormat): Check {
  const { shape, x, positions, lengths, expected } = appended(format);
  return {
    name: `appendCache ${format}`,
    tolerance: 0,
    run: (bench) => {
      const cache = bench.cache(shape, format);
      bench.backend.appendCache(cache, bench.tensor(x), bench.tensor(positions), bench.tensor(lengths));
      return cache;
    },
    expected,
  };
}

function clonedCheck(format: CacheFormat): Check {
  const { expected, ...inputs } = appended(format);
  return {
    name: `clone of a cache, ${format}`,
    tolerance: 0,
    run: (bench) => {
      const { shape, x, positions, lengths } = inputs;
      const cache = bench.cache(shape, format);
      bench.backend.appendCache(cache, bench.tensor(x), bench.tensor(positions), bench.tensor(lengths));
      return bench.backend.clone(cache);
    },
    expected,
  };
}
