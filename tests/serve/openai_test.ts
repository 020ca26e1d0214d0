/** OpenAI's own client is the judge of the interface: what it sends is answered as it expects. */

import { assert, assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import OpenAI from "openai";
import { AndromedaTokenizer, Transformer } from "../../mod.ts";
import { createHandler } from "../../serve/mod.ts";
import { byteFallbackJson } from "../tokenizer/tiny_tokenizers.ts";
import { aloneText, type Served, withServer } from "./server.ts";

const PROMPT = "ROMEO:\nWhat light";
const ask = { model: "shakespeare", prompt: PROMPT, max_tokens: 24, temperature: 0 } as const;

Deno.test("a completion is what the model gives", async () => {
  await withServer({}, async (served) => {
    const { client, tokenizer } = served;
    const { choices, usage, object, model, id } = await client.completions.create(ask);
    assertEquals(choices.length, 1);
    assertEquals(choices[0]!.text, await aloneText(served, PROMPT, 24));
    assertEquals(choices[0]!.finish_reason, "length");
    assertEquals(choices[0]!.logprobs, null);
    assertEquals([object, model, id.startsWith("cmpl-")], ["text_completion", "shakespeare", true]);
    const prompt_tokens = tokenizer.encode(PROMPT).length;
    assertEquals(
      [usage?.prompt_tokens, usage?.completion_tokens, usage?.total_tokens],
      [prompt_tokens, 24, prompt_tokens + 24],
    );
  });
});

Deno.test("a stream has the same text in pieces, and usage at its end where it is asked for", async () => {
  await withServer({}, async (served) => {
    const stream = await served.client.completions.create({
      ...ask,
      stream: true,
      stream_options: { include_usage: true },
    });
    const pieces: string[] = [];
    let last: OpenAI.Completion | undefined;
    const reasons: (string | null)[] = [];
    for await (const chunk of stream) {
      last = chunk;
      for (const choice of chunk.choices) {
        pieces.push(choice.text);
        reasons.push(choice.finish_reason);
      }
    }
    assert(pieces.length > 10, `${pieces.length} pieces`);
    assertEquals(pieces.join(""), await aloneText(served, PROMPT, 24));
    assertEquals(reasons.at(-1), "length");
    assert(reasons.slice(0, -1).every((reason) => reason === null));
    assertEquals(last?.choices, []);
    assertEquals(last?.usage?.completion_tokens, 24);
  });
});

Deno.test("stop strings end a text before themselves, wherever tokens begin", async () => {
  await withServer({}, async (served) => {
    const whole = await aloneText(served, PROMPT, 60);
    for (const [from, to] of [[4, 7], [9, 20], [17, 18]] as const) {
      const stop = whole.slice(from, to);
      const expected = whole.slice(0, whole.indexOf(stop));
      const { choices } = await served.client.completions.create({ ...ask, max_tokens: 60, stop });
      assertEquals(choices[0]!.text, expected, `stop ${JSON.stringify(stop)}`);
      assertEquals(choices[0]!.finish_reason, "stop");
      const stream = await served.client.completions.create({
        ...ask,
        max_tokens: 60,
        stop: ["never", stop],
        stream: true,
      });
      let streamed = "";
      for await (const chunk of stream) streamed += chunk.choices[0]?.text ?? "";
      assertEquals(streamed, expected);
    }
    const { choices } = await served.client.completions.create({ ...ask, max_tokens: 60, stop: ["never", "ever"] });
    assertEquals(choices[0]!.text, whole);
  });
});

Deno.test("log-probabilities are those of the model, with the likeliest tokens and places in the text", async () => {
  await withServer({}, async (served) => {
    const { client, model, tokenizer } = served;
    const { choices: [choice] } = await client.completions.create({ ...ask, logprobs: 3 });
    const { tokens, token_logprobs, top_logprobs, text_offset } = choice!.logprobs!;
    assertEquals(tokens!.join(""), choice!.text);
    assertEquals(text_offset!.map((at, i) => choice!.text.slice(at, at + tokens![i]!.length)), tokens);
    const expected: number[] = [];
    const onLogits = (logits: Float32Array) => {
      const largest = logits.reduce((a, b) => Math.max(a, b));
      expected.push(-Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit - largest), 0)));
    };
    await Array.fromAsync(model.generate(tokenizer.encode(PROMPT), { maxNewTokens: 24, temperature: 0, onLogits }));
    for (const [i, logprob] of expected.entries()) {
      assertAlmostEquals(token_logprobs![i]!, logprob, 1e-4);
      const top = Object.entries(top_logprobs![i]!).toSorted(([, a], [, b]) => b - a);
      assertEquals(top.length, 3);
      assertEquals(top[0]![0], tokens![i]);
    }
  });
});

