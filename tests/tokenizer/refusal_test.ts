/** Parts of a tokenizer.json that are not supported are refused by name, so that no text gets other ids than Rust's. */

import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { AndromedaTokenizer } from "../../data/text/tokenizer.ts";
import { TokenizerError } from "../../errors.ts";
import { bertJson, byteLevelJson } from "./tiny_tokenizers.ts";

const model = { type: "WordLevel", vocab: { "<unk>": 0, a: 1 }, unk_token: "<unk>" };
const bpe = { type: "BPE", vocab: { a: 0, b: 1, ab: 2 }, merges: [["a", "b"]] };
const split = (pattern: unknown, rest = {}) => ({
  pre_tokenizer: { type: "Split", pattern, behavior: "Isolated", invert: false, ...rest },
});
const added = {
  id: 2,
  content: "x",
  single_word: false,
  lstrip: false,
  rstrip: false,
  normalized: true,
  special: false,
};

/** Parts of a file, and the texts that the message must contain. */
const REFUSED: readonly (readonly [Record<string, unknown>, ...string[]])[] = [
  [{ model: { ...model, type: "Foo" } }, "model", '"Foo"'],
  [{ normalizer: { type: "Foo" } }, "normalizer", '"Foo"'],
  [{ normalizer: { type: "Sequence", normalizers: [{ type: "NFC" }, { type: "Bar" }] } }, "normalizers[1]", '"Bar"'],
  [{ normalizer: {} }, "normalizer", "type must be a text, got nothing"],
  [{ normalizer: { type: "Strip", strip_left: 1, strip_right: true } }, "strip_left", "true or false, got 1"],
  [{ normalizer: { type: "Precompiled", precompiled_charsmap: "?" } }, "base64"],
  [{ normalizer: { type: "Precompiled", precompiled_charsmap: "/////w==" } }, "cut short"],
  [{ pre_tokenizer: { type: "Foo" } }, "pre_tokenizer", '"Foo"'],
  [{ pre_tokenizer: "ByteLevel" }, "pre_tokenizer", 'expected an object, got "ByteLevel"'],
  [{ pre_tokenizer: { type: "CharDelimiterSplit", delimiter: "ab" } }, "delimiter", "one character"],
  [{ pre_tokenizer: { type: "FixedLength", length: 0 } }, "length is 0"],
  [{ pre_tokenizer: { type: "Punctuation", behavior: "Moved" } }, "behavior", '"Moved"'],
  [
    { pre_tokenizer: { type: "Metaspace", replacement: "_", prepend_scheme: "first", add_prefix_space: false } },
    "add_prefix_space",
  ],
  [{ post_processor: { type: "Foo" } }, "post_processor", '"Foo"'],
  [{ post_processor: { type: "BertProcessing", sep: ["[SEP]"], cls: ["[CLS]", 0] } }, "sep", "a token and its id"],
  [{ decoder: { type: "Sequence", decoders: [{ type: "Foo" }] } }, "decoder.decoders[0]", '"Foo"'],
  [{ truncation: { max_length: 4, stride: 4, strategy: "LongestFirst" } }, "stride 4"],
  [{ padding: { strategy: "Longest" } }, "padding.strategy"],
  [{ version: "2.0" }, "version"],
  [{ added_tokens: {} }, "added_tokens", "a list"],
  [{ added_tokens: [added, { ...added, content: 3 }] }, "added_tokens[1]", "content"],
  [
    { added_tokens: [{ ...added, content: " " }], normalizer: { type: "Strip", strip_left: true, strip_right: true } },
    'added token " "',
  ],
  [{ model: { ...model, vocab: ["a"] } }, "vocab", "an object"],
  [{ model: { ...model, vocab: { a: "0" } } }, 'the id of "a"', '"0"'],
  [{ model: { ...model, vocab: { a: 2 ** 31 } } }, 'the id of "a"'],
  [{ model: { ...model, unk_token: undefined } }, "unk_token"],
  [{ model: { ...bpe, merges: [["a", "c"]] } }, '["a", "c"]', 'the token "c"'],
  [{ model: { ...bpe, merges: [["a", "a"]] } }, 'the token "aa"'],
  [{ model: { ...bpe, merges: ["a b c"] } }, "two tokens"],
  [{ model: { ...bpe, merges: { a: 1 } } }, "merges"],
  [{ model: { ...bpe, dropout: 0.1 } }, "dropout"],
  [{ model: { type: "Unigram", vocab: { a: 0 } } }, "vocab must be a list"],
  [{ model: { type: "Unigram", vocab: [["a", "0"]] } }, 'the score of "a"'],
  [{ model: { type: "Unigram", vocab: [["a", 0]], unk_id: 1 } }, "unk_id 1"],
  [split({ Regex: "(a)\\1" }), "\\\\1"],
  [split({ Regex: "a(?<n>b)\\k<n>" }), "\\\\k"],
  [split({ Regex: "\\X" }), "\\\\X"],
  [split({ Regex: "\\p{InBasic_Latin}" }), "InBasic_Latin"],
  [split({ Regex: "(?~ab)" }), "(?~"],
  [split({ Regex: "(?i)ss" }), '"ss" without regard to case'],
  [split({ Regex: "(?i)ß" }), '"ß" without regard to case'],
  [split({ Regex: "(?i)[[:upper:]]" }), "without regard to case"],
  [split({ Regex: "(a" }), "does not end"],
  [split({ Regex: "[a" }), "does not end"],
  [split({ Regex: "a)" }), '")"'],
  [split({ Regex: "*a" }), '"*"'],
  [split({ Regex: "a{3,2}" }), "{3,2}"],
  [split({ Regex: "[z-a]" }), "[z-a]"],
  [split({ Regex: "(?:a??)*" }), "may be empty by choice"],
  [split({ Regex: "(?<=a++)b" }), "look-behind"],
  [split({ Regex: "(?i)[a-z&&[^b]]" }), "without regard to case"],
  [split({ Regex: "(".repeat(10_000) + ")".repeat(10_000) }), "200 deep"],
  [split({ Regex: "[".repeat(10_000) + "a" + "]".repeat(10_000) }), "200 deep"],
  [split({ Glob: "*" }), "Regex must be a text"],
  [{ normalizer: deep("normalizers", 10_000) }, "too deep"],
  [{ pre_tokenizer: deep("pretokenizers", 10_000) }, "too deep"],
  [{ post_processor: deep("processors", 10_000) }, "too deep"],
  [{ decoder: deep("decoders", 10_000) }, "too deep"],
];

