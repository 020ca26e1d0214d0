/** Words in UTF-8 against the way by pieces and against Rust's tokenizers, on a megabyte of each kind of text. */

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { wordEncoder } from "../../data/text/pipeline/cuts.ts";
import { readPreTokenizer } from "../../data/text/pipeline/pre_tokenizers.ts";
import { Section } from "../../data/text/pipeline/section.ts";
import { AndromedaTokenizer } from "../../data/text/tokenizer.ts";
import { MergeTable } from "../../data/text/vocabulary/merge_table.ts";
import { goldenFolders, goldenTest, readGoldenJson } from "../support/golden.ts";
import { pythonTest, runPython } from "../support/python.ts";
import { NEWER_THAN_A_HOST } from "./rust_answers.ts";

type Json = Readonly<Record<string, unknown>>;

const byteLevel = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: false };

/** Cuts at expressions one after another, as the files of large models do. */
function splits(regexes: readonly string[], behavior = "Isolated", invert = false): Json {
  const steps = regexes.map((regex) => ({ type: "Split", pattern: { Regex: regex }, behavior, invert }));
  return { type: "Sequence", pretokenizers: [...steps, byteLevel] };
}

const CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
const UPPER = String.raw`[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]`;
const LOWER = String.raw`[\p{Ll}\p{Lm}\p{Lo}\p{M}]`;
const START = String.raw`[^\r\n\p{L}\p{N}]?`;
const SPACES = String.raw`\s*[\r\n]+|\s+(?!\S)|\s+`;
const O200K = String.raw`${START}${UPPER}*${LOWER}+${CONTRACTIONS}?|${START}${UPPER}+${LOWER}*${CONTRACTIONS}?|` +
  String.raw`\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|${SPACES}`;
const words = String.raw`${CONTRACTIONS}|${START}\p{L}+`;
const others = String.raw` ?[^\s\p{L}\p{N}]+[\r\n]*|${SPACES}`;

/** The pre-tokenizers of byte-level models. */
const PRE_TOKENIZERS: Readonly<Record<string, Json>> = {
  "GPT-2": { ...byteLevel, use_regex: true },
  "Llama 3": splits([String.raw`${words}|\p{N}{1,3}|${others}`]),
  "Qwen 3": splits([String.raw`${words}|\p{N}|${others}`]),
  "gpt-oss": splits([O200K]),
  "GPT-4o without what lies between": splits([O200K], "Removed", true),
  "Mistral": splits([O200K.replaceAll(`${CONTRACTIONS}?`, "").replace("{1,3}", "")]),
  "tiktoken": splits([
    String.raw`'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|` +
    String.raw`\s*[\r\n]|\s+(?!\S)|\s`,
  ]),
  "DeepSeek 3": splits([
    String.raw`\p{N}{1,3}`,
    "[一-龥\u3040-ゟ゠-ヿ]+",
    "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+|" +
    " ?[\\p{P}\\p{S}]+[\r\n]*|\\s*[\r\n]+|\\s+(?!\\S)|\\s+",
  ]),
  "StarCoder": {
    type: "Sequence",
    pretokenizers: [{ type: "Digits", individual_digits: true }, { ...byteLevel, use_regex: true }],
  },
};

/** A file whose tokenizer cuts by pieces: a text that never comes is no expression. */
function byPieces(file: Json): Json {
  const never = { type: "Split", pattern: { String: "never\0" }, behavior: "Isolated", invert: false };
  return { ...file, pre_tokenizer: { type: "Sequence", pretokenizers: [never, file["pre_tokenizer"]] } };
}

/** Whole numbers from 0 up to a limit, the same at each run. */
function numbers(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % limit;
  };
}

/** Text of runs of some alphabet each. */
function runs(alphabets: readonly string[], length: number): string {
  const next = numbers(7);
  const characters = alphabets.map((alphabet) => [...alphabet]);
  let text = "";
  while (text.length < length) {
    const alphabet = characters[next(characters.length)] ?? [];
    for (let count = 1 + next(9); count > 0; count--) text += alphabet[next(alphabet.length)] ?? "";
  }
  return text;
}

