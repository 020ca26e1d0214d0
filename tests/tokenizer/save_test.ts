import { assertEquals, assertRejects } from "@std/assert";
import { AndromedaTokenizer } from "../../data/text/tokenizer.ts";
import type { TokenizerSource } from "../../data/text/tokenizer_files.ts";
import type { TokenizerOptions } from "../../data/text/tokenizer_options.ts";
import { ConfigError, TokenizerError } from "../../errors.ts";
import { answers, fileOf } from "./rust_answers.ts";
import { byteFallbackJson, byteLevelJson } from "./tiny_tokenizers.ts";

async function inFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await run(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** What a tokenizer does with texts that hold its special tokens too. */
function behavior(tokenizer: AndromedaTokenizer, texts: readonly string[]) {
  const { eosToken, padToken, eosId, padId, vocabSize, modelMaxLength } = tokenizer;
  const attempt = (run: () => unknown) => {
    try {
      return run();
    } catch (error) {
      return String(error);
    }
  };
  const special = [eosToken, padToken, "<extra_id_0>"].join(" a ");
  return {
    ...{ eosToken, padToken, eosId, padId, vocabSize, modelMaxLength },
    ids: [...texts, special].map((text) => attempt(() => tokenizer.encode(text))),
    cut: attempt(() => tokenizer.encode(texts[0]!, { truncation: true, padding: true })),
  };
}

const sources: Record<string, TokenizerSource> = {
  "byte-level": { tokenizer: byteLevelJson() },
  "with a configuration": {
    tokenizer: byteFallbackJson(),
    config: { eos_token: { content: "</s>" }, chat_template: "{{ messages }}", model_max_length: 20 },
  },
  "bytes": new TextEncoder().encode(JSON.stringify(byteFallbackJson())),
  "Shakespeare": "examples/shakespeare",
};

const choices: TokenizerOptions[] = [
  {},
  { extraIds: 3, modelMaxLength: 7 },
  { eosToken: "<end>", padToken: "<fill>" },
  { padToken: "e" },
];

for (const [name, source] of Object.entries(sources)) {
  Deno.test(`a saved tokenizer is the same when it is loaded again: ${name}`, async () => {
    for (const options of choices) {
      await inFolder(async (folder) => {
        const tokenizer = await AndromedaTokenizer.load(source, options);
        await tokenizer.save(folder);
        const texts = ["hello the world", "你佟 <end> x</s>", ""];
        const saved = await AndromedaTokenizer.load(folder);
        assertEquals(behavior(saved, texts), behavior(tokenizer, texts));
        await saved.save(new URL(`file://${folder}`));
        assertEquals(
          behavior(await AndromedaTokenizer.load(`${folder}/tokenizer.json`), texts),
          behavior(saved, texts),
        );
        assertEquals([...Deno.readDirSync(folder)].length, 2);
      });
    }
  });
}

Deno.test("kinds of tokenizers that Rust's answers know are the same after a save", async () => {
  await inFolder(async (folder) => {
    for (const kind of answers.kinds.filter((_, i) => i % 4 === 0)) {
      const tokenizer = await AndromedaTokenizer.load({ tokenizer: fileOf(kind) }).catch(() => undefined);
      // Some kinds are refused by name.
      if (tokenizer === undefined) continue;
      await tokenizer.save(folder);
      assertEquals(behavior(await AndromedaTokenizer.load(folder), answers.texts), behavior(tokenizer, answers.texts));
    }
  });
});

Deno.test("a tokenizer.json to which nothing was added is saved to the byte, and a configuration keeps its fields", async () => {
  await inFolder(async (folder) => {
    const bytes = await Deno.readFile("examples/shakespeare/tokenizer.json");
    await (await AndromedaTokenizer.load({ tokenizer: bytes, config: { chat_template: "x" } })).save(folder);
    assertEquals(await Deno.readFile(`${folder}/tokenizer.json`), bytes);
    const config = JSON.parse(await Deno.readTextFile(`${folder}/tokenizer_config.json`));
    assertEquals(config.chat_template, "x");
  });
});

Deno.test("a save that would change ids is refused, and leaves what was there", async () => {
  await inFolder(async (folder) => {
    await (await AndromedaTokenizer.load("examples/shakespeare")).save(folder);
    const before = await Deno.readTextFile(`${folder}/tokenizer_config.json`);
    const gaps = { version: "1.0", model: { type: "WordLevel", vocab: { a: 0, b: 9 }, unk_token: "a" } };
    const tokenizer = await AndromedaTokenizer.load({ tokenizer: gaps }, { eosToken: "<end>" });
    assertEquals(tokenizer.eosId, 10);
    await assertRejects(() => tokenizer.save(folder), TokenizerError, "Cannot save the tokenizer");
    assertEquals(await Deno.readTextFile(`${folder}/tokenizer_config.json`), before);
    await assertRejects(() => tokenizer.save("https://example.org/a"), ConfigError, "Cannot save to");
    const whole = await AndromedaTokenizer.load("examples/shakespeare");
    await assertRejects(() => whole.save(`${folder}/tokenizer.json`), TokenizerError, "Cannot write to");
  });
});
