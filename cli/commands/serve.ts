/**
 * `andromeda serve`: a model over HTTP, by OpenAI's interface.
 *
 * @module
 */

import type { WeightFormat } from "../../mod.ts";
import { defineCommand } from "../command.ts";
import { fallingBack, optional, type Values } from "../flags/flag.ts";
import { list, text, wholeNumber } from "../flags/readers.ts";
import { cacheDtype, engine, model, WEIGHT_FORMATS } from "../flags/shared.ts";
import { listen, type Listening } from "../http/listen.ts";
import { library, serving } from "../library.ts";
import { openLanguageModel, openTokenizer, placeOf, withBar, withEngine } from "../support/open.ts";
import { print, printNote } from "../terminal/output.ts";

/** Milliseconds that texts in flight may take to their end, once the server is asked to stop. */
const PATIENCE = 10_000;

/** Milliseconds that connections may take to close, once their texts were ended. */
const CUT_PATIENCE = 1000;

/** Bytes of weights up to which the engine has a thread of its own, whose one memory holds keys and values too. */
const MOST_IN_WORKER = 2 ** 31;

/** Hosts that no other machine reaches. */
const LOOPBACK = ["127.0.0.1", "localhost", "::1"];

const flags = {
  model,
  modelName: optional("<name>", "what requests call the model; default: the last part of --model", text),
  host: fallingBack("<host>", "the address that it listens at; 0.0.0.0 is all of them", text, "127.0.0.1"),
  port: fallingBack("<n>", "the port; 0 takes a free one", wholeNumber(0, 65_535), 8080),
  apiKey: optional("<key>", "a key that requests must send", text, "ANDROMEDA_API_KEY"),
  cors: optional("<origins>", "origins whose pages may send requests, with commas between, or *", list),
  maxConcurrent: optional("<n>", "most texts that are continued at the same time; default 8", wholeNumber(1)),
  maxQueue: optional("<n>", "most texts that wait for their turn; default 64", wholeNumber(0)),
  maxPromptTokens: optional("<n>", "most tokens of a prompt; default: what the context leaves", wholeNumber(1)),
  maxTokens: optional("<n>", "most new tokens of a text; default: what the context leaves", wholeNumber(1)),
  contextLength: optional(
    "<n>",
    "most tokens of a text with its prompt; default: what the model takes",
    wholeNumber(2),
  ),
  cacheDtype,
  ...engine,
};

/** The command. */
export const serve = defineCommand({
  name: "serve",
  summary: "Serve a model over HTTP, by OpenAI's interface",
  details: "Ctrl-C stops it: texts in flight have 10 seconds to end; a second one ends it at once.",
  examples: [
    "--model ./mine",
    "org/name --dtype q4_0 --port 3000 --max-concurrent 16",
    "./mine --host 0.0.0.0 --api-key secret --cors https://example.com",
  ],
  flags,
  bare: "model",
  run: async (values, { signal }) => {
    const place = placeOf(values.model);
    const inWorker = await heldBytes(place, values.dtype, signal) <= MOST_IN_WORKER;
    return await withEngine({ ...values, inWorker }, async (backend) => {
      const model = await openLanguageModel(place, { backend, dtype: values.dtype, signal });
      const tokenizer = await openTokenizer(place, signal);
      const { createHandler } = await serving();
      const handler = createHandler(model, tokenizer, handlerOptions(values, place));
      try {
        const server = await open(handler, values);
        await print(`${model.modelType} on ${backend.info.description}, at ${server.url}/v1\n`);
        await aborted(signal);
        await stop(server, handler);
        return 0;
      } finally {
        handler.dispose();
        model.dispose();
      }
    });
  },
});

function handlerOptions(values: Values<typeof flags>, place: string) {
  const { apiKey, cors, maxConcurrent, maxQueue, maxPromptTokens, maxTokens, contextLength, cacheDtype } = values;
  return {
    modelName: values.modelName ?? nameOf(place),
    apiKey,
    cors: cors?.includes("*") ? "*" as const : cors,
    ...{ maxConcurrent, maxQueue, maxPromptTokens, maxTokens, contextLength, cacheDtype },
  };
}

/** The last part of a path, a URL or a name on the hub, without a revision. */
function nameOf(place: string): string {
  return place.replace(/[\\/]+$/, "").replace(/^.*[\\/]/, "").replace(/@.*$/, "") || "andromeda";
}

/** About the bytes that a model's weights take in memory. */
async function heldBytes(place: string, dtype: WeightFormat | undefined, signal: AbortSignal): Promise<number> {
  const { inspectCheckpoint } = await library();
  const { tensors } = await withBar((onProgress) => inspectCheckpoint(place, { signal, onProgress }));
  const bytesOf: Readonly<Record<string, number>> = WEIGHT_FORMATS;
  return [...tensors.values()].reduce((sum, { shape, format }) => {
    const size = shape.reduce((product, length) => product * length, 1);
    return sum + size * (bytesOf[dtype ?? format] ?? WEIGHT_FORMATS.f32);
  }, 0);
}

/** @throws {Error} If nothing can listen there. */
async function open(
  handler: (request: Request) => Promise<Response>,
  { host, port, apiKey }: Values<typeof flags>,
): Promise<Listening> {
  if (!LOOPBACK.includes(host) && apiKey === undefined) {
    await printNote("note: whoever reaches this machine can use the model; --api-key asks for a key");
  }
  try {
    return await listen(handler, host, port);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`Cannot listen at ${host}, port ${port}: ${reason}; give another --port or --host`);
  }
}

/** Stops a server: what is in flight may go on for a while, and is ended then. */
async function stop(server: Listening, handler: { dispose(): void }): Promise<void> {
  const finished = server.finish();
  if (await isDone(finished, PATIENCE)) return;
  handler.dispose();
  if (await isDone(finished, CUT_PATIENCE)) return;
  await server.cut();
}

/** Whether something is done within some milliseconds. */
async function isDone(work: Promise<void>, milliseconds: number): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const timeout = new Promise<false>((resolve) => timer = setTimeout(() => resolve(false), milliseconds));
  try {
    return await Promise.race([work.then(() => true), timeout]);
  } finally {
    clearTimeout(timer);
  }
}

/** Waits until a signal is aborted. */
async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
}