/** Text of random numbers, without characters on which hosts differ. */
function random(length: number, decode: (next: (limit: number) => number) => string): string {
  const next = numbers(11);
  let text = "";
  while (text.length < length) {
    text += [...decode(next).toWellFormed()].filter((character) => !NEWER_THAN_A_HOST.test(character)).join("");
  }
  return text;
}

const range = (first: number, last: number) =>
  Array.from({ length: last - first + 1 }, (_, i) => String.fromCodePoint(first + i)).join("");

/** Texts of each kind. */
async function texts(length: number): Promise<Readonly<Record<string, string>>> {
  const read = async (path: string) => await (await fetch(new URL(`../../${path}`, import.meta.url))).text();
  const repeated = (text: string) => text.repeat(Math.ceil(length / text.length)).slice(0, length);
  const cjk = [
    range(0x4e00, 0x9fa5),
    range(0x4e00, 0x4eff),
    range(0x3041, 0x30ff),
    range(0xac00, 0xd7a3),
    "、。 「」\n",
  ];
  const marks = [
    "'s't're'LL'Ve'ſ",
    " \n\r\t\u00a0\u2028\u0085",
    "0123456789½Ⅷ²",
    "\u0301\u0300ʰªǅ",
    "!?#/\\\r\n",
    "aBcDé",
  ];
  return {
    English: repeated(await read("README.md") + await read("CHANGELOG.md") + await read("ARCHITECTURE.md")),
    code: repeated(await read("data/text/tokenizer.ts") + await read("bench/main.ts")),
    CJK: runs(cjk, length),
    emoji: runs([range(0x1f300, 0x1f5ff), "👩‍🚀🇩🇪", " ", "ok"], length),
    marks: runs(marks, length),
    bytes: random(length, (next) => new TextDecoder().decode(Uint8Array.from({ length: 99 }, () => next(256)))),
    UTF16: random(length, (next) => String.fromCharCode(...Array.from({ length: 99 }, () => next(0x10000)))),
  };
}

async function demo(): Promise<Json> {
  return await (await fetch(new URL("../../examples/shakespeare/tokenizer.json", import.meta.url))).json();
}

async function neox(): Promise<Json> {
  return await readGoldenJson<Json>("tokenizers/gpt-neox-20b/tokenizer.json");
}

Deno.test("words in UTF-8 have the ids of pieces, whichever model's pattern cuts them", async () => {
  const file = await demo();
  const samples = Object.entries(await texts(10_000));
  for (const [name, pre_tokenizer] of Object.entries(PRE_TOKENIZERS)) {
    const { cuts } = readPreTokenizer(new Section("pre_tokenizer", pre_tokenizer));
    assert(cuts !== undefined && wordEncoder(cuts, { encode: () => {} }) !== undefined, `${name} is cut by pieces`);
    for (const ignore_merges of [false, true]) {
      const tokenizer = { ...file, pre_tokenizer, model: { ...file["model"] as Json, ignore_merges } };
      const ours = await AndromedaTokenizer.load({ tokenizer });
      const pieces = await AndromedaTokenizer.load({ tokenizer: byPieces(tokenizer) });
      for (const [kind, text] of samples) {
        assertEquals(ours.encode(text).join(" "), pieces.encode(text).join(" "), `${name}: ${kind}`);
      }
    }
  }
});

goldenTest("a megabyte of each kind of text has the ids of its pieces", async () => {
  const tokenizer = await neox();
  const ours = await AndromedaTokenizer.load({ tokenizer });
  const pieces = await AndromedaTokenizer.load({ tokenizer: byPieces(tokenizer) });
  for (const [kind, text] of Object.entries(await texts(1_000_000))) {
    assertEquals(ours.encode(text).join(" ") === pieces.encode(text).join(" "), true, kind);
  }
});