Deno.test("echo gives the prompt back, and with logprobs what the model thought of it", async () => {
  await withServer({}, async ({ client, model, tokenizer }) => {
    const { choices: [plain] } = await client.completions.create({ ...ask, echo: true });
    assert(plain!.text.startsWith(PROMPT) && plain!.text.length > PROMPT.length);
    const prompt = "It was the nightingale, and not the lark,\nThat pierced the fearful hollow of thine ear;".repeat(4);
    const { choices: [scored] } = await client.completions.create({
      ...ask,
      prompt,
      max_tokens: 0,
      echo: true,
      logprobs: 0,
    });
    assertEquals(scored!.text, prompt);
    const ids = tokenizer.encode(prompt);
    const { tokens, token_logprobs } = scored!.logprobs!;
    assertEquals(tokens!.join(""), prompt);
    assertEquals(token_logprobs!.length, ids.length);
    assertEquals(token_logprobs![0], null);
    const loss = model.loss(ids);
    const [nats = NaN] = await loss.data();
    loss.dispose();
    const sum = token_logprobs!.slice(1).reduce((total, logprob) => total + logprob!, 0);
    assertAlmostEquals(-sum / (ids.length - 1), nats, 1e-4);
    const { choices: [both] } = await client.completions.create({ ...ask, max_tokens: 3, echo: true, logprobs: 1 });
    assertEquals(both!.logprobs!.tokens!.join(""), both!.text);
    assertEquals(both!.logprobs!.tokens!.length, tokenizer.encode(PROMPT).length + 3);
  });
});

Deno.test("seeds repeat texts, several texts of one prompt differ, and several prompts keep their order", async () => {
  await withServer({}, async (served) => {
    const { client } = served;
    const warm = { ...ask, temperature: 1, seed: 7, n: 3 };
    const [first, second] = [await client.completions.create(warm), await client.completions.create(warm)];
    const texts = first.choices.map(({ text }) => text);
    assertEquals(second.choices.map(({ text }) => text), texts);
    assertEquals(new Set(texts).size, 3);
    assertEquals(first.choices.map(({ index }) => index), [0, 1, 2]);
    const [again] = (await client.completions.create({ ...warm, n: 1, seed: 8 })).choices;
    assertEquals(again!.text, texts[1], "text i of a request has seed + i");
    const prompts = ["ROMEO:", "JULIET:\nO", "First Citizen:"];
    const { choices, usage } = await client.completions.create({ ...ask, prompt: prompts });
    assertEquals(
      choices.map(({ text }) => text),
      await Promise.all(prompts.map((prompt) => aloneText(served, prompt, 24))),
    );
    assertEquals(usage?.completion_tokens, 72);
  });
});

Deno.test("what a tokenizer holds back of a prompt is echoed once, and is no part of the completion", async () => {
  const tokenizer = await AndromedaTokenizer.load({ tokenizer: byteFallbackJson(), config: {} });
  const model = await Transformer.create({
    numTokens: tokenizer.vocabSize,
    maxSeqLen: 16,
    dim: 32,
    depth: 1,
    heads: 1,
  });
  const handler = createHandler(model, tokenizer);
  // A byte of its own, which waits for those that may follow.
  const request = { prompt: "a\n", max_tokens: 3, logit_bias: { [tokenizer.idOf("b")]: 100 } };
  for (const [echo, text] of [[false, "bbb"], [true, "a\nbbb"]] as const) {
    const body = JSON.stringify({ ...request, echo });
    const answer = await handler(new Request("http://localhost/v1/completions", { method: "POST", body }));
    assertEquals((await answer.json()).choices[0].text, text);
  }
  handler.dispose();
  model.dispose();
});

Deno.test("token ids are a prompt too", async () => {
  await withServer({}, async (served) => {
    const ids = served.tokenizer.encode(PROMPT);
    const expected = await aloneText(served, PROMPT, 24);
    for (const prompt of [ids, [ids]]) {
      const { choices } = await served.client.completions.create({ ...ask, prompt });
      assertEquals(choices[0]!.text, expected);
    }
  });
});

Deno.test("an empty prompt is a text that begins after the end of another one", async () => {
  await withServer({}, async ({ client, tokenizer, model }) => {
    const { choices } = await client.completions.create({ ...ask, prompt: "" });
    const tokens = await Array.fromAsync(model.generate([tokenizer.eosId!], { maxNewTokens: 24, temperature: 0 }));
    assertEquals(choices[0]!.text, tokenizer.decode(tokens));
  });
});

