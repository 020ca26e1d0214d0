/** Serves a model by OpenAI's interface: POST /v1/completions */

import { AndromedaTokenizer, bindingFetch, createBackend, loadLanguageModel } from "@andromeda/runtime";
import kernels from "@andromeda/runtime/relaxed-simd.wasm";
import { createHandler } from "@andromeda/runtime/serve";

/** The handler, which requests to one instance share. */
let loaded;

async function load(env) {
  // The binding of wrangler.jsonc gives the files, under any host name: static assets, R2 or KV.
  const source = "https://model/";
  const fetch = bindingFetch(env.MODEL);
  const backend = await createBackend("wasm", { wasm: kernels, threads: 1 });
  const tokenizer = await AndromedaTokenizer.load(source, { fetch });
  const model = await loadLanguageModel(source, { backend, fetch, dtype: "q8_0" });
  return createHandler(model, tokenizer, { apiKey: env.API_KEY });
}

export default {
  async fetch(request, env, context) {
    loaded ??= load(env).catch((error) => {
      loaded = undefined;
      throw error;
    });
    // Others wait for this model too, so loading goes on if this client leaves.
    context.waitUntil(loaded);
    const handler = await loaded;
    // Texts of several requests share steps, which go on whoever leaves.
    return await handler(request, context);
  },
};
