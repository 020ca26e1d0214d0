/** Every kind of tokenizer against Hugging Face's in Rust. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { AndromedaTokenizer } from "../../data/text/tokenizer.ts";
import { TokenizerError } from "../../errors.ts";
import { pythonTest, runPython } from "../support/python.ts";
import { answers, fileOf, idsOf, NEWER_THAN_A_HOST, partsOf } from "./rust_answers.ts";

/** Reads a kind, or says why not. */
async function load(tokenizer: Record<string, unknown>): Promise<AndromedaTokenizer | TokenizerError> {
  return await AndromedaTokenizer.load({ tokenizer }).catch((error) => {
    assert(error instanceof TokenizerError, String(error));
    return error;
  });
}

/** Kinds that we refuse although Rust takes them, and the texts that the message must contain. */
const REFUSED: Readonly<Record<string, string>> = {
  "pre-tokenizer Split (?i)strasse?": '"st" without regard to case',
};

Deno.test("kinds of tokenizers give Rust's ids for texts, and its text for ids", async () => {
  assert(answers.kinds.length > 250);
  for (const kind of answers.kinds) {
    const tokenizer = await load(fileOf(kind));
    const refused = REFUSED[kind.name];
    if (tokenizer instanceof TokenizerError) {
      assert(refused !== undefined && tokenizer.message.includes(refused), `${kind.name}: ${tokenizer.message}`);
      continue;
    }
    assertEquals(refused, undefined, `${kind.name} is accepted`);
    const isPaired = kind.encodings.length !== answers.texts.length;
    kind.encodings.forEach((expected, index) => {
      const [text, pair] = isPaired ? answers.paired[index >> 2]! : [answers.texts[index]!];
      const pairing = isPaired ? { pair: index & 2 ? pair : undefined, addSpecialTokens: (index & 1) === 0 } : {};
      const options = { ...pairing, truncation: true, padding: true };
      const name = `${kind.name}: ${JSON.stringify(text)} ${JSON.stringify(options)}`;
      if (expected === null) {
        assertThrows(() => tokenizer.encode(text, options), TokenizerError, undefined, name);
        return;
      }
      const { ids, typeIds } = tokenizer.encodeWithTypes(text, options);
      assertEquals(ids.join(" "), idsOf(typeof expected === "string" ? expected : expected[0]).join(" "), name);
      if (typeof expected !== "string") assertEquals(typeIds, idsOf(expected[1]), name);
    });
    for (const [spelled, ...texts] of kind.decodings) {
      for (const skipSpecialTokens of [false, true]) {
        const expected = texts[skipSpecialTokens ? 1 : 0];
        const ids = idsOf(spelled);
        const name = `${kind.name}: ${ids.map((id) => tokenizer.tokenOf(id)).join("·")} ${skipSpecialTokens}`;
        const text = tokenizer.decode(ids, { skipSpecialTokens });
        if (expected !== null) assertEquals(text, expected, name);
        const streamed = await Array.fromAsync(tokenizer.decodeStream(ids, { skipSpecialTokens }));
        assertEquals(streamed.join(""), text, name);
      }
    }
  }
});

/** Encodes and decodes with Rust; the input is JSON: [[tokenizer, texts, lists of ids], ...]. */
const RUST = `
import json, os, sys
os.environ["RUST_BACKTRACE"] = "0"
from tokenizers import Tokenizer
def answer(call):
    try: return call()
    except BaseException: return None
def both(tokenizer, ids):
    return [answer(lambda: tokenizer.decode(ids, skip_special_tokens=skips)) for skips in (False, True)]
found = []
for file, texts, lists in json.load(sys.stdin):
    tokenizer = answer(lambda: Tokenizer.from_str(json.dumps(file)))
    if tokenizer is None: found.append(None); continue
    found.append([[answer(lambda: tokenizer.encode(text).ids) for text in texts], [both(tokenizer, ids) for ids in lists]])
json.dump(found, sys.stdout)
`;

type RustAnswer = [(number[] | null)[], (string | null)[][]] | null;

/** A text's ids, or nothing if it is refused by name. */
function encoded(tokenizer: AndromedaTokenizer, text: string): number[] | undefined {
  try {
    return tokenizer.encode(text);
  } catch (error) {
    assert(error instanceof TokenizerError, String(error));
    return undefined;
  }
}

/** One of several values, or none. */
function oneOf(parts: readonly unknown[]): fc.Arbitrary<unknown> {
  return fc.constantFrom(null, ...parts);
}

/** A part, or several in a sequence. */
function sequenceOf(name: string, list: string): fc.Arbitrary<unknown> {
  const parts = partsOf(name);
  const sequence = fc.array(fc.constantFrom(...parts), { minLength: 2, maxLength: 3 });
  return fc.oneof(oneOf(parts), sequence.map((several) => ({ type: "Sequence", [list]: several })));
}

