import { assert, assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { AndromedaTokenizer } from "../../data/text/tokenizer.ts";
import { ConfigError, TokenizerError } from "../../errors.ts";
import { byteFallbackJson, byteLevelJson } from "./tiny_tokenizers.ts";

const bytesOf = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));

Deno.test("a tokenizer that names no end has none, and no id beyond its vocabulary", async () => {
  const bert = { cls_token: "[CLS]", sep_token: "[SEP]", model_max_length: 512 };
  for (const config of [undefined, {}, bert]) {
    const tokenizer = await AndromedaTokenizer.load({ tokenizer: byteLevelJson(), config });
    assertEquals([tokenizer.eosToken, tokenizer.eosId, tokenizer.padToken, tokenizer.padId], Array(4).fill(undefined));
    assertEquals(tokenizer.vocabSize, 263);
    assertEquals(tokenizer.encode("<eos>").length, 5); // text like any other
    assertEquals(tokenizer.modelMaxLength, config === bert ? 512 : 8192);
  }
});

Deno.test("a padding token stands without an end, from the config or from tokenizer.json itself", async () => {
  const named = await AndromedaTokenizer.load({ tokenizer: byteLevelJson(), config: { pad_token: "<|endoftext|>" } });
  assertEquals([named.eosId, named.padId, named.vocabSize], [undefined, 262, 263]);
  const padding = { strategy: "BatchLongest", direction: "Right", pad_id: 1, pad_type_id: 0, pad_token: '"' };
  const own = await AndromedaTokenizer.load({ tokenizer: { ...byteLevelJson(), padding } });
  assertEquals([own.eosId, own.padId, own.padToken], [undefined, 1, '"']);
  assertEquals(own.decode([1], { skipSpecialTokens: true }), '"'); // it is no special token
});

Deno.test("asked for, <eos>, <pad> and extra ids take the next ids in this order", async () => {
  const tokenizer = await AndromedaTokenizer.load(bytesOf(byteLevelJson()), {
    eosToken: "<eos>",
    padToken: "<pad>",
    extraIds: 1,
  });
  assertEquals([tokenizer.eosToken, tokenizer.padToken], ["<eos>", "<pad>"]);
  assertEquals([tokenizer.eosId, tokenizer.padId, tokenizer.idOf("<extra_id_0>")], [263, 264, 265]);
  assertEquals(tokenizer.vocabSize, 266);
  assertEquals(tokenizer.modelMaxLength, 8192);
});

Deno.test("a config's special tokens stand, and its end also pads where it names no padding", async () => {
  const config = { eos_token: { content: "<|endoftext|>" }, model_max_length: 512 };
  const tokenizer = await AndromedaTokenizer.load({ tokenizer: byteLevelJson(), config });
  assertEquals([tokenizer.eosId, tokenizer.padId, tokenizer.vocabSize, tokenizer.modelMaxLength], [262, 262, 263, 512]);
  const unlimited = { eos_token: "</s>", pad_token: "<pad>", model_max_length: 1e30 };
  const other = await AndromedaTokenizer.load({ tokenizer: byteLevelJson(), config: bytesOf(unlimited) });
  assertEquals([other.eosToken, other.eosId, other.padId, other.modelMaxLength], ["</s>", 263, 264, 8192]);
});

Deno.test("options go before the config, and a token that exists is not added again", async () => {
  const tokenizer = await AndromedaTokenizer.load(
    { tokenizer: byteLevelJson(), config: { eos_token: "<|endoftext|>" } },
    { eosToken: "hello", padToken: "<|endoftext|>", modelMaxLength: 3 },
  );
  assertEquals([tokenizer.eosId, tokenizer.padId, tokenizer.vocabSize], [259, 262, 263]);
  assertEquals(tokenizer.tokenizeTexts("abcdef").shape, [1, 3]);
});

Deno.test("loading leaves the caller's objects as they are", async () => {
  const tokenizer = byteLevelJson();
  const before = JSON.stringify(tokenizer);
  await AndromedaTokenizer.load({ tokenizer });
  assertEquals(JSON.stringify(tokenizer), before);
});

Deno.test("texts become a rectangle with its mask", async () => {
  const tokenizer = await AndromedaTokenizer.load({ tokenizer: byteLevelJson() }, { padToken: "<pad>" });
  const [h, i, hello, pad] = ["h", "i", "hello", "<pad>"].map((token) => tokenizer.idOf(token));

  const right = tokenizer.tokenizeTexts(["hi", "", "hello"]);
  assertEquals(right.shape, [3, 2]);
  assertEquals([...right.inputIds], [h, i, pad, pad, hello, pad]);
  assertEquals([...right.attentionMask], [1, 1, 0, 0, 1, 0]);

  const left = tokenizer.tokenizeTexts(["hi", "hello"], { paddingSide: "left", padding: "max", maxLength: 3 });
  assertEquals(left.shape, [2, 3]);
  assertEquals([...left.inputIds], [pad, h, i, pad, pad, hello]);
  assertEquals([...left.attentionMask], [0, 1, 1, 0, 0, 1]);

  assertEquals([...tokenizer.tokenizeTexts("hi", { maxLength: 1 }).inputIds], [h]);
  assertEquals([...tokenizer.tokenizeTexts("hi", { maxLength: 1, truncationSide: "left" }).inputIds], [i]);
  assertEquals(tokenizer.tokenizeTexts([]).shape, [0, 0]);
  assertEquals(tokenizer.tokenizeTexts([""]).shape, [1, 0]);
});

