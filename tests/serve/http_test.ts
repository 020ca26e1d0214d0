/** What a server must bear: full queues, clients that leave, bodies that are wrong, pages of other origins. */

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import OpenAI from "openai";
import { ConfigError } from "../../mod.ts";
import { createHandler, type HandlerOptions } from "../../serve/mod.ts";
import { aloneText, post, type Served, withServer } from "./server.ts";

const ask = { prompt: "ROMEO:", max_tokens: 8, temperature: 0 };
const long = { ...ask, max_tokens: 240, stream: true };

/** A value of the metrics. */
async function metric({ url }: Served, name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const line = text.split("\n").find((line) => line.startsWith(`${name} `));
  assert(line !== undefined, `${name} in ${text}`);
  return Number(line?.split(" ").at(-1));
}

/** Waits until something is so, for five seconds at most. */
async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 5000; Date.now() < end;) {
    if (await isSo()) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error(`never: ${what}`);
}

Deno.test("a queue has an end: what does not fit is refused with 429, and nothing that was taken is lost", async () => {
  await withServer({ maxConcurrent: 2, maxQueue: 3 }, async (served) => {
    const answers = await Promise.all(Array.from({ length: 12 }, () => post(served.url, { ...ask, max_tokens: 60 })));
    const taken = answers.filter(({ status }) => status === 200);
    const refused = answers.filter(({ status }) => status === 429);
    assertEquals([taken.length >= 5, taken.length + refused.length], [true, 12]);
    const expected = await aloneText(served, ask.prompt, 60);
    for (const answer of taken) assertEquals((await answer.json()).choices[0].text, expected);
    for (const answer of refused) {
      assertEquals(answer.headers.get("retry-after"), "1");
      assertEquals((await answer.json()).error.code, "rate_limit_exceeded");
    }
    const sdk = new OpenAI({ baseURL: `${served.url}/v1`, apiKey: "none", maxRetries: 8 });
    const retried = await Promise.all(
      Array.from({ length: 8 }, () => sdk.completions.create({ ...ask, stream: false, model: "shakespeare" })),
    );
    assertEquals(retried.length, 8);
  });
});

Deno.test("a text that waits for too long is refused with 503", async () => {
  await withServer({ maxConcurrent: 1, maxWait: 20 }, async ({ url }) => {
    const first = await post(url, long);
    for (const asked of [ask, { ...long, echo: true }]) {
      const late = await post(url, asked);
      assertEquals([late.status, late.headers.get("retry-after")], [503, "5"]);
      assertEquals((await late.json()).error.type, "server_error");
    }
    assert((await first.text()).endsWith("data: [DONE]\n\n"));
  });
});

Deno.test("clients that leave end their texts, in a stream, before it and while they wait", async () => {
  await withServer({ maxConcurrent: 2 }, async (served) => {
    const { url, backend } = served;
    const before = backend.memory();
    const begun = await metric(served, "andromeda_generated_tokens_total");
    const controllers = Array.from({ length: 6 }, () => new AbortController());
    const answers = controllers.map(({ signal }, i) =>
      post(url, { ...long, stream: i % 2 === 0 }, { signal }).catch(() => {})
    );
    await until("two are written", async () => await metric(served, "andromeda_texts_running") === 2);
    for (const controller of controllers) controller.abort();
    for (const answer of await Promise.all(answers)) await answer?.body?.cancel().catch(() => {});
    await until(
      "none is written or waits",
      async () =>
        await metric(served, "andromeda_texts_running") + await metric(served, "andromeda_texts_waiting") === 0,
    );
    const made = await metric(served, "andromeda_generated_tokens_total") - begun;
    assert(made < 6 * 240 / 2, `${made} tokens were made for nobody`);
    assertEquals(backend.memory().tensors, before.tensors);
    assertEquals((await (await post(url, ask)).json()).choices[0].text, await aloneText(served, ask.prompt, 8));
  });
});

Deno.test({
  name: "a stream that is left at its first event leaves no timer",
  sanitizeOps: true,
  fn: async () => {
    await withServer({ maxConcurrent: 2 }, async ({ handler }) => {
      for (const asked of [long, { ...long, prompt: ["ROMEO:", "JULIET:"] }, { ...long, echo: true }]) {
        const body = JSON.stringify(asked);
        const response = await handler(new Request("http://localhost/v1/completions", { method: "POST", body }));
        await response.body?.cancel();
      }
    });
  },
});

Deno.test("a body that is no request is refused with what is wrong", async () => {
  await withServer({ maxBodyBytes: 1000 }, async ({ url, handler }) => {
    const expect = async (body: string, status: number, message: string) => {
      const response = await post(url, body);
      const { error } = await response.json();
      assertEquals([response.status, error.type], [status, "invalid_request_error"]);
      assert(error.message.includes(message), error.message);
    };
    await expect("", 400, "no JSON");
    await expect("{", 400, "no JSON");
    await expect("[]", 400, "must be a JSON object");
    await expect("null", 400, "must be a JSON object");
    await expect("{}", 400, "without prompt");
    await expect(JSON.stringify({ prompt: "a".repeat(2000) }), 413, "1000 bytes");
    const endless = new ReadableStream({
      pull: (controller) => controller.enqueue(new TextEncoder().encode(" ".repeat(500))),
    });
    const response = await handler(new Request(`${url}/v1/completions`, { method: "POST", body: endless }));
    assertEquals(response.status, 413);
  });
});

