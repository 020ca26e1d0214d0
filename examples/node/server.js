/** Streams text: GET /?prompt=ROMEO:&tokens=200 */

import { AndromedaTokenizer, createBackend, loadLanguageModel } from "@andromeda/runtime";
import { createServer } from "node:http";
import { pipeline } from "node:stream/promises";

/** Where the model is: a folder, a URL, or "org/name" on the Hugging Face Hub. */
const source = process.env.MODEL ?? "model";

const backend = await createBackend("wasm");
const tokenizer = await AndromedaTokenizer.load(source);
const model = await loadLanguageModel(source, { backend });

const server = createServer(async (request, response) => {
  const { searchParams } = new URL(request.url, "http://localhost");
  const left = new AbortController();
  response.on("close", () => left.abort());
  try {
    const tokens = model.generate(tokenizer.encode(searchParams.get("prompt") ?? "ROMEO:"), {
      maxNewTokens: Math.min(Number(searchParams.get("tokens") ?? 200), 1000),
      temperature: Number(searchParams.get("temperature") ?? 0.8),
      signal: left.signal,
    });
    response.setHeader("content-type", "text/plain; charset=utf-8");
    await pipeline(tokenizer.decodeStream(tokens), response);
  } catch (error) {
    if (left.signal.aborted) return;
    response.statusCode = 400;
    response.end(`${error.message}\n`);
  }
});

server.listen(Number(process.env.PORT ?? 8000), () => console.log(`http://localhost:${server.address().port}`));
