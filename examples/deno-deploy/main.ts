/** Serves a model by OpenAI's interface: POST /v1/completions */

import { AndromedaTokenizer, createBackend, loadLanguageModel } from "@andromeda/runtime";
import { createHandler } from "@andromeda/runtime/serve";

/** Where the model is: a URL, or "org/name" on the Hugging Face Hub. */
const source = Deno.env.get("MODEL") ?? "";

// One model for all requests, loaded before the first.
const backend = await createBackend("wasm", { threads: 1 });
const tokenizer = await AndromedaTokenizer.load(source);
const model = await loadLanguageModel(source, { backend });

export default { fetch: createHandler(model, tokenizer) };
