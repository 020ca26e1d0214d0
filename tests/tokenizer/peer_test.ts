/** Beside @huggingface/tokenizers, whose ids for byte-level BPE are Rust's too. */

import { Tokenizer } from "@huggingface/tokenizers";
import { assertEquals } from "@std/assert";
import { AndromedaTokenizer } from "../../mod.ts";

const folder = new URL("../../examples/shakespeare/", import.meta.url);

async function readJson(name: string): Promise<Record<string, unknown>> {
  return JSON.parse(await Deno.readTextFile(new URL(name, folder)));
}

Deno.test("ids and texts of the demo's tokenizer are those of @huggingface/tokenizers", async () => {
  const theirs = new Tokenizer(await readJson("tokenizer.json"), await readJson("tokenizer_config.json"));
  const ours = await AndromedaTokenizer.load(folder);
  const readme = await Deno.readTextFile(new URL("../../README.md", import.meta.url));
  const texts = [
    ...readme.split("\n\n"),
    "ROMEO:\nBut, soft! what light through yonder window breaks?",
    "  spaces   and\ttabs\n\n",
    "naïve café, 東京, Ω ½, 👩‍🚀",
    "",
  ];
  for (const text of texts) {
    const { ids } = theirs.encode(text);
    assertEquals(Array.from(ours.encode(text)), Array.from(ids), text);
    if (ids.length === 0) continue;
    assertEquals(ours.decode(ids), theirs.decode(Array.from(ids), { clean_up_tokenization_spaces: false }), text);
  }
});
