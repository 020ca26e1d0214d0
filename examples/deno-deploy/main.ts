/** Streams text: GET /?prompt=ROMEO:&tokens=200 */

import { AndromedaTokenizer, createBackend, loadLanguageModel } from "@andromeda/runtime";

/** Where the model is: a URL, or "org/name" on the Hugging Face Hub. */
const source = Deno.env.get("MODEL") ?? "";

// One model for all requests, loaded before the first.
const backend = await createBackend("wasm", { threads: 1 });
const tokenizer = await AndromedaTokenizer.load(source);
const model = await loadLanguageModel(source, { backend });

export default {
  fetch(request: Request): Response {
    const { searchParams } = new URL(request.url);
    const tokens = model.generate(tokenizer.encode(searchParams.get("prompt") ?? "ROMEO:"), {
      maxNewTokens: Math.min(Number(searchParams.get("tokens") ?? 200), 1000),
      temperature: Number(searchParams.get("temperature") ?? 0.8),
      signal: request.signal,
    });
    const text = ReadableStream.from(tokenizer.decodeStream(tokens)).pipeThrough(new TextEncoderStream());
    return new Response(text, { headers: { "content-type": "text/plain; charset=utf-8" } });
  },
};