Deno.test("a padding token in a text is not padding", async () => {
  const tokenizer = await AndromedaTokenizer.load({ tokenizer: byteLevelJson() }, { padToken: "<pad>" });
  const { inputIds, attentionMask } = tokenizer.tokenizeTexts(["<pad>", "hi"]);
  assertEquals([...inputIds.subarray(0, 2)], [tokenizer.padId, tokenizer.padId]);
  assertEquals([...attentionMask], [1, 0, 1, 1]);
});

Deno.test("decode takes arrays, typed arrays, generators and nothing", async () => {
  const tokenizer = await AndromedaTokenizer.load({ tokenizer: byteLevelJson() });
  const text = "hello 你好 !";
  const ids = tokenizer.encode(text);
  assertEquals(tokenizer.decode(ids), text);
  assertEquals(tokenizer.decode(Int32Array.from(ids)), text);
  assertEquals(tokenizer.decode(ids.values()), text);
  assertEquals(tokenizer.decode([]), "");
  assertEquals(tokenizer.decode(new Int32Array(0)), "");
});

Deno.test("decode keeps spaces before punctuation and byte-order marks", async () => {
  const tokenizer = await AndromedaTokenizer.load({
    tokenizer: byteLevelJson(),
    config: { clean_up_tokenization_spaces: true },
  });
  for (const text of ["hello , he 's . ?", "\uFEFFhello\uFEFF"]) {
    assertEquals(tokenizer.decode(tokenizer.encode(text)), text);
  }
});

Deno.test("special tokens are left out on request only", async () => {
  const tokenizer = await AndromedaTokenizer.load({ tokenizer: byteLevelJson() }, { eosToken: "<eos>" });
  const ids = tokenizer.encode("hello<eos> he<|endoftext|>");
  assertEquals(tokenizer.decode(ids), "hello<eos> he<|endoftext|>");
  assertEquals(tokenizer.decode(ids, { skipSpecialTokens: true }), "hello he");
  assertEquals((await Array.fromAsync(tokenizer.decodeStream(ids, { skipSpecialTokens: true }))).join(""), "hello he");
});

Deno.test("ids and tokens name each other", async () => {
  const tokenizer = await AndromedaTokenizer.load({ tokenizer: byteLevelJson() });
  for (let id = 0; id < tokenizer.vocabSize; id++) assertEquals(tokenizer.idOf(tokenizer.tokenOf(id)), id);
});

Deno.test("ids that no token has are refused by name", async () => {
  const tokenizer = await AndromedaTokenizer.load({ tokenizer: byteLevelJson() });
  for (const id of [-1, 1.5, tokenizer.vocabSize, NaN, Infinity]) {
    const error = assertThrows(() => tokenizer.decode([0, id]), TokenizerError);
    assertStringIncludes(error.message, `token id ${id}`);
    assertStringIncludes(error.message, `0 to ${tokenizer.vocabSize - 1}`);
    await assertRejects(() => Array.fromAsync(tokenizer.decodeStream([0, id])), TokenizerError);
  }
  assertThrows(() => tokenizer.decode("12" as never), TokenizerError, "the string");
  assertThrows(() => tokenizer.decode(12 as never), TokenizerError, "expected token ids");
  assertThrows(() => tokenizer.idOf("nosuch"), TokenizerError, '"nosuch"');
});

Deno.test("values that are no text are refused", async () => {
  const tokenizer = await AndromedaTokenizer.load({ tokenizer: byteLevelJson() });
  assertThrows(() => tokenizer.encode(5 as never), TokenizerError, "number 5");
  assertThrows(() => tokenizer.encode(undefined as never), TokenizerError, "undefined");
  assertThrows(() => tokenizer.tokenizeTexts(["a", null] as never), TokenizerError, "expected a string");
  assertThrows(() => tokenizer.tokenizeTexts({} as never), TokenizerError, "array of strings");
  assertThrows(
    () => tokenizer.tokenizeTexts(["a", "abc"], { maxLength: 2, truncation: false }),
    TokenizerError,
    "text 1",
  );
  assertThrows(() => tokenizer.tokenizeTexts("a", { maxLength: 0 }), ConfigError, "maxLength 0");
});

