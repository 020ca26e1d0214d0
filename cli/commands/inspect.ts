/**
 * `andromeda inspect`: what a model is, and what memory it takes.
 *
 * @module
 */

import type { AnyModel, CacheFormat, CheckpointContents } from "../../mod.ts";
import { defineCommand } from "../command.ts";
import { fallingBack } from "../flags/flag.ts";
import { keyOf } from "../flags/readers.ts";
import { cacheDtype, engine, json, model } from "../flags/shared.ts";
import { library } from "../library.ts";
import { type EngineOutcome, onEngines } from "../support/engines.ts";
import { openAnyModel, placeOf, withBar } from "../support/open.ts";
import { showBytes, showTable } from "../support/sizes.ts";
import { print, printJson } from "../terminal/output.ts";

/** The command. */
export const inspect = defineCommand({
  name: "inspect",
  summary: "Show a model's configuration, tensors, parameters and memory",
  details:
    "The model is loaded on each engine that starts here, to measure its memory; --backend none reads headers alone.",
  examples: ["./mine", "org/name --dtype q4_0", "./mine --backend none --json"],
  flags: {
    model,
    backend: fallingBack(
      "<engine>",
      "engines whose memory is measured",
      keyOf({ wasm: true, webgpu: true, all: true, none: true }),
      "all",
    ),
    threads: engine.threads,
    dtype: engine.dtype,
    cacheDtype,
    json,
  },
  bare: "model",
  run: async ({ model, backend: names, threads, dtype, cacheDtype, json }, { signal }) => {
    const place = placeOf(model);
    const { inspectCheckpoint } = await library();
    const contents = await withBar((onProgress) => inspectCheckpoint(place, { signal, onProgress }));
    const memory = names === "none" ? [] : await onEngines(names, threads, async (backend) => {
      const model = await openAnyModel(place, { backend, dtype, signal });
      try {
        return await measure(model, cacheDtype);
      } finally {
        model.dispose();
      }
    });
    const report = { model: place, ...summarize(contents, memory) };
    await (json ? printJson(report) : print(showReport(report)));
    return 0;
  },
});

/** What a model is and takes on an engine. */
interface MemoryReport {
  /** Learned values. */
  readonly parameters: number;
  /** Bytes of its parameters. */
  readonly weights: number;
  /** Keys and values of one text; null for a model that continues none. */
  readonly cache: {
    readonly dtype: CacheFormat;
    readonly bytesPerToken: number;
    /** The most tokens that a text can have. */
    readonly tokens: number;
    /** Bytes of so many tokens. */
    readonly bytes: number;
  } | null;
}

/** Tokens of the cache that is made to measure what one takes. */
const MEASURED_TOKENS = 256;

async function measure(model: AnyModel, dtype: CacheFormat): Promise<MemoryReport> {
  const { GenerativeModel } = await library();
  const { backend, parameterCount: parameters } = model;
  const weights = backend.memory().bytesInUse;
  if (!(model instanceof GenerativeModel) || !Number.isFinite(model.net.maxSeqLen)) {
    return { parameters, weights, cache: null };
  }
  const tokens = model.net.maxSeqLen;
  const measured = Math.min(tokens, MEASURED_TOKENS);
  const cache = model.createCache(1, measured, dtype);
  const bytesPerToken = Math.round((backend.memory().bytesInUse - weights) / measured);
  cache.dispose();
  return { parameters, weights, cache: { dtype, bytesPerToken, tokens, bytes: bytesPerToken * tokens } };
}

/** What is printed, as JSON. */
interface Report {
  /** Where the model is. */
  readonly model: string;
  readonly type: unknown;
  /** Learned values; of a model that was not loaded, the values in its file. */
  readonly parameters: number;
  readonly bytes: number;
  readonly config: Readonly<Record<string, unknown>>;
  readonly metadata: Readonly<Record<string, string>>;
  readonly tensors: readonly {
    readonly name: string;
    readonly shape: readonly number[];
    readonly dtype: string;
    readonly bytes: number;
  }[];
  readonly memory: readonly EngineOutcome<MemoryReport>[];
}

function summarize(
  { config, tensors, metadata, byteLength }: CheckpointContents,
  memory: Report["memory"],
): Omit<Report, "model"> {
  const listed = [...tensors].map(([name, { shape, format, byteLength: bytes }]) => ({
    ...{ name, shape, dtype: format, bytes },
  }));
  const sizes = listed.map(({ shape }) => shape.reduce((product, size) => product * size, 1));
  const values = sizes.reduce((sum, size) => sum + size, 0);
  const [{ parameters } = { parameters: values }] = memory.filter((outcome) => "parameters" in outcome);
  return {
    type: config["model_type"] ?? config["modelType"] ?? null,
    parameters,
    bytes: byteLength,
    config,
    metadata,
    tensors: listed,
    memory,
  };
}

function showReport({ model, type, parameters, bytes, config, tensors, memory }: Report): string {
  const sections = [
    `${model}: ${type}, ${(parameters / 1e6).toFixed(2)} million parameters, ${showBytes(bytes)}\n`,
    "Configuration\n" + showTable(Object.entries(config).map(([name, value]) => [name, JSON.stringify(value)])),
    `Tensors, ${tensors.length}\n` + showTable(tensors.map(({ name, shape, dtype, bytes }) => [
      ...[name, dtype, shape.join(" × "), showBytes(bytes)],
    ])),
  ];
  if (memory.length > 0) sections.push("Memory\n" + memory.map(showMemory).join(""));
  return sections.join("\n");
}

function showMemory(outcome: EngineOutcome<MemoryReport>): string {
  if ("unavailable" in outcome) return `  ${outcome.backend}: ${outcome.unavailable}\n`;
  const { description, weights, cache } = outcome;
  const texts = cache === null
    ? ""
    : `; keys and values of a text of ${cache.tokens} tokens ${showBytes(cache.bytes)} in ${cache.dtype}`;
  return `  ${description}: weights ${showBytes(weights)}${texts}\n`;
}
