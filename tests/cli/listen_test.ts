/** The server of `andromeda serve`, with answers of our own. */

import { assertEquals, assertRejects } from "@std/assert";
import { listen } from "../../cli/http/listen.ts";

/** A stream of so many lines, one every 20 ms. */
function lines(count: number, onCancel: () => void = () => {}): ReadableStream<Uint8Array> {
  let made = 0;
  return new ReadableStream({
    pull: async (controller) => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      if (made++ < count) controller.enqueue(new TextEncoder().encode(`${made}\n`));
      else controller.close();
    },
    cancel: onCancel,
  });
}

Deno.test("a server that stops sends what it has begun, and accepts no more", async () => {
  const server = await listen(() => Promise.resolve(new Response(lines(20))), "127.0.0.1", 0);
  const response = await fetch(server.url);
  const reader = response.body?.getReader();
  await reader?.read();
  const finished = server.finish();
  await assertRejects(() => fetch(server.url, { headers: { connection: "close" } }), TypeError);
  let rest = "";
  for (;;) {
    const { value, done } = await reader?.read() ?? { done: true };
    if (done) break;
    rest += new TextDecoder().decode(value);
  }
  assertEquals(rest.trimEnd().split("\n").at(-1), "20");
  await finished;
});

Deno.test("a server whose answers have no end is cut", async () => {
  const server = await listen(() => Promise.resolve(new Response(lines(Infinity))), "127.0.0.1", 0);
  const response = await fetch(server.url);
  const text = response.text();
  const finished = server.finish();
  await server.cut();
  await assertRejects(() => text);
  await finished;
});

Deno.test("clients that leave abort their requests and cancel their streams, and answered requests are not aborted", async () => {
  const seen: string[] = [];
  const server = await listen(
    async (request) => {
      const { pathname } = new URL(request.url);
      request.signal.addEventListener("abort", () => seen.push(`${pathname} aborted`));
      if (pathname === "/stream") return new Response(lines(Infinity, () => seen.push("canceled")));
      if (pathname === "/slow") await new Promise((resolve) => setTimeout(resolve, 500));
      return new Response(await request.text());
    },
    "127.0.0.1",
    0,
  );
  const answer = await fetch(`${server.url}/echo`, { method: "POST", body: "Good morrow." });
  assertEquals(await answer.text(), "Good morrow.");
  for (const path of ["/slow", "/stream"]) {
    const client = new AbortController();
    const left = fetch(`${server.url}${path}`, { signal: client.signal }).then((response) => response.text());
    await new Promise((resolve) => setTimeout(resolve, 200));
    client.abort();
    await assertRejects(() => left);
    await new Promise((resolve) => setTimeout(resolve, 400));
  }
  assertEquals(seen.filter((line) => line.endsWith("aborted")), ["/slow aborted", "/stream aborted"]);
  assertEquals(seen.includes("canceled"), true);
  await server.finish();
});

Deno.test("a server says at which address it listens", async () => {
  for (
    const [host, expected] of [["127.0.0.1", /^http:\/\/127\.0\.0\.1:\d+$/], ["::1", /^http:\/\/\[::1\]:\d+$/]] as const
  ) {
    const server = await listen(() => Promise.resolve(new Response("here")), host, 0).catch(() => undefined);
    if (server === undefined) continue; // a machine without IPv6
    assertEquals(expected.test(server.url), true, server.url);
    assertEquals(await (await fetch(server.url)).text(), "here");
    await server.finish();
  }
});