Deno.test("values that are no tokenizer are refused", async () => {
  const refused: [unknown, string][] = [
    [bytesOf(3), "expected a JSON object"],
    [Uint8Array.of(137, 80, 78, 71), "not JSON"],
    [{ tokenizer: {} }, "model.vocab"],
    [{ tokenizer: { ...byteLevelJson(), model: { type: "BPE", vocab: { a: -1 }, merges: [] } } }, 'id of "a"'],
    [{ tokenizer: { ...byteLevelJson(), added_tokens: [{ content: "a" }] } }, "added_tokens"],
    [{ tokenizer: { ...byteLevelJson(), decoder: { type: "Nosuch" } } }, "Nosuch"],
    [{ tokenizer: byteLevelJson(), config: Uint8Array.of(123) }, "tokenizer_config.json"],
    [5, "from 5"],
    [null, "from null"],
  ];
  for (const [source, message] of refused) {
    await assertRejects(() => AndromedaTokenizer.load(source as never), TokenizerError, message);
  }
  const options = [{ extraIds: -1 }, { extraIds: 0.5 }, { extraIds: 1e10 }, { modelMaxLength: 0 }, { eosToken: "" }];
  for (const each of [...options, { padToken: 5 as never }]) {
    await assertRejects(() => AndromedaTokenizer.load({ tokenizer: byteLevelJson() }, each), ConfigError);
  }
});

Deno.test("vocabularies that fall back to bytes work, streamed too", async () => {
  const tokenizer = await AndromedaTokenizer.load({ tokenizer: byteFallbackJson(), config: { eos_token: "</s>" } });
  for (const text of ["the cat", "你好 the 👩‍👩‍👧 é", " the", "the  the"]) {
    const ids = tokenizer.encode(text);
    assertEquals(tokenizer.decode(ids), text);
    const pieces = await Array.fromAsync(tokenizer.decodeStream(ids));
    assertEquals(pieces.join(""), text);
    assert(pieces.every((piece) => !piece.includes("\uFFFD")));
  }
});

Deno.test("a folder, a path and URLs of them lead to the same tokenizer", async () => {
  const folder = await Deno.makeTempDir();
  const config = { eos_token: "<|endoftext|>", model_max_length: 100 };
  await Deno.writeTextFile(`${folder}/tokenizer.json`, JSON.stringify(byteLevelJson()));
  await Deno.writeTextFile(`${folder}/tokenizer_config.json`, JSON.stringify(config));
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, async (request) => {
    const file = await Deno.readFile(folder + new URL(request.url).pathname).catch(() => undefined);
    return file === undefined ? new Response("none", { status: 404 }) : new Response(file);
  });
  const base = `http://127.0.0.1:${server.addr.port}`;
  try {
    const sources = [folder, `${folder}/tokenizer.json`, new URL(`file://${folder}/`), base, `${base}/tokenizer.json`];
    for (const source of sources) {
      const tokenizer = await AndromedaTokenizer.load(source);
      assertEquals([tokenizer.eosId, tokenizer.padId, tokenizer.modelMaxLength], [262, 262, 100], String(source));
      assertEquals(tokenizer.decode(tokenizer.encode("hello 你好")), "hello 你好");
    }
    await Deno.remove(`${folder}/tokenizer_config.json`);
    assertEquals((await AndromedaTokenizer.load(base)).eosToken, undefined);

    await Deno.remove(`${folder}/tokenizer.json`);
    for (const source of [folder, base]) {
      await assertRejects(() => AndromedaTokenizer.load(source), TokenizerError, "has no tokenizer.json");
    }
  } finally {
    await server.shutdown();
    await Deno.remove(folder, { recursive: true });
  }
  await assertRejects(() => AndromedaTokenizer.load(`${folder}/gone`), TokenizerError, "no such file or folder");
});

Deno.test("the default comes from the Hub, and its own config does not replace the documented tokens", async () => {
  const asked: string[] = [];
  const files: Record<string, unknown> = {
    "tokenizer.json": byteLevelJson(),
    "tokenizer_config.json": { eos_token: "<|endoftext|>", model_max_length: 2048 },
  };
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, (request) => {
    const { pathname } = new URL(request.url);
    asked.push(pathname);
    return Response.json(files[pathname.split("/").at(-1) ?? ""]);
  });
  const options = { host: `http://127.0.0.1:${server.addr.port}`, cache: false } as const;
  try {
    const tokenizer = await AndromedaTokenizer.load(undefined, options);
    assertEquals([tokenizer.eosToken, tokenizer.padToken, tokenizer.modelMaxLength], ["<eos>", "<pad>", 8192]);
    assertEquals(asked[0], "/EleutherAI/gpt-neox-20b/resolve/main/tokenizer.json");

    const other = await AndromedaTokenizer.load("someone/else@v2", options);
    assertEquals([other.eosToken, other.padToken, other.modelMaxLength], ["<|endoftext|>", "<|endoftext|>", 2048]);
    assertEquals(asked.at(-1), "/someone/else/resolve/v2/tokenizer_config.json");
  } finally {
    await server.shutdown();
  }
});

Deno.test("an aborted load rejects with the signal's reason", async () => {
  const reason = new DOMException("changed my mind", "AbortError");
  const load = AndromedaTokenizer.load("someone/else", { signal: AbortSignal.abort(reason), cache: false });
  assertEquals(await load.catch((error) => error), reason);
});
