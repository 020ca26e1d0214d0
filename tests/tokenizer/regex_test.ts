/** Oniguruma's regular expressions as JavaScript's, against Oniguruma itself in Rust's tokenizers. */

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { wordEncoder } from "../../data/text/pipeline/cuts.ts";
import { pieceOf } from "../../data/text/pipeline/piece.ts";
import { readPreTokenizer } from "../../data/text/pipeline/pre_tokenizers.ts";
import type { PreTokenizer } from "../../data/text/pipeline/pre_tokenizers.ts";
import { Section } from "../../data/text/pipeline/section.ts";
import { translateRegex } from "../../data/text/regex/regex.ts";
import { TokenizerError } from "../../errors.ts";
import { pythonTest, runPython } from "../support/python.ts";

const ATOMS = [
  ..."ab1_'sKſé世{}]. ",
  ..."\\d \\D \\w \\W \\s \\S \\h \\H \\R \\N \\O \\b \\B \\A \\z \\Z ^ $ \\. \\n \\x20 \\u00e9 \\x{4e16}".split(" "),
  ..."\\p{L} \\p{N} \\P{L} \\p{^Lu} \\p{Han} \\p{greek} \\p{Alnum} \\p{Word} \\p{Punct} \\p{old_italic}".split(" "),
  ..."[abc] [^a] [a-c] [[:alpha:]] [[:^digit:]\\n] [\\w&&[^b]] [^\\s\\p{L}] [+-] [a\\-] [\\W] [[a-c][x-z]]".split(" "),
  ..."[^[:punct:]] [a-c&&b-d&&[^c]] [\\]\\[] [K-s] [^\\w\\s] [[:word:]] [[:print:]]".split(" "),
];
const QUANTIFIERS = ["", "", "", "", "*", "+", "?", "*?", "+?", "??", "*+", "++", "?+", "{2}", "{1,2}", "{,2}", "{1,}"];
const GROUPS = [
  "(",
  "(?:",
  "(?i:",
  "(?m:",
  "(?x: ",
  "(?=",
  "(?!",
  "(?<=",
  "(?<!",
  "(?>",
  "(?<n>",
  "(?-i:",
  "(?m-i:",
  "(?i)(",
];

const { pattern } = fc.letrec<{ pattern: string; group: string }>((tie) => ({
  pattern: fc.array(
    fc.tuple(
      fc.oneof({ weight: 5, arbitrary: fc.constantFrom(...ATOMS) }, tie("group")),
      fc.constantFrom(...QUANTIFIERS, "{2}?", "{1,2}?", "{1,2}+", "|"),
    ),
    { minLength: 1, maxLength: 3 },
  ).map((parts) => parts.map((part) => part.join("")).join("")),
  group: fc.tuple(fc.constantFrom(...GROUPS), tie("pattern")).map(([open, inside]) => `${open}${inside})`),
}));

const text = fc.array(
  fc.constantFrom("\u212a", ..."aabbc AB1_2 \n\r\t'.-+é世かxkKſKsyz{}]²½αΩ", "\u0301", "😀", "\r\n"),
  {
    maxLength: 14,
  },
)
  .map((characters) => characters.join(""));

function split(regex: string, options = { behavior: "Isolated", invert: false }): PreTokenizer | TokenizerError {
  try {
    return readPreTokenizer(new Section("pre_tokenizer", { type: "Split", pattern: { Regex: regex }, ...options }));
  } catch (error) {
    if (error instanceof TokenizerError) return error;
    throw new Error(regex, { cause: error });
  }
}

const ONIGURUMA = `
import json, os, sys
os.environ["RUST_BACKTRACE"] = "0"
from tokenizers import Regex, pre_tokenizers
def answer(call):
    try: return call()
    except BaseException: return None
def parts(regex, texts):
    split = answer(lambda: pre_tokenizers.Split(Regex(regex), "isolated"))
    if split is None: return None
    return [answer(lambda: [part for part, _ in split.pre_tokenize_str(text)]) for text in texts]
regexes, texts = json.load(sys.stdin)
json.dump([parts(regex, texts) for regex in regexes], sys.stdout)
`;

