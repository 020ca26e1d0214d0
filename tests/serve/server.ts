/**
 * Handlers behind a real server on loopback, and the client that people use.
 *
 * @module
 */

import OpenAI from "openai";
import type { Backend } from "../../backend/backend.ts";
import { createBackend } from "../../create_backend.ts";
import { Andromeda, AndromedaTokenizer } from "../../mod.ts";
import { createHandler, type Handler, type HandlerOptions } from "../../serve/mod.ts";
import { ROOT } from "../support/deno.ts";

export const DEMO = new URL("examples/shakespeare", ROOT);

/** What a test is given. */
export interface Served {
  readonly url: string;
  readonly client: OpenAI;
  readonly handler: Handler;
  readonly model: Andromeda;
  readonly tokenizer: AndromedaTokenizer;
  readonly backend: Backend;
}

/** Serves the demo's model while a test runs, and frees everything. */
export async function withServer(
  options: HandlerOptions,
  run: (served: Served) => Promise<void>,
  clientOptions: { readonly apiKey?: string } = {},
): Promise<void> {
  const backend = await createBackend("wasm");
  const model = await Andromeda.load(DEMO, { backend, dtype: "f32" });
  const tokenizer = await AndromedaTokenizer.load(DEMO);
  const handler = createHandler(model, tokenizer, { modelName: "shakespeare", ...options });
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, handler);
  const url = `http://127.0.0.1:${server.addr.port}`;
  const client = new OpenAI({
    baseURL: `${url}/v1`,
    apiKey: clientOptions.apiKey ?? "none",
    maxRetries: 0,
    timeout: 30_000,
  });
  try {
    await run({ url, client, handler, model, tokenizer, backend });
  } finally {
    handler.dispose();
    await server.shutdown();
    model.dispose();
    backend.dispose();
  }
}

/** The text that a model gives for a prompt by itself, when greedy. */
export async function aloneText(
  { model, tokenizer }: Served,
  prompt: string,
  maxNewTokens: number,
): Promise<string> {
  const ids = tokenizer.encode(prompt);
  const tokens = await Array.fromAsync(model.generate(ids, { maxNewTokens, temperature: 0 }));
  return tokenizer.decode([...ids, ...tokens]).slice(tokenizer.decode(ids).length);
}

/** Sends a body as it is. */
export async function post(url: string, body: unknown, init: RequestInit = {}): Promise<Response> {
  return await fetch(`${url}/v1/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: typeof body === "string" ? body : JSON.stringify(body),
    ...init,
  });
}
