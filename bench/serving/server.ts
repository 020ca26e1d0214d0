/**
 * The server that `main.ts` asks: a model of dim 512, depth 8 with fresh values, whose vocabulary is numbered words. It
 * prints its port, and answers GET /turns with the longest turn of its event loop since the last time.
 *
 *     deno run -A bench/serving/server.ts <format> <threads>
 *
 * @module
 */

import { Andromeda, AndromedaTokenizer, createBackend, type WeightFormat } from "../../mod.ts";
import { createHandler } from "../../serve/mod.ts";

/** Tokens of the vocabulary, and of a text at most. */
export const NUM_TOKENS = 32_000;
const MAX_SEQ_LEN = 4096;

/** Milliseconds between two looks at the clock. */
const TICK = 1;

/** A tokenizer of numbered words. */
async function numberedWords(): Promise<AndromedaTokenizer> {
  const vocab = Object.fromEntries(Array.from({ length: NUM_TOKENS }, (_, id) => [`w${id}`, id]));
  const model = { type: "WordLevel", vocab, unk_token: "w0" };
  const tokenizer = { version: "1.0", added_tokens: [], model, pre_tokenizer: { type: "Whitespace" } };
  return await AndromedaTokenizer.load({ tokenizer, config: {} });
}

/** The longest time that the event loop took for a turn. */
class Turns {
  #longest = 0;
  #last = performance.now();

  constructor() {
    setInterval(() => {
      const now = performance.now();
      this.#longest = Math.max(this.#longest, now - this.#last - TICK);
      this.#last = now;
    }, TICK);
  }

  take(): number {
    const longest = this.#longest;
    this.#longest = 0;
    return longest;
  }
}

if (import.meta.main) {
  const [format = "q8_0", threads = "2", place = "worker"] = Deno.args;
  const backend = await createBackend("wasm", { threads: Number(threads), inWorker: place === "worker" });
  const config = {
    numTokens: NUM_TOKENS,
    maxSeqLen: MAX_SEQ_LEN,
    dim: 512,
    depth: 8,
    heads: 8,
    dimHead: 64,
    alibiNumHeads: 4,
  };
  const model = await Andromeda.create(config, { backend, dtype: format as WeightFormat });
  const options = { maxConcurrent: 16, contextLength: 2400, maxQueue: 64 };
  const handler = createHandler(model, await numberedWords(), options);
  const turns = new Turns();
  Deno.serve({
    port: 0,
    hostname: "127.0.0.1",
    onListen: ({ port }) => console.log(port),
  }, (request) => {
    if (new URL(request.url).pathname === "/turns") return Response.json(turns.take());
    return handler(request);
  });
}
