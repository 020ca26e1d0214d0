/** A server under load, over loopback: no request is lost, and nothing is left of a thousand of them. */

import { assert, assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { post } from "./server.ts";

const WARM_UP = 100;
const REQUESTS = 1000;
/** Clients that ask at the same time. */
const CLIENTS = 12;
/** Thousands that are tried: what is lost is lost by each of them, and what an allocator keeps only by the first. */
const ROUNDS = 3;

/** What GET /memory says. */
interface Memory {
  readonly bytesInUse: number;
  readonly tensors: number;
  readonly rss: number;
  readonly heapUsed: number;
}

/** Sends requests from several clients, some of which leave, and checks each answer; gives how many were whole. */
async function send(url: string, count: number): Promise<number> {
  let next = 0;
  let whole = 0;
  const client = async () => {
    while (next < count) {
      const i = next++;
      const body = { prompt: `Scene ${i % 7}.\nROMEO:`, max_tokens: 4 + i % 16, temperature: i % 3 / 2, seed: i };
      if (i % 10 === 9) {
        const response = await post(url, { ...body, temperature: 9 });
        assertEquals([response.status, (await response.json()).error.param], [400, "temperature"]);
      } else if (i % 10 === 8) {
        const leaving = new AbortController();
        const response = await post(url, { ...body, max_tokens: 200, stream: true }, { signal: leaving.signal });
        await response.body?.getReader().read();
        leaving.abort();
      } else {
        const response = await post(url, { ...body, stream: i % 2 === 0 });
        const text = await response.text();
        assertEquals(response.status, 200, text);
        const made = i % 2 === 0 ? text.endsWith("data: [DONE]\n\n") : JSON.parse(text).usage.completion_tokens > 0;
        assert(made, text);
        whole += 1;
      }
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
  return whole;
}

Deno.test("of a thousand requests none is lost, and their memory comes back", async () => {
  const script = fromFileUrl(new URL("load_server.ts", import.meta.url));
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", "--v8-flags=--expose-gc", script],
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const url = `http://127.0.0.1:${(await reader.read()).value?.trim()}`;
  await reader.cancel();
  const memory = async (): Promise<Memory> => await (await fetch(`${url}/memory`)).json();
  try {
    await send(url, WARM_UP);
    const grown: number[] = [];
    do {
      const before = await memory();
      assertEquals(await send(url, REQUESTS), REQUESTS * 8 / 10);
      const after = await memory();
      assertEquals([after.tensors, after.bytesInUse], [before.tensors, before.bytesInUse]);
      grown.push(after.rss / before.rss - 1);
    } while (grown.length < ROUNDS && Math.min(...grown) > 0.01);
    const percents = grown.map((each) => `${(100 * each).toFixed(1)} %`).join(", ");
    assert(Math.min(...grown) <= 0.01, `resident memory grew by ${percents} in ${REQUESTS} requests each`);
  } finally {
    child.kill();
    await child.status;
  }
});