Deno.test("penalties and biases reach the draw", async () => {
  await withServer({}, async ({ client, tokenizer }) => {
    const [comma = 0] = tokenizer.encode(",", { addSpecialTokens: false });
    const { choices } = await client.completions.create({ ...ask, max_tokens: 5, logit_bias: { [comma]: 100 } });
    assertEquals(choices[0]!.text, ",,,,,");
    const punished = { ...ask, max_tokens: 5, logit_bias: { [comma]: 30 }, frequency_penalty: 2, presence_penalty: 2 };
    const { choices: [other] } = await client.completions.create({ ...punished, max_tokens: 40 });
    assert(other!.text.startsWith(",") && other!.text !== ",".repeat(40), other!.text);
  });
});

Deno.test("the model is listed", async () => {
  await withServer({}, async ({ client }) => {
    const models = await Array.fromAsync(client.models.list());
    assertEquals(models.map(({ id, object }) => [id, object]), [["shakespeare", "model"]]);
    assertEquals((await client.models.retrieve("shakespeare")).id, "shakespeare");
    await assertRejects(() => client.models.retrieve("other"), OpenAI.NotFoundError, "other");
  });
});

Deno.test("mistakes are told as the client's own errors, with the field", async () => {
  await withServer({ maxTokens: 100, maxPromptTokens: 50 }, async ({ client }: Served) => {
    const refuse = async (change: object, param: string, message: string, code: string | null = null) => {
      const error = await assertRejects(
        () => client.completions.create({ ...ask, ...change }),
        OpenAI.BadRequestError,
        message,
      );
      assertEquals([error.param, error.code, error.type], [param, code, "invalid_request_error"], message);
    };
    await refuse({ max_tokens: -1 }, "max_tokens", "must be a whole number");
    await refuse({ max_tokens: 101 }, "max_tokens", "at most 100");
    await refuse({ temperature: 2.5 }, "temperature", "from 0 to 2");
    await refuse({ top_p: 0 }, "top_p", "> 0 and <= 1");
    await refuse({ n: 0 }, "n", "whole number");
    await refuse({ n: 17 }, "n", "at most 16");
    await refuse({ best_of: 3 }, "best_of", "it must be n");
    await refuse({ logprobs: 21 }, "logprobs", "<= 20");
    await refuse({ stop: ["a", "b", "c", "d", "e"] }, "stop", "up to 4");
    await refuse({ stop: "" }, "stop", "up to 4");
    await refuse({ suffix: "end" }, "suffix", "leave it out");
    await refuse({ seed: 1.5 }, "seed", "whole number");
    await refuse({ logit_bias: { the: 1 } }, "logit_bias", "by token id");
    await refuse({ logit_bias: { 999999: 1 } }, "logit_bias", "ids are below");
    await refuse({ presence_penalty: 3 }, "presence_penalty", "from -2 to 2");
    await refuse({ stream_options: { include_usage: true } }, "stream_options", "without stream");
    await refuse({ tempreature: 1 }, "tempreature", "no such field");
    await refuse({ prompt: [1, 999999] }, "prompt", "ids are below");
    await refuse({ prompt: { text: "a" } }, "prompt", "it must be a text");
    await refuse({ prompt: "word ".repeat(200) }, "prompt", "at most 50", "context_length_exceeded");
    const error = await assertRejects(
      () => client.completions.create({ ...ask, model: "gpt-4" }),
      OpenAI.NotFoundError,
      "this server has",
    );
    assertEquals(error.code, "model_not_found");
  });
});

Deno.test("a key that is asked for must be sent", async () => {
  const options = { apiKey: ["first key", "sk-second"] };
  await withServer(options, async ({ client, url }) => {
    assertEquals((await client.completions.create({ ...ask, max_tokens: 1 })).choices.length, 1);
    const stranger = new OpenAI({ baseURL: `${url}/v1`, apiKey: "sk-secon", maxRetries: 0 });
    await assertRejects(() => stranger.completions.create(ask), OpenAI.AuthenticationError, "the API key is wrong");
    for (const path of ["/v1/models", "/metrics", "/v1/completions"]) {
      const response = await fetch(url + path);
      assertEquals(response.status, 401, path);
      assertEquals((await response.json()).error.code, "invalid_api_key");
    }
    const health = await fetch(`${url}/health`);
    assertEquals([health.status, await health.json()], [200, { status: "ok" }]);
  }, { apiKey: "sk-second" });
});
