/**
 * The engines that are compared, and the aims of this repository.
 *
 * @module
 */

import type { WeightFormat } from "../../backend/memory.ts";
import { WEIGHT_FORMATS } from "../../formats/formats.ts";
import type { Settings, Task } from "./engine.ts";
import type { Host } from "./hosts.ts";
import { NATIVE, type Native } from "./install.ts";

/** All engines: their files in `engines/`. */
export const ENGINES = ["andromeda", "onnxruntime", "tfjs", "jax", "wllama", ...NATIVE] as const;

/** An engine in a host, as it takes part. */
export interface Contender {
  readonly engine: typeof ENGINES[number];
  readonly host: Host;
  readonly format: WeightFormat;
  readonly threads: number;
}

/** Contenders that run in turns. */
export interface Group {
  readonly name: string;
  readonly what: Settings["what"];
  readonly contenders: readonly Contender[];
}

/** How many times as fast as a peer, or as its own f32 on one thread, this repository means to be. */
export interface Aim {
  readonly task: Task;
  readonly format: WeightFormat;
  readonly threads: number;
  readonly than: Contender["engine"];
  readonly times: number;
}

/** How many times as fast as native llama.cpp text is written. */
const OF_NATIVE_DECODE = { f32: 0.9, f16: 1, q8_0: 1, q4_0: 0.9 } as const;
/** How many times as fast as native llama.cpp prompts are read: WebAssembly has a quarter of AVX-512's width. */
const OF_NATIVE_PREFILL = 0.7;

/** The aims: f32 decode is bound by memory, which allows about 1.5. */
export const AIMS: readonly Aim[] = [
  ...[1, 2].flatMap((threads) =>
    WEIGHT_FORMATS.flatMap((format): Aim[] => [
      { task: "decode", format, threads, than: "node_llama_cpp", times: OF_NATIVE_DECODE[format] },
      { task: "prefill, last logits", format, threads, than: "node_llama_cpp", times: OF_NATIVE_PREFILL },
    ])
  ),
  { task: "prefill, all logits", format: "f32", threads: 1, than: "onnxruntime", times: 1.5 },
  { task: "prefill, last logits", format: "f32", threads: 1, than: "onnxruntime", times: 1.5 },
  { task: "decode", format: "f32", threads: 1, than: "onnxruntime", times: 1.3 },
  { task: "decode", format: "q8_0", threads: 1, than: "wllama", times: 3 },
  { task: "prefill, all logits", format: "f32", threads: 2, than: "onnxruntime", times: 1.5 },
  { task: "prefill, last logits", format: "f32", threads: 2, than: "onnxruntime", times: 1.5 },
  { task: "decode", format: "q8_0", threads: 2, than: "andromeda", times: 2.5 },
  { task: "decode", format: "q8_0", threads: 2, than: "wllama", times: 3 },
];

const native = (engine: Native, format: WeightFormat, threads: number): Contender => ({
  engine,
  host: "node",
  format,
  threads,
});

/** The contender that others are compared with across groups. */
const ANCHOR: Contender = { engine: "andromeda", host: "deno", format: "f32", threads: 1 };

const ours = (host: Host, format: WeightFormat, threads: number): Contender => ({
  engine: "andromeda",
  host,
  format,
  threads,
});

/** onnxruntime-web runs in Node: in Deno it finds no threads. */
function f32Group(threads: number): Group {
  const contenders: Contender[] = [
    ...(threads === 1 ? [] : [ANCHOR]),
    ours("deno", "f32", threads),
    ours("node", "f32", threads),
    { engine: "onnxruntime", host: "node", format: "f32", threads },
    native("onnxruntime_node", "f32", threads),
    native("node_llama_cpp", "f32", threads),
  ];
  return { name: `f32, threads: ${threads}`, what: "model", contenders };
}

/** wllama runs in a page: it is made for no other host. */
function ggmlGroup(format: WeightFormat, threads: number): Group {
  const contenders: Contender[] = [
    ANCHOR,
    ours("deno", format, threads),
    ours("node", format, threads),
    ours("chromium", format, threads),
    { engine: "wllama", host: "chromium", format, threads },
    native("node_llama_cpp", format, threads),
  ];
  return { name: `${format}, threads: ${threads}`, what: "model", contenders };
}

/** jax-js takes all cores in Deno and one in Node; TensorFlow.js one in Node. */
function linearGroup(threads: number): Group {
  const contenders: Contender[] = [
    ours("deno", "f32", threads),
    ours("node", "f32", threads),
    { engine: "onnxruntime", host: "node", format: "f32", threads },
    native("onnxruntime_node", "f32", threads),
    { engine: "jax", host: threads === 1 ? "node" : "deno", format: "f32", threads },
  ];
  if (threads === 1) contenders.push({ engine: "tfjs", host: "node", format: "f32", threads });
  return { name: `products, threads: ${threads}`, what: "linear", contenders };
}

/** All groups. */
export const GROUPS: readonly Group[] = [1, 2].flatMap((threads) => [
  linearGroup(threads),
  f32Group(threads),
  ...WEIGHT_FORMATS.filter((format) => format !== "f32").map((format) => ggmlGroup(format, threads)),
]);
