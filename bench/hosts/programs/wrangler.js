/**
 * `wrangler dev`, without its developer tools unless a port is given for them: they keep a copy of all that a worker
 * fetches. Prints the worker's address.
 */

import process from "node:process";
import { unstable_startWorker } from "wrangler";

const port = Number(process.argv[2] ?? 0);
const worker = await unstable_startWorker({
  config: "programs/wrangler.jsonc",
  dev: { inspector: port > 0 && { port }, server: { port: 0 }, logLevel: "none" },
});
process.on("SIGTERM", async () => {
  await worker.dispose();
  process.exit();
});
console.log(String(await worker.url));
