/** `andromeda serve` on the demo's model. */

import { assertEquals, assertMatch } from "@std/assert";
import { assertFails, start } from "./andromeda.ts";

/** A server that was started. */
interface Started {
  readonly child: Deno.ChildProcess;
  /** The line that it printed. */
  readonly line: string;
  readonly url: string;
}

/** Starts a server and waits until it has printed its address. */
async function serve(...args: readonly string[]): Promise<Started> {
  const child = start("serve", "--port", "0", "--backend", "wasm", ...args);
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const { value: line = "" } = await reader.read();
  await reader.cancel();
  return { child, line, url: /http:\/\/[^/]+/.exec(line)?.[0] ?? "" };
}

/** Asks a server to stop, and gives its exit code and what it said on stderr. */
async function stop({ child }: Started, signal: Deno.Signal): Promise<[number, string]> {
  const stderr = new Response(child.stderr).text();
  child.kill(signal);
  return [(await child.status).code, await stderr];
}

Deno.test("serve prints its address when it is ready, and ends without an error when it is asked to", async () => {
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    const started = await serve();
    assertMatch(started.line, /^andromeda on WebAssembly [^\n]*, at http:\/\/127\.0\.0\.1:\d+\/v1\n$/);
    const answer = await fetch(`${started.url}/v1/models`);
    assertEquals((await answer.json()).data.map(({ id }: { id: string }) => id), ["shakespeare"]);
    assertEquals(await stop(started, signal), [0, ""]);
  }
});

Deno.test("serve says who can reach it, and gives the model the name that it is told", async () => {
  const started = await serve("--host", "0.0.0.0", "--model-name", "will");
  const answer = await fetch(`${started.url.replace("0.0.0.0", "127.0.0.1")}/v1/models`);
  assertEquals((await answer.json()).data.map(({ id }: { id: string }) => id), ["will"]);
  const [code, stderr] = await stop(started, "SIGINT");
  assertEquals(code, 0);
  assertMatch(stderr, /^note: whoever reaches this machine can use the model; --api-key asks for a key\n$/);
});

Deno.test("a port that is taken is named in one line", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  await assertFails(["serve", "--port", String(port), "--backend", "wasm"], 1, `port ${port}`, "--port");
  listener.close();
});
