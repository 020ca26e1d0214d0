/** `andromeda inspect`, `quantize`, `eval` and `bench` on the demo's model. */

import { assert, assertAlmostEquals, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { andromeda, andromedaJson, assertFails, start, withFolder } from "./andromeda.ts";

const MODEL = "examples/shakespeare";

/** A tensor, as `inspect --json` lists it. */
interface Listed {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: string;
  readonly bytes: number;
}

Deno.test("inspect lists a model's configuration and tensors, and measures its memory", async () => {
  const found = await andromedaJson("inspect", MODEL, "--backend", "wasm", "--threads", "1");
  assertEquals([found.type, found.parameters, found.config.dim], ["andromeda", 4665984, 256]);
  const tensors: readonly Listed[] = found.tensors;
  const table = tensors.find(({ name }) => name === "token_emb.emb.weight");
  assertEquals(table, { name: "token_emb.emb.weight", shape: [1024, 256], dtype: "q8_0", bytes: 278528 });
  assertEquals(tensors.reduce((sum, { bytes }) => sum + bytes, 0), found.bytes);
  const [{ backend, weights, cache }] = found.memory;
  assertEquals([backend, cache.dtype, cache.tokens], ["wasm", "f32", 256]);
  assert(weights > 4_900_000 && weights < 5_100_000, `${weights} bytes`);
  // 6 layers, keys and values of 2 heads of 32 floats.
  assertEquals(cache.bytesPerToken, 6 * 2 * 2 * 32 * 4);
});

Deno.test("inspect reads headers alone where no engine is asked for", async () => {
  const { code, stdout, stderr } = await andromeda("inspect", MODEL, "--backend", "none");
  assertEquals([code, stderr], [0, ""]);
  assertMatch(stdout, /^examples\/shakespeare: andromeda, 4\.67 million parameters, 5\.00 MB\n/);
  assertMatch(stdout, /\n {2}token_emb\.emb\.weight +q8_0 +1024 × 256 +278\.5 KB\n/);
  assert(!stdout.includes("Memory"));
});

Deno.test("quantize writes a complete model, or nothing", async () => {
  await withFolder(async (folder) => {
    const output = `${folder}/new/q4`;
    const report = await andromedaJson("quantize", MODEL, "--dtype", "q4_0", "--output", output);
    assertEquals([report.dtype, report.parameters], ["q4_0", 4665984]);
    assert(report.bytes < 2_800_000, `${report.bytes} bytes`);
    const names = Array.from(Deno.readDirSync(output), ({ name }) => name).sort();
    const files = ["README.md", "config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"];
    assertEquals(names, files);
    assertEquals(await Deno.readFile(`${output}/tokenizer.json`), await Deno.readFile(`${MODEL}/tokenizer.json`));
    const text = await andromeda("generate", "--model", output, "--prompt", "ROMEO:", "--max-new-tokens", "8");
    assertEquals(text.code, 0, text.stderr);
    await assertFails(["quantize", MODEL, "--dtype", "q8_0", "--output", output], 2, "--output", "empty");
    await assertFails(["quantize", "tests", "--dtype", "q8_0", "--output", `${folder}/q8`], 1, "config.json");
    assertEquals(Array.from(Deno.readDirSync(folder), ({ name }) => name), ["new"]);
    assertEquals(Array.from(Deno.readDirSync(`${folder}/new`), ({ name }) => name), ["q4"]);
  });
});

Deno.test("eval measures perplexity, which a text of the model's kind has less of", async () => {
  await withFolder(async (folder) => {
    const verse =
      "ROMEO:\nBut soft, what light through yonder window breaks?\nIt is the east, and Juliet is the sun.\n";
    await Deno.writeTextFile(`${folder}/verse.txt`, verse.repeat(3));
    await Deno.writeTextFile(`${folder}/words.txt`, verse.repeat(3).split(" ").reverse().join(" "));
    const args = ["--model", MODEL, "--backend", "wasm"];
    const found = await andromedaJson("eval", `${folder}/verse.txt`, ...args);
    assertAlmostEquals(found.perplexity, Math.exp(found.crossEntropy), 1e-9);
    assertEquals([found.predictions, found.contextLength], [found.tokens - 1, 256]);
    const reversed = await andromedaJson("eval", `${folder}/words.txt`, ...args);
    assert(found.perplexity < reversed.perplexity, `${found.perplexity}, ${reversed.perplexity}`);
    // Each token but the first is predicted once, however long the windows are.
    const short = await andromedaJson("eval", "--text", `${folder}/verse.txt`, ...args, "--context-length", "7");
    assertEquals(short.predictions, found.predictions);
    assert(short.perplexity > found.perplexity);
    const { code, stdout } = await andromeda("eval", `${folder}/verse.txt`, ...args);
    assertEquals(code, 0);
    assertMatch(stdout, /^perplexity [\d.]+ \([\d.]+ nats a token, [\d.]+ bits a byte\) over \d+ tokens/);
    await assertFails(
      ["eval", `${folder}/verse.txt`, ...args, "--context-length", "1000"],
      2,
      "--context-length",
      "256",
    );
    await assertFails(["eval", `${folder}/none.txt`, ...args], 1, "none.txt");
  });
});

Deno.test("Ctrl-C ends an evaluation without a word", async () => {
  await withFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/long.txt`, "It is the east, and Juliet is the sun.\n".repeat(20_000));
    const child = start("eval", `${folder}/long.txt`, "--model", MODEL, "--backend", "wasm");
    await new Promise((resolve) => setTimeout(resolve, 2000));
    child.kill("SIGINT");
    const { code, stdout, stderr } = await child.output();
    assertEquals([code, ...[stdout, stderr].map((bytes) => new TextDecoder().decode(bytes))], [130, "", ""]);
  });
});

Deno.test("bench measures how fast a model reads and writes", async () => {
  const args = [MODEL, "--backend", "wasm", "--threads", "1", "--prompt-tokens", "16", "--new-tokens", "4"];
  const found = await andromedaJson("bench", ...args, "--rounds", "1");
  const [engine] = found.engines;
  assertEquals([found.promptTokens, engine.backend, engine.threads], [16, "wasm", 1]);
  assert(engine.prefill > 0 && engine.decode > 0 && engine.firstToken > 0, JSON.stringify(engine));
  const { stdout } = await andromeda("bench", ...args, "--rounds", "2");
  assertMatch(stdout, /^WebAssembly .*: prompt of 16 \d+ tokens\/s \(\d+ ms\), text of 4 [\d.]+ tokens\/s\n$/);
  await assertFails(["bench", MODEL, "--backend", "wasm", "--new-tokens", "1000"], 2, "--new-tokens", "256");
});

Deno.test("a reader of stdout who has seen enough ends every command quietly", async () => {
  const line = `deno run -A cli/main.ts inspect ${MODEL} --backend none | head -1; echo "codes \${PIPESTATUS[*]}"`;
  const command = new Deno.Command("bash", { args: ["-c", line], env: { NO_COLOR: "1" } });
  const [stdout, stderr] = await command.output().then((found) =>
    [found.stdout, found.stderr].map((bytes) => new TextDecoder().decode(bytes))
  );
  assertEquals(stderr, "");
  assertStringIncludes(stdout ?? "", "codes 0 0");
});
