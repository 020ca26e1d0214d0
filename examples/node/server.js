/** Serves a model by OpenAI's interface: POST /v1/completions */

import { AndromedaTokenizer, createBackend, loadLanguageModel } from "@andromeda/runtime";
import { createHandler } from "@andromeda/runtime/serve";
import { serve } from "srvx";

/** Where the model is: a folder, a URL, or "org/name" on the Hugging Face Hub. */
const source = process.env.MODEL ?? "model";

// In a worker the engine leaves this thread free for requests.
const backend = await createBackend("wasm", { inWorker: true });
const tokenizer = await AndromedaTokenizer.load(source);
const model = await loadLanguageModel(source, { backend });
const handler = createHandler(model, tokenizer, { apiKey: process.env.API_KEY });

const server = serve({ fetch: handler, port: Number(process.env.PORT ?? 8000), silent: true });
await server.ready();
console.log(`http://localhost:${new URL(server.url).port}/v1`);
