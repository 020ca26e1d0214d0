/** Streams text: GET /?prompt=ROMEO:&tokens=200 */

import { AndromedaTokenizer, createBackend, loadLanguageModel } from "@andromeda/runtime";
import kernels from "@andromeda/runtime/relaxed-simd.wasm";

/** The model, which requests to one instance share. */
let loaded;

async function load(env) {
  // The folder `model` is served by a binding, under any host name.
  const source = "https://model/";
  const fetch = (url, init) => env.MODEL.fetch(url, init);
  const backend = await createBackend("wasm", { wasm: kernels, threads: 1 });
  const tokenizer = await AndromedaTokenizer.load(source, { fetch });
  const model = await loadLanguageModel(source, { backend, fetch, dtype: "q8_0" });
  return { model, tokenizer };
}

export default {
  async fetch(request, env, context) {
    const { searchParams } = new URL(request.url);
    loaded ??= load(env).catch((error) => {
      loaded = undefined;
      throw error;
    });
    // Others wait for this model too, so loading goes on if this client leaves.
    context.waitUntil(loaded);
    const { model, tokenizer } = await loaded;
    const tokens = model.generate(tokenizer.encode(searchParams.get("prompt") ?? "ROMEO:"), {
      maxNewTokens: Math.min(Number(searchParams.get("tokens") ?? 200), 1000),
      temperature: Number(searchParams.get("temperature") ?? 0.8),
      signal: request.signal,
    });
    const text = ReadableStream.from(tokenizer.decodeStream(tokens)).pipeThrough(new TextEncoderStream());
    // Compression would hold the text back until there is much of it.
    const headers = { "content-type": "text/plain; charset=utf-8", "content-encoding": "identity" };
    return new Response(text, { headers });
  },
};
