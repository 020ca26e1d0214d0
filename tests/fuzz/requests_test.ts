/**
 * Requests that were changed a little, alone and together, some of whose clients leave: each is answered or refused as
 * the interface says, none as a fault of the server, and none changes what another one gets.
 */

import { assert, assertEquals } from "@std/assert";
import type { Draw } from "../../engine/self_test/call.ts";
import { createHandler } from "../../serve/mod.ts";
import { AndromedaTokenizer, createBackend, Transformer } from "../../mod.ts";
import { mutateJsonFile } from "./mutations.ts";
import { fuzz } from "./run.ts";

const REQUESTS: readonly unknown[] = [
  { model: "andromeda", prompt: "ROMEO:", max_tokens: 4, temperature: 0 },
  { prompt: ["To be", "or not"], n: 2, max_tokens: 3, temperature: 1, seed: 3, stop: [".", "\n"] },
  { prompt: [1, 2, 3], max_tokens: 5, logprobs: 2, echo: true, top_p: 0.9, top_k: 5, min_p: 0.1 },
  { prompt: [[4, 5], [6]], stream: true, stream_options: { include_usage: true }, logit_bias: { "5": -100 } },
  { prompt: "a", best_of: 2, presence_penalty: 0.5, frequency_penalty: -0.5, repetition_penalty: 1.1, max_tokens: 2 },
];

/** Statuses that say what is wrong with a request, or that the server is busy. */
const REFUSALS = [400, 404, 405, 413, 415, 422, 429, 503];

const URL_OF_COMPLETIONS = "http://localhost/v1/completions";

/** Milliseconds that a request may take. */
const REQUEST_TIME = 30_000;

function requestOf(draw: Draw, signal: AbortSignal): Request {
  const body = mutateJsonFile(draw, draw.pick(REQUESTS));
  const type = draw.once(10) ? draw.pick(["text/plain", "", "application/json; charset=utf-16"]) : "application/json";
  const path = draw.once(20)
    ? draw.pick(["/", "/v1/completions/", "/v1/models/%00", "/v1/models/%E0%A4%A"])
    : "/v1/completions";
  return new Request(new URL(path, URL_OF_COMPLETIONS), {
    method: "POST",
    headers: { "content-type": type },
    body,
    signal,
  });
}

/** Reads an answer to its end, or leaves it. */
async function read(response: Response, leaves: boolean): Promise<void> {
  if (leaves) return await response.body?.cancel();
  const text = await response.text();
  if (response.status === 200) return;
  assert(REFUSALS.includes(response.status), `status ${response.status}: ${text.slice(0, 500)}`);
  const { error } = JSON.parse(text);
  assert(/^Cannot .{15}/.test(error.message), text.slice(0, 500));
}

Deno.test("a changed request is answered or refused by name, and takes nothing from others", async () => {
  const backend = await createBackend("wasm");
  const config = { numTokens: 1024, maxSeqLen: 32, dim: 32, depth: 1, heads: 1, dimHead: 16, rotaryPosEmb: true };
  const model = await Transformer.create(config, { backend, seed: 1 });
  const tokenizer = await AndromedaTokenizer.load("examples/shakespeare");
  const handler = createHandler(model, tokenizer, { maxConcurrent: 3 });
  const right = () =>
    handler(
      new Request(URL_OF_COMPLETIONS, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ prompt: "ROMEO:", max_tokens: 6, temperature: 0 }),
      }),
    ).then(async (response) => (await response.json()).choices[0].text);
  const expected = await right();
  const { bytesInUse, tensors } = backend.memory();
  await fuzz(30, async (draw) => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`it has not ended after ${REQUEST_TIME} ms`)), REQUEST_TIME);
    });
    const clients = Array.from({ length: draw.integer(1, 4) }, async () => {
      const client = new AbortController();
      const answering = handler(requestOf(draw, client.signal));
      const isGone = draw.once(6);
      if (isGone) client.abort();
      await read(await answering, isGone || draw.once(6));
    });
    try {
      const [found] = await Promise.race([late, Promise.all([right(), ...clients])]);
      assertEquals(found, expected);
    } finally {
      clearTimeout(timer);
    }
  });
  const after = backend.memory();
  assertEquals([after.bytesInUse, after.tensors], [bytesInUse, tensors]);
  handler.dispose();
  model.dispose();
  backend.dispose();
});
