import { assertEquals } from "@std/assert";
import { AndromedaTokenizer } from "../../data/text/tokenizer.ts";
import { goldenPath, goldenTest } from "../support/golden.ts";

interface Case {
  text: string;
  ids: number[];
}

goldenTest("GPT-NeoX gives the ids of the Rust tokenizer for 1,000 texts", async () => {
  const lines = Deno.readTextFileSync(goldenPath("tokenizers/gpt-neox-20b/golden.jsonl")).trimEnd().split("\n");
  assertEquals(lines.length, 1000);
  const tokenizer = await AndromedaTokenizer.load(goldenPath("tokenizers/gpt-neox-20b"));
  for (const line of lines) {
    const { text, ids } = JSON.parse(line) as Case;
    assertEquals(tokenizer.encode(text), ids, JSON.stringify(text));
    assertEquals(tokenizer.decode(ids), text.normalize("NFC"));
  }
});

goldenTest("GPT-NeoX takes <eos>, <pad> and extra ids after its own tokens, and still knows its others", async () => {
  const tokenizer = await AndromedaTokenizer.load(goldenPath("tokenizers/gpt-neox-20b/tokenizer.json"), {
    extraIds: 2,
  });
  assertEquals([tokenizer.eosId, tokenizer.padId], [50281, 50282]);
  assertEquals([tokenizer.idOf("<extra_id_0>"), tokenizer.idOf("<extra_id_1>")], [50283, 50284]);
  assertEquals(tokenizer.vocabSize, 50285);
  assertEquals(tokenizer.modelMaxLength, 8192);
  assertEquals(tokenizer.encode("a<eos>b<pad><|endoftext|>"), [66, 50281, 67, 50282, 0]);
});

goldenTest("a trained checkpoint's tokenizer keeps the special tokens and the length of its config", async () => {
  const tokenizer = await AndromedaTokenizer.load(goldenPath("checkpoint"));
  assertEquals([tokenizer.eosToken, tokenizer.padToken], ["<|endoftext|>", "<|endoftext|>"]);
  assertEquals([tokenizer.eosId, tokenizer.padId, tokenizer.vocabSize], [0, 0, 1024]);
  assertEquals(tokenizer.modelMaxLength, 256);

  const { cases } = JSON.parse(Deno.readTextFileSync(goldenPath("checkpoint/tokenizer_cases.json"))) as {
    cases: Case[];
  };
  assertEquals(cases.length, 355);
  for (const { text, ids } of cases) {
    assertEquals(tokenizer.encode(text), ids, JSON.stringify(text));
    assertEquals(tokenizer.decode(ids), text);
  }
});

goldenTest("a megabyte of text comes back as it was, whole and streamed", async () => {
  const tokenizer = await AndromedaTokenizer.load(goldenPath("tokenizers/gpt-neox-20b"));
  const text = Deno.readTextFileSync(goldenPath("data/tinyshakespeare.txt"));
  const ids = tokenizer.encode(text);
  assertEquals(tokenizer.decode(ids) === text, true);
  let streamed = "";
  for await (const piece of tokenizer.decodeStream(ids)) streamed += piece;
  assertEquals(streamed === text, true);
});