/** Encodes with Rust; the input is JSON: [[tokenizer, texts], ...]. Ids come as texts. */
const RUST = `
import json, sys
from tokenizers import Tokenizer
def answer(file, texts):
    tokenizer = Tokenizer.from_str(json.dumps(file))
    return [" ".join(map(str, tokenizer.encode(text, add_special_tokens=False).ids)) for text in texts]
json.dump([answer(file, texts) for file, texts in json.load(sys.stdin)], sys.stdout)
`;

/** Holds the ids of tokenizers for texts to Rust's. */
async function compareWithRust(files: readonly Json[], samples: Readonly<Record<string, string>>): Promise<void> {
  const kinds = Object.entries(samples);
  const cases = files.map((file) => [file, kinds.map(([, text]) => text)]);
  const expected = await runPython<string[][]>(RUST, [], cases);
  for (const [index, tokenizer] of files.entries()) {
    const ours = await AndromedaTokenizer.load({ tokenizer, config: { eos_token: "<|endoftext|>" } });
    kinds.forEach(([kind, text], i) => {
      const ids = ours.encode(text, { addSpecialTokens: false }).join(" ");
      assertEquals(ids === expected[index]?.[i], true, `${JSON.stringify(tokenizer["pre_tokenizer"])}: ${kind}`);
    });
  }
}

pythonTest("patterns of byte-level models cut as in Rust", ["tokenizers"], async () => {
  const file = await demo();
  const files = Object.values(PRE_TOKENIZERS).map((pre_tokenizer) => ({ ...file, pre_tokenizer }));
  await compareWithRust(files, await texts(10_000));
});

pythonTest("a megabyte of each kind of text has Rust's ids", ["tokenizers"], async () => {
  const hasNeox = (await goldenFolders("tokenizers")).includes("gpt-neox-20b");
  await compareWithRust([hasNeox ? await neox() : await demo()], await texts(1_000_000));
});

/** Joins the pair of the least rank, the leftmost first, until there is none. */
function mergeNaively(merges: readonly (readonly [number, number])[], ids: readonly number[], first: number): number[] {
  const merged = [...ids];
  for (;;) {
    const ranks = merged.slice(1).map((right, i) => merges.findIndex(([a, b]) => a === merged[i] && b === right));
    const least = Math.min(...ranks.filter((rank) => rank >= 0));
    if (least === Infinity) return merged;
    merged.splice(ranks.indexOf(least), 2, first + least);
  }
}

Deno.test("short and long words are merged by the rule: the least rank first, of these the leftmost", () => {
  const LETTERS = 3;
  const merges = fc.uniqueArray(fc.tuple(fc.nat(11), fc.nat(11)), { maxLength: 9, selector: String });
  const ids = fc.array(fc.nat(LETTERS - 1), { maxLength: 150, size: "max" });
  let longest = 0;
  fc.assert(fc.property(merges, ids, (merges, ids) => {
    const table = new MergeTable(merges.length);
    merges.forEach(([left, right], rank) => table.set(left, right, rank, LETTERS + rank));
    const symbols = Int32Array.from(ids);
    const count = table.merge(symbols, symbols.length);
    assertEquals(Array.from(symbols.subarray(0, count)), mergeNaively(merges, ids, LETTERS));
    longest = Math.max(longest, ids.length);
  }));
  assert(longest > 100, `the longest word has ${longest} letters`);
});

Deno.test("a word of a megabyte takes seconds", async () => {
  const tokenizer = await AndromedaTokenizer.load({ tokenizer: await demo() });
  const next = numbers(3);
  const letters = Array.from({ length: 1_000_000 }, () => String.fromCharCode(0x61 + next(26))).join("");
  for (const word of ["a".repeat(1_000_000), letters, " ".repeat(1_000_000), "世".repeat(333_333)]) {
    const start = performance.now();
    const ids = tokenizer.encode(word);
    const seconds = (performance.now() - start) / 1000;
    assert(seconds < 20, `${seconds} s`); // half a second on one core of a server; the square of it would be days
    assert(tokenizer.decode(ids) === word);
  }
});