pythonTest("random expressions cut random texts where Oniguruma does", ["tokenizers"], async () => {
  const seed = Number(Deno.env.get("FUZZ_SEED") ?? 7);
  const numRuns = Number(Deno.env.get("FUZZ_RUNS") ?? 2000);
  const regexes = fc.sample(pattern, { seed, numRuns });
  const texts = ["", "\n", "a\n", "ab\r\ncd\n", "K k \u212a ſ S", "aaaa", ...fc.sample(text, { seed, numRuns: 12 })];
  const expected = await runPython<((string[] | null)[] | null)[]>(ONIGURUMA, [], [regexes, texts]);
  let compared = 0;
  regexes.forEach((regex, index) => {
    const ours = split(regex);
    const parts = expected[index];
    if (ours instanceof TokenizerError || parts === null || parts === undefined) return; // refused here or there
    compared++;
    texts.forEach((text, i) => {
      if (parts[i] === null) return; // Oniguruma gives up
      assertEquals(ours.cut(pieceOf(text)).map((piece) => piece.text), parts[i], `${regex} in ${JSON.stringify(text)}`);
    });
  });
  assert(compared > 0.5 * numRuns, `only ${compared} of ${numRuns} expressions were compared`);
});

/** What a pre-tokenizer cuts in UTF-8, unless it cuts pieces only. */
function wordsOf({ cuts }: PreTokenizer): ((text: string) => string[]) | undefined {
  let words: string[] = [];
  const encode = (bytes: Uint8Array, start: number, end: number): void => {
    words.push(new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes.subarray(start, end)));
  };
  const cut = cuts && wordEncoder(cuts, { encode });
  return cut && ((text) => {
    words = [];
    cut(text, []);
    return words;
  });
}

Deno.test("an automaton cuts a text where its expression does", () => {
  const seed = Number(Deno.env.get("FUZZ_SEED") ?? 7);
  const numRuns = Number(Deno.env.get("FUZZ_RUNS") ?? 2000);
  const texts = ["", "\n", "ab\r\ncd\n", "K k \u212a ſ S", "\ufeffa", ...fc.sample(text, { seed, numRuns: 20 })];
  let compared = 0;
  for (const regex of fc.sample(pattern, { seed, numRuns })) {
    for (const options of [{ behavior: "Isolated", invert: false }, { behavior: "Removed", invert: true }]) {
      const pieces = split(regex, options);
      if (pieces instanceof TokenizerError) break;
      const words = wordsOf(pieces);
      if (words === undefined) break; // the expression is no program
      compared++;
      for (const text of texts) {
        const expected = pieces.cut(pieceOf(text)).map((piece) => piece.text);
        assertEquals(words(text), expected, `${regex} ${options.behavior} in ${JSON.stringify(text)}`);
      }
    }
  }
  assert(compared > 0.3 * numRuns, `only ${compared} of ${2 * numRuns} expressions are programs`);
});

Deno.test("an automaton numbers its states and kinds of characters anew when it has too many", () => {
  const ways = fc.sample(fc.constantFrom("a", "b"), { seed: 7, numRuns: 4000 }).join("") + "a".repeat(12) + "c";
  const letters = Array.from({ length: 400 }, (_, i) => String.fromCodePoint(0x4e00 + i));
  const cases = [
    ["(?:a|b)*a(?:a|b){11}c", ways],
    [`[${letters.join("")}]+x|${letters.join("|")}`, [...letters, ...letters.toReversed(), "x"].join("")],
  ] as const;
  for (const [regex, text] of cases) {
    const pieces = split(regex);
    if (pieces instanceof TokenizerError) throw pieces;
    assertEquals(wordsOf(pieces)?.(text), pieces.cut(pieceOf(text)).map((piece) => piece.text));
  }
});

Deno.test("patterns of real tokenizers are translated, and stay as fast as they are long", () => {
  const gpt4 = translateRegex(
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?+\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]++[\\r\\n]*|\\s*[\\r\\n]|\\s+(?!\\S)|\\s+",
  );
  assertEquals("I'LL go, 12345  now\n".match(gpt4), ["I", "'LL", " go", ",", " ", "123", "45", " ", " now", "\n"]);
  for (const part of ["a", " ", "1", "!", "\n", " a"]) assert("x".concat(part.repeat(100_000)).match(gpt4)!.length > 0);
});