const CONTENTS = ["[N]", "hello", "lo", "É", " ", "<s>", "ab c", "世", "ﬁ", "a", "\u0301", "😀", "x\ny"];

const addedToken = fc.record({
  id: fc.constant(0),
  content: fc.constantFrom(...CONTENTS),
  single_word: fc.boolean(),
  lstrip: fc.boolean(),
  rstrip: fc.boolean(),
  normalized: fc.boolean(),
  special: fc.boolean(),
});

/** At most one token is normalized, because of two tokens that are the same once normalized Rust finds either. */
const addedTokens = fc.uniqueArray(addedToken, { selector: ({ content }) => content, maxLength: 4 }).map((tokens) =>
  tokens.map((token, index) => ({ ...token, normalized: token.normalized && index === 0 }))
);

const tokenizerFile = fc.record({
  version: fc.constant("1.0"),
  added_tokens: addedTokens,
  normalizer: sequenceOf("normalizer", "normalizers"),
  pre_tokenizer: sequenceOf("pre_tokenizer", "pretokenizers"),
  post_processor: oneOf(partsOf("post_processor")),
  decoder: sequenceOf("decoder", "decoders"),
  model: fc.constantFrom(...answers.models),
});

const text = fc.array(
  fc.oneof(
    fc.constantFrom(...answers.texts),
    fc.constantFrom(...CONTENTS, " ", "\n", "\r\n", "▁", "Σ", "İ", "Ⅷ", "½", "_", "'s", "$&", "|", "\u200d", "\u0323"),
    fc.string({ unit: "binary", maxLength: 8 }),
    fc.string({ unit: "grapheme", maxLength: 8 }),
    fc.string({ unit: "grapheme-ascii", maxLength: 12 }),
  ),
  { maxLength: 6 },
).map((parts) => parts.join(""));

pythonTest(
  "random tokenizers give Rust's ids for random texts, and its text for random ids",
  ["tokenizers"],
  async () => {
    const seed = Number(Deno.env.get("FUZZ_SEED") ?? 7);
    const numRuns = Number(Deno.env.get("FUZZ_RUNS") ?? 400);
    const texts = fc.array(text.filter((each) => !NEWER_THAN_A_HOST.test(each)), { minLength: 8, maxLength: 8 });
    const draws = fc.array(fc.array(fc.nat(999), { maxLength: 10 }), { minLength: 4, maxLength: 4 });
    const samples = fc.sample(fc.tuple(tokenizerFile, texts, draws), { seed, numRuns });

    const cases: { tokenizer: AndromedaTokenizer; file: unknown; texts: string[]; lists: number[][] }[] = [];
    for (const [file, texts, draws] of samples) {
      const tokenizer = await load(file);
      if (tokenizer instanceof TokenizerError) continue; // refused by name
      const lists = draws.map((ids) => ids.map((id) => id % tokenizer.vocabSize));
      cases.push({ tokenizer, file, texts, lists });
    }
    assert(cases.length > 0.8 * numRuns, `only ${cases.length} of ${numRuns} tokenizers are accepted`);

    const found = await runPython<RustAnswer[]>(RUST, [], cases.map(({ file, texts, lists }) => [file, texts, lists]));
    let compared = 0;
    for (const [index, { tokenizer, file, texts, lists }] of cases.entries()) {
      const answer = found[index];
      if (answer === null || answer === undefined) continue; // Rust refuses what we read
      const name = JSON.stringify({ ...file as Record<string, unknown>, model: undefined });
      for (const [i, text] of texts.entries()) {
        const expected = answer[0][i];
        if (expected === null || expected === undefined) continue; // Rust fails, in many cases by a panic
        const ids = encoded(tokenizer, text);
        if (ids === undefined) continue; // refused by name
        compared++;
        assertEquals(ids.join(" "), expected.join(" "), `${JSON.stringify(text)} ${name}`);
      }
      for (const [i, ids] of lists.entries()) {
        for (const skipSpecialTokens of [false, true]) {
          const expected = answer[1][i]?.[skipSpecialTokens ? 1 : 0];
          const decoded = tokenizer.decode(ids, { skipSpecialTokens });
          if (typeof expected === "string") assertEquals(decoded, expected, `${ids} ${name}`);
          const streamed = await Array.fromAsync(tokenizer.decodeStream(ids, { skipSpecialTokens }));
          assertEquals(streamed.join(""), decoded, `${ids} ${name}`);
        }
      }
    }
    assert(compared > 4 * numRuns, `only ${compared} texts were compared`);
  },
);