/** Sequences in each other. */
function deep(list: string, depth: number): unknown {
  let part: unknown = { type: "Sequence", [list]: [] };
  for (let i = 0; i < depth; i++) part = { type: "Sequence", [list]: [part] };
  return part;
}

Deno.test("parts that are not supported are refused by name", async () => {
  for (const [parts, ...named] of REFUSED) {
    const file = { version: "1.0", model, ...parts };
    const bytes = new TextEncoder().encode(JSON.stringify(file));
    for (const tokenizer of [file, bytes]) {
      for (const name of named) {
        await assertRejects(
          () => AndromedaTokenizer.load({ tokenizer }),
          TokenizerError,
          name,
          JSON.stringify(parts).slice(0, 200),
        );
      }
    }
  }
});

Deno.test("parts that only some texts need are refused when these come", async () => {
  const load = (parts: Record<string, unknown>) => AndromedaTokenizer.load({ tokenizer: { model, ...parts } });
  const unknown = await load({ model: { ...model, unk_token: "[UNK]" } });
  assertEquals(unknown.encode("a"), [1]);
  assertThrows(() => unknown.encode("b"), TokenizerError, '"[UNK]"');
  const unigram = await load({ model: { type: "Unigram", vocab: [["a", -1]], unk_id: null } });
  assertEquals(unigram.encode("aa"), [0, 0]);
  assertThrows(() => unigram.encode("ab"), TokenizerError, "unk_id");
  const bytes = await load({ model: { ...bpe, unk_token: "?" } });
  assertThrows(() => bytes.encode("ac"), TokenizerError, '"?"');

  const place = { Sequence: { id: "B", type_id: 0 } };
  const pairs = await load({
    post_processor: { type: "TemplateProcessing", single: [place], pair: [place], special_tokens: {} },
  });
  assertThrows(() => pairs.encode("a"), TokenizerError, "second");
  assertEquals(pairs.encode("a", { pair: "a" }), [1]);
  const truncation = { max_length: 3, stride: 0, strategy: "OnlySecond" };
  const second = await AndromedaTokenizer.load({ tokenizer: { ...bertJson(), truncation } });
  assertEquals(second.encode("a", { truncation: true }), [2, 7, 3]);
  assertThrows(() => second.encode("a a", { truncation: true }), TokenizerError, "OnlySecond");
});

Deno.test("a damaged file is called so, wherever it is damaged", async () => {
  const text = JSON.stringify(byteLevelJson());
  for (let length = 0; length < text.length; length += 97) {
    const bytes = new TextEncoder().encode(text.slice(0, length));
    await assertRejects(() => AndromedaTokenizer.load(bytes), TokenizerError, "not JSON", String(length));
  }
});