Deno.test("paths and methods that there are not are named", async () => {
  await withServer({}, async ({ url }) => {
    const expect = async (path: string, method: string, status: number) => {
      const response = await fetch(url + path, { method });
      assertEquals(response.status, status, `${method} ${path}`);
      if (method !== "HEAD" && status >= 400) assertEquals(typeof (await response.json()).error.message, "string");
      else await response.body?.cancel();
      return response;
    };
    await expect("/v1/chat/completions", "POST", 404);
    await expect("/", "GET", 404);
    await expect("/health", "HEAD", 200);
    await expect("/v1/models/", "GET", 200);
    await expect("/v1/models/%", "GET", 404);
    assertEquals((await expect("/v1/completions", "GET", 405)).headers.get("allow"), "POST");
    assertEquals((await expect("/health", "DELETE", 405)).headers.get("allow"), "GET");
  });
});

Deno.test("pages of allowed origins may send requests, those of others may not", async () => {
  const preflight = { "access-control-request-method": "POST", "access-control-request-headers": "authorization,x-a" };
  await withServer({ cors: ["https://example.com"], apiKey: "key" }, async ({ url }) => {
    const ours = { origin: "https://example.com" };
    const allowed = await fetch(`${url}/v1/completions`, { method: "OPTIONS", headers: { ...ours, ...preflight } });
    assertEquals(allowed.status, 204);
    assertEquals(allowed.headers.get("access-control-allow-origin"), "https://example.com");
    assertEquals(allowed.headers.get("access-control-allow-headers"), "authorization,x-a");
    const refused = await fetch(`${url}/v1/models`, { headers: ours });
    assertEquals([refused.status, refused.headers.get("access-control-allow-origin")], [401, "https://example.com"]);
    await refused.body?.cancel();
    const headers = { origin: "https://example.org", ...preflight };
    const stranger = await fetch(`${url}/v1/completions`, { method: "OPTIONS", headers });
    assertEquals(stranger.headers.get("access-control-allow-origin"), null);
    await stranger.body?.cancel();
  });
  await withServer({ cors: "*" }, async ({ url }) => {
    const response = await post(url, ask);
    assertEquals(response.headers.get("access-control-allow-origin"), "*");
    await response.body?.cancel();
  });
});

Deno.test("metrics count requests, tokens and what was shared", async () => {
  await withServer({}, async (served) => {
    const prompt = "What, ho! apothecary! Come hither, man. I see that thou art poor";
    const tokens = served.tokenizer.encode(prompt).length;
    for (let i = 0; i < 3; i++) await (await post(served.url, { ...ask, prompt })).body?.cancel();
    await (await post(served.url, {})).body?.cancel();
    const text = await (await fetch(`${served.url}/metrics`)).text();
    assert(text.includes('andromeda_requests_total{status="200"} 3\n'), text);
    assert(text.includes('andromeda_requests_total{status="400"} 1\n'), text);
    assertEquals(await metric(served, "andromeda_prompt_tokens_total"), 3 * tokens);
    assertEquals(await metric(served, "andromeda_shared_prompt_tokens_total"), 2 * (tokens - 1));
    assertEquals(await metric(served, "andromeda_generated_tokens_total"), 24);
    assertEquals(await metric(served, "andromeda_time_to_first_token_seconds_count"), 3);
  });
});

Deno.test("a handler that is disposed ends its texts and frees its memory; the model goes on", async () => {
  await withServer({}, async ({ model, tokenizer, backend }) => {
    const before = backend.memory();
    const handler = createHandler(model, tokenizer, { maxConcurrent: 3 });
    assert(backend.memory().bytesInUse > before.bytesInUse);
    const request = () =>
      new Request("http://localhost/v1/completions", { method: "POST", body: JSON.stringify(long) });
    const streamed = await handler(request());
    const waiting = handler(
      new Request(request(), { body: JSON.stringify({ ...long, stream: false }), method: "POST" }),
    );
    handler.dispose();
    assert((await streamed.text()).includes("shutting down"));
    assertEquals((await waiting).status, 503);
    assertEquals((await handler(request())).status, 503);
    assertEquals(backend.memory().bytesInUse, before.bytesInUse);
    assertEquals((await Array.fromAsync(model.generate([1, 2], { maxNewTokens: 3 }))).length, 3);
  });
});

Deno.test("options that can't work are refused by name", async () => {
  await withServer({}, async ({ model, tokenizer }) => {
    await Promise.resolve();
    const refuse = (options: Record<string, unknown>, message: string) =>
      assertThrows(() => createHandler(model, tokenizer, options as HandlerOptions), ConfigError, message);
    refuse({ maxConcurrent: 0 }, "Cannot use maxConcurrent = 0: it must be a whole number >= 1");
    refuse({ contextLength: 100_000 }, "Cannot serve contextLength = 100000 tokens: the model takes 256");
    refuse({ apiKey: "" }, "Cannot use apiKey");
    refuse({ cors: ["example.com"] }, 'it must be "*", or a list of origins');
    refuse({ cacheDtype: "q4" }, "Cannot use cacheDtype");
    refuse({ port: 80 }, "port");
    assertThrows(() => createHandler({} as typeof model, tokenizer), ConfigError, "continues no text");
  });
});

Deno.test("a refused request tells nothing of the key that it lacks", async () => {
  await withServer({ apiKey: "secret-key" }, async ({ url, client }) => {
    const error = await assertRejects(
      () => client.completions.create({ ...ask, model: "shakespeare" }),
      OpenAI.AuthenticationError,
    );
    assert(!JSON.stringify(error.error).includes("secret"));
    const response = await post(url, ask, { headers: { authorization: "Basic secret-key" } });
    assertEquals(response.status, 401);
    await response.body?.cancel();
  });
});
