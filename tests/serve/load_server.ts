/**
 * The server that `load_test.ts` asks, in a process of its own: the demo's model; GET /memory collects garbage and says
 * what is left.
 *
 * @module
 */

import { Andromeda, AndromedaTokenizer, createBackend } from "../../mod.ts";
import { createHandler } from "../../serve/mod.ts";
import { DEMO } from "./server.ts";

if (import.meta.main) {
  const backend = await createBackend("wasm", { inWorker: true });
  const model = await Andromeda.load(DEMO, { backend });
  const tokenizer = await AndromedaTokenizer.load(DEMO);
  const handler = createHandler(model, tokenizer, { maxConcurrent: 8 });
  // Of last resort, because others leave free memory with the process.
  const { gc } = globalThis as { gc?: (how: object) => void };
  const collect = () => gc?.({ type: "major", flavor: "last-resort" });
  const memory = () => {
    for (let i = 0; i < 3; i++) collect();
    const { bytesInUse, tensors } = backend.memory();
    const { rss, heapUsed } = Deno.memoryUsage();
    return Response.json({ bytesInUse, tensors, rss, heapUsed });
  };
  Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen: ({ port }) => console.log(port) },
    (request) => new URL(request.url).pathname === "/memory" ? memory() : handler(request),
  );
}
