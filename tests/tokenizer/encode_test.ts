/** Special tokens, pairs, cutting and padding, and arguments of callers without types. */

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { AndromedaTokenizer } from "../../data/text/tokenizer.ts";
import { ConfigError, TokenizerError } from "../../errors.ts";
import { bertJson, byteLevelJson } from "./tiny_tokenizers.ts";

const bert = await AndromedaTokenizer.load({ tokenizer: bertJson() });

/** Tokens of a text as the vocabulary spells them. */
function spelled(tokenizer: AndromedaTokenizer, ids: Iterable<number>): string {
  return Array.from(ids, (id) => tokenizer.tokenOf(id)).join(" ");
}

Deno.test("special tokens surround a text and a pair, or are left out", () => {
  const of = (...args: Parameters<typeof bert.encode>) => spelled(bert, bert.encode(...args));
  assertEquals(of("Hello world"), "[CLS] hello wor ##ld [SEP]");
  assertEquals(of("Hello world", { addSpecialTokens: false }), "hello wor ##ld");
  assertEquals(of("hello", { pair: "world" }), "[CLS] hello [SEP] wor ##ld [SEP]");
  assertEquals(of("hello", { pair: "world", addSpecialTokens: false }), "hello wor ##ld");
  assertEquals(of("", { pair: "" }), "[CLS] [SEP] [SEP]");
});

Deno.test("types tell the texts of a pair apart", () => {
  const { ids, typeIds } = bert.encodeWithTypes("hello", { pair: "world" });
  assertEquals(ids, bert.encode("hello", { pair: "world" }));
  assertEquals(typeIds, [0, 0, 0, 1, 1, 1]);
  assertEquals(bert.encodeWithTypes("hello").typeIds, [0, 0, 0]);
});

Deno.test("rows are cut before their special tokens are added", () => {
  const row = (maxLength: number, options = {}) =>
    spelled(bert, bert.tokenizeTexts("hello world hello", { maxLength, ...options }).inputIds);
  assertEquals(row(5), "[CLS] hello wor ##ld [SEP]");
  assertEquals(row(4, { truncationSide: "left" }), "[CLS] ##ld hello [SEP]");
  assertEquals(row(2), "[CLS] [SEP]");
  assertEquals(row(2, { addSpecialTokens: false }), "hello wor");
  const error = assertThrows(() => row(1), TokenizerError);
  assert(error.message.includes("adds 2 special ones"), error.message);
  assertThrows(() => row(5, { truncation: false }), TokenizerError, "it has 6 tokens");
});

Deno.test("a file's own truncation and padding hold on request, as in Rust", async () => {
  const padding = { strategy: { Fixed: 6 }, direction: "Left", pad_to_multiple_of: null, pad_id: 0, pad_type_id: 0 };
  const file = {
    ...bertJson(),
    truncation: { direction: "Right", max_length: 4, strategy: "LongestFirst", stride: 0 },
    padding: { ...padding, pad_token: "[PAD]" },
  };
  const tokenizer = await AndromedaTokenizer.load({ tokenizer: file });
  const text = "hello world hello";
  const whole = "[CLS] hello wor ##ld hello [SEP]";
  assertEquals(spelled(tokenizer, tokenizer.encode(text)), whole);
  assertEquals(spelled(tokenizer, tokenizer.tokenizeTexts(text).inputIds), whole);
  assertEquals(spelled(tokenizer, tokenizer.encode(text, { truncation: true })), "[CLS] hello wor [SEP]");
  const both = { truncation: true, padding: true };
  assertEquals(spelled(tokenizer, tokenizer.encode(text, both)), "[PAD] [PAD] [CLS] hello wor [SEP]");
  assertEquals(tokenizer.padToken, "[PAD]");
});

Deno.test("a file that asks for padding to any length costs nothing", async () => {
  const padding = { strategy: { Fixed: 2 ** 40 }, direction: "Right", pad_id: 0, pad_type_id: 0, pad_token: "[PAD]" };
  const tokenizer = await AndromedaTokenizer.load({ tokenizer: { ...byteLevelJson(), padding } });
  assertEquals(tokenizer.encode("hello").length, 1);
  assertThrows(
    () => tokenizer.encode("hello", { padding: true }),
    TokenizerError,
    "Cannot pad to 1099511627776 tokens",
  );
});

Deno.test("rows of unequal length need a padding token", async () => {
  const tokenizer = await AndromedaTokenizer.load({ tokenizer: byteLevelJson() });
  assertEquals(tokenizer.tokenizeTexts(["hi", "ho"]).shape, [2, 2]);
  assertThrows(() => tokenizer.tokenizeTexts(["hi", "h"]), TokenizerError, "Cannot pad text 1 to 2 tokens");
});

Deno.test("half a surrogate pair is read as U+FFFD", async () => {
  const tokenizer = await AndromedaTokenizer.load({ tokenizer: byteLevelJson() });
  assertEquals(tokenizer.encode("a\ud83d!\ude00"), tokenizer.encode("a\ufffd!\ufffd"));
});

Deno.test("values that are no text, no id and no option are refused by name", async () => {
  for (const text of [undefined, null, 5, {}, ["a"]]) {
    assertThrows(() => bert.encode(text as never), TokenizerError, "expected a string");
    if (text !== undefined) {
      assertThrows(() => bert.encode("a", { pair: text as never }), TokenizerError, "expected a string");
    }
    assertThrows(() => bert.tokenizeTexts([text] as never), TokenizerError, "expected a string");
  }
  assertThrows(() => bert.tokenizeTexts([, "a"] as never), TokenizerError, "expected a string");
  for (const name of ["addSpecialTokens", "truncation", "padding"]) {
    assertThrows(() => bert.encode("a", { [name]: "no" }), ConfigError, `Cannot use ${name} = "no"`);
  }
  assertThrows(() => bert.tokenizeTexts("a", { maxLength: "3" as never }), ConfigError, '"3"');
  for (const name of ["padding", "paddingSide", "truncationSide", "truncation"]) {
    assertThrows(() => bert.tokenizeTexts("a", { [name]: "Left" }), ConfigError, `Cannot use ${name} = "Left"`);
  }
  assertThrows(() => bert.decode([1], { skipSpecialTokens: "no" as never }), ConfigError, '"no"');
  assertEquals(bert.decode([4], null as never), "hello");
  assertEquals(bert.encode("hello", null as never), [2, 4, 3]);
  assertThrows(() => bert.tokenizeTexts("a", { padding: "max", maxLength: 2 ** 53 - 1 }), ConfigError, "at most");

  for (const ids of [[undefined], [, 1], ["1"], [1n], [true], new String("1")]) {
    assertThrows(() => bert.decode(ids as never), TokenizerError, "Cannot decode the token id");
    await assertRejects(
      () => Array.fromAsync(bert.decodeStream(ids as never)),
      TokenizerError,
      "Cannot decode the token id",
    );
  }
  async function* later() {
    yield await Promise.resolve(1);
  }
  for (const ids of ["1", 1, null, undefined, {}, later()]) {
    assertThrows(() => bert.decode(ids as never), TokenizerError, "expected token ids");
  }
});
