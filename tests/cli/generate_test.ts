/** `andromeda generate`, started as a user starts it. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { ViTransformerWrapper } from "../../mod.ts";
import type { Outcome } from "../support/deno.ts";
import { andromeda, assertFails, start } from "./andromeda.ts";

async function generate(...args: string[]): Promise<Outcome> {
  return await andromeda("generate", ...args);
}

/** Starts a generation that goes on for hours. */
function startWithoutEnd(): Deno.ChildProcess {
  return start("generate", "--prompt", "ROMEO:\n", "--max-new-tokens", "1000000", "--backend", "wasm");
}

/** Asserts that a command ends with one clear line and nothing else. */
async function assertRefused(args: readonly string[], code: number, ...parts: string[]): Promise<void> {
  await assertFails(["generate", ...args], code, ...parts);
}

Deno.test("flags that can't be understood are refused in one line, with exit code 2", async () => {
  await assertRefused(["--promt", "ROMEO:"], 2, "--promt", "--help");
  await assertRefused(["ROMEO:"], 2, '"ROMEO:"', "--prompt");
  await assertRefused([], 2, "--prompt");
  await assertRefused(["--prompt"], 2, "--prompt needs a value");
  await assertRefused(["--prompt", "ROMEO:", "--temperature", "hot"], 2, "--temperature", "hot");
  await assertRefused(["--prompt", "ROMEO:", "--top-k", "2.5"], 2, "--top-k", "2.5");
  await assertRefused(["--prompt", "ROMEO:", "--top-p", "7"], 2, "--top-p", "7");
  await assertRefused(["--prompt", "ROMEO:", "--backend", "cuda"], 2, "auto, wasm, webgpu", "cuda");
  await assertRefused(["--prompt", "ROMEO:", "--model", "folder/model.safetensors"], 2, "--model", "folder");
});

Deno.test("work that can't be done is refused in one line, with exit code 1", async () => {
  await assertRefused(["--prompt", "ROMEO:", "--model", "./no/such/model", "--backend", "wasm"], 1, "./no/such/model");
  await assertRefused(["--prompt", "ROMEO:", "--model", "tests", "--backend", "wasm"], 1, "config.json", "tests");
});

Deno.test("a model that continues no text is the wrong one to ask for: exit code 2", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const sizes = { imageSize: 8, patchSize: 4, numClasses: 3, dim: 32, depth: 1, heads: 1 };
    const model = await ViTransformerWrapper.create(sizes);
    await model.save(folder);
    model.dispose();
    await assertRefused(["--prompt", "ROMEO:", "--model", folder, "--backend", "wasm"], 2, "vit", "llama");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("--help lists every flag", async () => {
  const { code, stdout, stderr } = await generate("--help");
  assertEquals([code, stderr], [0, ""]);
  for (
    const flag of [
      "model",
      "prompt",
      "max-new-tokens",
      "temperature",
      "top-k",
      "top-p",
      "min-p",
      "stop",
      "seed",
      "json",
    ]
  ) {
    assertStringIncludes(stdout, `--${flag}`);
  }
});

Deno.test("-h is help too", async () => {
  assertEquals(await generate("-h"), await generate("--help"));
});

Deno.test("a prompt that is longer than the model's context is said to be cut, and counts as what is read", async () => {
  const prompt = "Now is the winter of our discontent. ".repeat(100);
  const args = ["--prompt", prompt, "--max-new-tokens", "2", "--backend", "wasm"];
  const { code, stdout, stderr } = await generate(...args);
  assertEquals(code, 0, stderr);
  assert(stdout.startsWith(prompt));
  assertMatch(stderr, /^note: the prompt has \d{3,4} tokens, of which the model reads the last 256\n/);
  assertMatch(stderr, /prompt: 256 tokens at \d+ tokens\/s/);
  const json = await generate(...args, "--json");
  assertEquals(JSON.parse(json.stdout).prefill.tokens, 256);
  assertMatch(json.stderr, /^note: [^\n]+\n$/);
});

Deno.test("a text that begins with a dash is continued", async () => {
  const { code, stdout, stderr } = await generate(
    ...["--prompt", "- a list\n- of things", "--max-new-tokens", "2", "--backend", "wasm"],
  );
  assertEquals(code, 0, stderr);
  assert(stdout.startsWith("- a list\n- of things"));
});

Deno.test("a reader who has seen enough ends the text quietly", async () => {
  const child = startWithoutEnd();
  const reader = child.stdout.getReader();
  await reader.read();
  await reader.cancel();
  const stderr = await new Response(child.stderr).text();
  assertEquals((await child.status).code, 0, stderr);
  assert(!stderr.includes("error"), stderr);
});

Deno.test("text goes to stdout, speeds go to stderr", async () => {
  const { code, stdout, stderr } = await generate(
    ...["--prompt", "ROMEO:\n", "--max-new-tokens", "24", "--temperature", "0", "--backend", "wasm"],
  );
  assertEquals(code, 0, stderr);
  assert(stdout.startsWith("ROMEO:\n"));
  assert(stdout.length > 40, stdout);
  assertMatch(stderr, /4\.67 million parameters/);
  assertMatch(stderr, /prompt: \d+ tokens at \d+ tokens\/s, text: 23 tokens at \d+ tokens\/s/);
});

Deno.test("--json gives one object, and the same seed the same tokens", async () => {
  const args = ["--json", "--prompt", "KING HENRY:\n", "--max-new-tokens", "12", "--seed", "7", "--backend", "wasm"];
  const [first, second] = [await generate(...args), await generate(...args, "--dtype", "f32")];
  assertEquals([first.code, first.stderr], [0, ""]);
  const report = JSON.parse(first.stdout);
  assertEquals(report.tokens.length, 12);
  assertEquals(report.seed, 7);
  assertEquals(report.model, { type: "andromeda", parameters: 4665984 });
  assertEquals(report.backend.name, "wasm");
  assertEquals(report.decode.tokens, 11);
  assert(report.prefill.tokensPerSecond > 0 && report.decode.tokensPerSecond > 0 && report.loadMilliseconds > 0);
  assertEquals(JSON.parse(second.stdout).tokens, report.tokens);
});

Deno.test("a stop string ends the text before it", async () => {
  const args = ["--json", "--prompt", "ROMEO:\n", "--temperature", "0", "--backend", "wasm"];
  const read = ({ stdout }: Outcome) => JSON.parse(stdout);
  const whole = read(await generate(...args, "--max-new-tokens", "24")).text;
  const stop = whole.slice(20, 23);
  const cut = read(await generate(...args, "--stop", stop));
  assertEquals(cut.text, whole.slice(0, whole.indexOf(stop)));
  assert(cut.tokens.length < 24, `${cut.tokens.length} tokens`);
});

Deno.test("Ctrl-C ends the text where it is", async () => {
  const child = startWithoutEnd();
  const reader = child.stdout.getReader();
  let text = "";
  while (text.length < 40) text += new TextDecoder().decode((await reader.read()).value);
  child.kill("SIGINT");
  while (!(await reader.read()).done);
  const stderr = await new Response(child.stderr).text();
  assertEquals((await child.status).code, 130);
  assertMatch(stderr, /tokens\/s\n$/);
});
