/** Text in, text out: `generateText` gives what `generate` and a decoder give, up to a stop string. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  Andromeda,
  AndromedaTokenizer,
  type Backend,
  ConfigError,
  generateText,
  PalmE,
  ShapeError,
  type Transformer,
} from "../../mod.ts";
import { engineTest } from "../support/engines.ts";
import { byteFallbackJson } from "../tokenizer/tiny_tokenizers.ts";
import { withModel } from "./models.ts";

const SHAKESPEARE = new URL("../../examples/shakespeare/", import.meta.url);

const verse = await AndromedaTokenizer.load(SHAKESPEARE);
const bytes = await AndromedaTokenizer.load({
  tokenizer: byteFallbackJson(),
  config: { eos_token: "</s>", pad_token: "</s>" },
});

const PROMPT = "My gracious";
const greedy = { maxNewTokens: 24, temperature: 0 };

/** Pieces of a text, and why it has ended. */
async function collect(pieces: AsyncGenerator<string, string, void>): Promise<{ pieces: string[]; reason: string }> {
  const all: string[] = [];
  for (;;) {
    const { done, value } = await pieces.next();
    if (done) return { pieces: all, reason: value };
    all.push(value);
  }
}

async function withVerse(backend: Backend, use: (model: Andromeda) => Promise<void>): Promise<void> {
  const model = await Andromeda.load(SHAKESPEARE, { backend });
  try {
    await use(model);
  } finally {
    model.dispose();
  }
}

/** A model with fresh values over the vocabulary of `bytes`. */
async function withBytes(backend: Backend, use: (model: Transformer) => Promise<void>): Promise<void> {
  await withModel(backend, { numTokens: bytes.vocabSize, rotaryPosEmb: true }, use);
}

/** Makes a model give one token again and again. */
const always = (token: number) => ({ ...greedy, maxNewTokens: 3, logitBias: { [token]: 1e6 } });

engineTest("a text is continued piece by piece, up to the first of its stop strings", async (backend) => {
  await withVerse(backend, async (model) => {
    const ids = verse.encode(PROMPT);
    const tokens = await Array.fromAsync(model.generate(ids, greedy));
    const whole = verse.decode([...ids, ...tokens]).slice(PROMPT.length);
    const told: number[] = [];
    const free = await collect(generateText(model, verse, PROMPT, { ...greedy, onToken: (token) => told.push(token) }));
    assertEquals([free.pieces.join(""), free.reason, told], [whole, "length", tokens]);
    assert(free.pieces.length > 12 && !free.pieces.includes(""), `${free.pieces.length} pieces`);
    assertEquals(await collect(generateText(model, verse, ids, greedy)), free);
    for (const [from, to] of [[0, 1], [9, 21]] as const) {
      const stop = [whole.slice(from, to), "no such text"];
      const { pieces, reason } = await collect(generateText(model, verse, PROMPT, { ...greedy, stop }));
      assertEquals([pieces.join(""), reason], [whole.slice(0, whole.indexOf(stop[0]!)), "stop"]);
    }
    const end = whole.slice(-3);
    const held = await collect(generateText(model, verse, PROMPT, { ...greedy, stop: `${end}, and no more` }));
    assertEquals([held.pieces.join(""), held.reason], [whole, "length"]);
  });
}, "slow");

engineTest("a text ends at the tokenizer's end token, unless other tokens are named", async (backend) => {
  await withBytes(backend, async (model) => {
    const end = bytes.eosId!;
    assertEquals(await collect(generateText(model, bytes, "a", always(end))), { pieces: [], reason: "stop" });
    const on = await collect(generateText(model, bytes, "a", { ...always(end), stopTokens: [] }));
    assertEquals(on, { pieces: [], reason: "length" });
    const b = bytes.idOf("b");
    const told: number[] = [];
    const options = { ...always(b), eosToken: b, onToken: (token: number) => told.push(token) };
    assertEquals(await collect(generateText(model, bytes, "a", options)), { pieces: [], reason: "stop" });
    assertEquals(told, [b]);
  });
  await withModel(backend, { numTokens: bytes.vocabSize + 5 }, async (model) => {
    // A model may have more tokens than its tokenizer: they have no text.
    const textless = await collect(generateText(model, bytes, "a", always(bytes.vocabSize + 2)));
    assertEquals(textless, { pieces: [], reason: "length" });
  });
});

engineTest("what a decoder holds back of the prompt is no part of the text that follows", async (backend) => {
  await withBytes(backend, async (model) => {
    const write = async (prompt: string | number[], token: string) =>
      (await collect(generateText(model, bytes, prompt, always(bytes.idOf(token))))).pieces.join("");
    assertEquals(await write("a", "▁the"), " the the the");
    assertEquals(await write("a\n", "b"), "bbb");
    assertEquals(await write("aé", "<0x0A>"), "\n\n\n");
    // Half a character of the prompt becomes whole.
    const half = [...bytes.encode("a"), bytes.idOf("<0xC3>")];
    assertEquals((await write(half, "<0xA9>"))[0], "\ufffd");
    const options = { ...always(bytes.idOf("<0xA9>")), maxNewTokens: 1 };
    assertEquals((await collect(generateText(model, bytes, half, options))).pieces, ["é"]);
  });
});

