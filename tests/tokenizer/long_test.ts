/** Long texts without a space, and large files. */

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { Columns, parseTokenizerJson } from "../../data/text/pipeline/long_json.ts";
import { AndromedaTokenizer } from "../../data/text/tokenizer.ts";
import { byteLevelJson } from "./tiny_tokenizers.ts";

const load = (model: Record<string, unknown>, parts = {}) =>
  AndromedaTokenizer.load({ tokenizer: { version: "1.0", ...parts, model } });

const letters = { "<unk>": 0, a: 1, b: 2, ab: 3, abab: 4 };
const merges = [["a", "b"], ["ab", "ab"]];
const scores = [["<unk>", 0], ["a", -1], ["b", -1], ["ab", -1.5], ["abab", -2]];
const pieces = { "<unk>": 0, ab: 1, "##ab": 2 };

/** Work that grows with the square of this takes hours. */
const LONG = 300_000;

Deno.test("300,000 characters without a space are encoded by every model", async () => {
  const bpe = await load({ type: "BPE", vocab: letters, merges, unk_token: "<unk>" });
  assertEquals(bpe.encode("ab".repeat(LONG / 2)).length, LONG / 4);
  assertEquals(bpe.encode("é".repeat(LONG)).length, LONG);
  const unigram = await load({ type: "Unigram", vocab: scores, unk_id: 0 });
  assertEquals(unigram.encode("ab".repeat(LONG / 2)).length, LONG / 4);
  assertEquals(unigram.encode("é".repeat(LONG)), [0]);
  const options = { unk_token: "<unk>", continuing_subword_prefix: "##", max_input_chars_per_word: LONG };
  const wordPiece = await load({ type: "WordPiece", vocab: pieces, ...options });
  assertEquals(wordPiece.encode("ab".repeat(LONG / 2)).length, LONG / 2);
  const byteLevel = await AndromedaTokenizer.load({ tokenizer: byteLevelJson() });
  for (const part of ["a", " ", "\n ", "你", "1!", "\u0301"]) {
    const text = part.repeat(LONG / 4 / part.length);
    assertEquals(byteLevel.decode(byteLevel.encode(text)) === text, true, part);
  }
});

/** A value of a tokenizer.json, without columns. */
function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value, (_, each) => {
    if (!(each instanceof Columns)) return each;
    const pairs = each.firsts.map((first, i) => [first, each.seconds[i]]);
    if (each.isObject) return Object.fromEntries(pairs);
    return each.seconds.length === 0 ? each.firsts : pairs;
  }));
}

const token = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.constantFrom('"', "\\", '\\"', "],[", "}", "\n", "a", "__proto__"),
);
const vocab = fc.oneof(
  fc.dictionary(token, fc.nat()),
  fc.array(fc.tuple(token, fc.double({ noNaN: true, noDefaultInfinity: true }))),
  fc.constantFrom(null, 3, [], {}, [1], ["a", ["b", 1]], "a"),
);
const file = fc.record({
  model: fc.oneof(
    fc.record({ type: token, vocab, merges: fc.oneof(fc.array(token), fc.array(fc.tuple(token, token))) }),
    fc.constantFrom(null, [], "model"),
  ),
  added_tokens: fc.array(fc.record({ content: token, model: fc.record({ vocab }) })),
  normalizer: fc.jsonValue(),
});

Deno.test("a vocabulary read from the file's text is what JSON says", () => {
  fc.assert(fc.property(file, fc.constantFrom(undefined, 2, "\t"), (file, space) => {
    const text = JSON.stringify(file, null, space);
    assertEquals(plain(parseTokenizerJson(text)), JSON.parse(text));
  }));
  for (
    const text of [
      "",
      "{",
      "[]",
      "3",
      '{"model":{"vocab":{"a":1}',
      '{"model":{"vocab":{"a":}}}',
      '{"model":{"vocab":{"a":1}}} x',
    ]
  ) {
    let expected: unknown;
    try {
      expected = JSON.parse(text);
    } catch {
      let isRefused = false;
      try {
        parseTokenizerJson(text);
      } catch (error) {
        isRefused = error instanceof SyntaxError;
      }
      assert(isRefused, text);
      continue;
    }
    assertEquals(plain(parseTokenizerJson(text)), expected);
  }
});

Deno.test("a file gives the same tokenizer as what it says", async () => {
  const tokenizer = { ...byteLevelJson(), normalizer: { type: "NFC" } };
  const fromText = await AndromedaTokenizer.load(new TextEncoder().encode(JSON.stringify(tokenizer, null, 1)));
  const fromObject = await AndromedaTokenizer.load({ tokenizer });
  const text = 'hello "you" \\ 你好';
  assertEquals(fromText.encode(text), fromObject.encode(text));
  assertEquals(fromText.vocabSize, fromObject.vocabSize);
});
