import { assert, assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import { AndromedaTokenizer } from "../../data/text/tokenizer.ts";
import { byteLevelJson } from "./tiny_tokenizers.ts";

const tokenizer = await AndromedaTokenizer.load({ tokenizer: byteLevelJson() });

/**
 * Text that byte-level tokens cut in the middle: several scripts, emoji joined by ZWJ, flags, combining marks, skin
 * tones.
 */
const text = fc.array(
  fc.oneof(
    fc.constantFrom(
      "👩‍👩‍👧‍👦",
      "🏳️‍🌈",
      "🇩🇪",
      "👍🏽",
      "你好",
      "佟",
      "日本語",
      "한국어",
      "ไทย",
      "é",
      "\uFEFF",
      "\u0000",
      "\uFFFD",
      "<eos>",
    ),
    fc.string({ unit: "binary", maxLength: 6 }),
    fc.string({ unit: "grapheme", maxLength: 6 }),
  ),
  { maxLength: 12 },
).map((parts) => parts.join(""));

async function pieces(ids: Iterable<number> | AsyncIterable<number>): Promise<string[]> {
  return await Array.fromAsync(tokenizer.decodeStream(ids));
}

Deno.test("streamed text is the text, and no piece holds half a character", async () => {
  await fc.assert(fc.asyncProperty(text, async (text) => {
    const ids = tokenizer.encode(text);
    const streamed = await pieces(ids);
    assertEquals(streamed.join(""), text);
    assertEquals(tokenizer.decode(ids), text);
    for (const piece of streamed) assert(piece.length > 0 && piece.isWellFormed());
  }));
});

Deno.test("any ids stream to what decode gives, valid UTF-8 or not", async () => {
  const id = fc.nat(tokenizer.vocabSize - 1);
  await fc.assert(fc.asyncProperty(fc.array(id, { maxLength: 40 }), async (ids) => {
    assertEquals((await pieces(ids)).join(""), tokenizer.decode(ids));
  }));
});

Deno.test("a character appears with the token that completes it, and its rest when the ids end", async () => {
  const whole = tokenizer.encode("a你b"); // a, the two first bytes of 你, its last, b
  assertEquals(whole.length, 4);
  assertEquals(await pieces(whole), ["a", "你", "b"]);
  assertEquals(await pieces(whole.slice(0, 2)), ["a", "\uFFFD"]);
  assertEquals(await pieces([]), []);
});

Deno.test("text comes out before the next token is asked for", async () => {
  const seen: string[] = [];
  async function* ids() {
    for (const id of tokenizer.encode("ab")) {
      yield id;
      await Promise.resolve();
      seen.push("asked");
    }
  }
  for await (const piece of tokenizer.decodeStream(ids())) seen.push(piece);
  assertEquals(seen, ["a", "asked", "b", "asked"]);
});

Deno.test("leaving the stream early ends the source, and the source's error comes through", async () => {
  let isClosed = false;
  function* endless() {
    try {
      for (;;) yield 0;
    } finally {
      isClosed = true;
    }
  }
  for await (const piece of tokenizer.decodeStream(endless())) {
    assertEquals(piece, "!");
    break;
  }
  assert(isClosed);

  async function* broken() {
    yield 0;
    await Promise.reject(new DOMException("stopped", "AbortError"));
  }
  await assertRejects(() => pieces(broken()), DOMException, "stopped");
});

Deno.test("a token costs the same at the end of a long text as at its beginning", async () => {
  const ids = tokenizer.encode("the quick brown fox 你好 ".repeat(20_000));
  let longest = 0;
  let length = 0;
  const start = performance.now();
  for await (const piece of tokenizer.decodeStream(ids)) {
    longest = Math.max(longest, piece.length);
    length += piece.length;
  }
  assertEquals(length, 23 * 20_000);
  assert(longest <= 4);
  assert(performance.now() - start < 20_000, "decoding the whole text again for each of 400,000 tokens takes hours");
});