engineTest("a text about an image takes the image that generate takes", async (backend) => {
  const [encoder, decoder] = [{ encoderDim: 32, encoderDepth: 1, encoderHeads: 1 }, {
    decoderDim: 32,
    decoderDepth: 1,
  }];
  const sizes = { imageSize: 8, patchSize: 4, numTokens: bytes.vocabSize, maxSeqLen: 16 };
  const config = { ...sizes, ...encoder, ...decoder, decoderHeads: 1, alibiNumHeads: 1 };
  const model = await PalmE.create(config, { backend, seed: 1 });
  const image = { data: Float32Array.from({ length: 192 }, (_, i) => i % 7 / 7), shape: [1, 3, 8, 8] };
  const ids = bytes.encode("the");
  const options = { maxNewTokens: 6, temperature: 0, image };
  const tokens = await Array.fromAsync(model.generate(ids, options));
  const { pieces } = await collect(generateText(model, bytes, "the", { ...options, stopTokens: [] }));
  const whole = bytes.decode([...ids, ...tokens], { skipSpecialTokens: true });
  assertEquals(`the${pieces.join("")}`, whole);
  await assertRejects(() => generateText(model, bytes, "the").next(), ConfigError, "or PalmE an image");
  model.dispose();
});

engineTest("a reader who leaves, a stop string, an abort and an error free the cache at once", async (backend) => {
  await withVerse(backend, async (model) => {
    const before = backend.memory();
    const assertFree = () => {
      const { tensors, bytesInUse } = backend.memory();
      assertEquals([tensors, bytesInUse], [before.tensors, before.bytesInUse]);
    };
    for await (const _piece of generateText(model, verse, PROMPT)) break;
    assertFree();
    await collect(generateText(model, verse, PROMPT, { ...greedy, stop: "e" }));
    assertFree();
    const reason = new Error("enough");
    assertEquals(
      await generateText(model, verse, PROMPT, { signal: AbortSignal.abort(reason) }).next().catch((error) => error),
      reason,
    );
    const controller = new AbortController();
    const pieces = generateText(model, verse, PROMPT, { signal: controller.signal });
    await pieces.next();
    controller.abort(reason);
    assertEquals(await collect(pieces).catch((error) => error), reason);
    assertFree();
    const failing = () => {
      throw reason;
    };
    assertEquals(await generateText(model, verse, PROMPT, { onToken: failing }).next().catch((error) => error), reason);
    assertFree();
  });
});

engineTest("what can't be continued is refused by name", async (backend) => {
  await withVerse(backend, async (model) => {
    const long = "Now is the winter of our discontent. ".repeat(100);
    const call = generateText as (...args: unknown[]) => AsyncGenerator<string>; // as callers without types do
    const fails = async (errorClass: new () => Error, message: string, ...args: unknown[]) =>
      void await assertRejects(() => call(...args).next(), errorClass, message);
    await fails(ShapeError, "maxSeqLen = 256", model, verse, long);
    await fails(ShapeError, "overflow = stop", model, verse, long, { overflow: "stop" });
    await fails(ShapeError, "Cannot continue an empty prompt", model, verse, "");
    await fails(ShapeError, "Cannot continue an empty prompt", model, verse, []);
    for (const stop of ["", [""], [1], 7, [["a"]]]) {
      await fails(ConfigError, "Cannot use stop = ", model, verse, "a", { stop });
    }
    await fails(ConfigError, "Cannot use stopTokens = 5", model, verse, "a", { stopTokens: 5 });
    await fails(ConfigError, "did you mean maxNewTokens", model, verse, "a", { maxNewToken: 5 });
    await fails(ConfigError, "Cannot use onToken = 1", model, verse, "a", { onToken: 1 });
    await fails(ConfigError, "give what AndromedaTokenizer.load() gives", model, "a");
    await fails(ConfigError, "give a language model", verse, model, "a");
    await fails(ConfigError, "Cannot continue undefined: give a text", model, verse);
  });
  await withModel(backend, { numTokens: 300 }, async (model) => {
    await assertRejects(
      () => generateText(model, verse, PROMPT).next(),
      ConfigError,
      "give the tokenizer that belongs to the model",
    );
  });
});

engineTest("a prompt that is too long is cut where overflow says so", async (backend) => {
  await withBytes(backend, async (model) => {
    const prompt = "the cat sat on the mat ".repeat(4);
    const short = { ...greedy, maxNewTokens: 4 };
    const cut = await collect(generateText(model, bytes, prompt, { ...short, overflow: "slide" }));
    const last = bytes.encode(prompt).slice(-model.net.maxSeqLen);
    assertEquals(cut, await collect(generateText(model, bytes, last, short)));
  });
});
