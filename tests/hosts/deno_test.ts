/** Deno, with as few permissions as can be. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { deno, ROOT } from "../support/deno.ts";

const PROGRAM = `
import { AndromedaTokenizer, createBackend, loadLanguageModel } from "${new URL("mod.ts", ROOT).href}";

const backend = await createBackend("wasm");
const source = "examples/shakespeare";
const tokenizer = await AndromedaTokenizer.load(source);
const model = await loadLanguageModel(source, { backend });
const tokens = await Array.fromAsync(model.generate(tokenizer.encode("ROMEO:"), { maxNewTokens: 4, temperature: 0 }));
console.log(tokens.length);
backend.dispose();
`;

/** Runs the program with these permissions, and without asking for more. */
async function run(permissions: readonly string[]): ReturnType<typeof deno> {
  const folder = await Deno.makeTempDir({ prefix: "andromeda_deno_" });
  try {
    await Deno.writeTextFile(`${folder}/main.ts`, PROGRAM);
    return await deno(["run", "--no-check", "--no-prompt", ...permissions, `${folder}/main.ts`]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("deno: a model is read with the permission to read it, and no other", async () => {
  const { code, stdout, stderr } = await run(["--allow-read=examples/shakespeare"]);
  assertEquals([code, stdout], [0, "4\n"], stderr);
});

Deno.test("deno: a local model is loaded and used where all else is denied", async () => {
  const denied = ["net", "env", "write", "run", "sys", "ffi", "import"].map((name) => `--deny-${name}`);
  const { code, stdout, stderr } = await run(["--allow-read", ...denied]);
  assertEquals([code, stdout, stderr], [0, "4\n", ""]);
});

Deno.test("deno: what a permission forbids is not tried again, and the error names the permission", async () => {
  const start = performance.now();
  const { code, stderr } = await run([]);
  assertEquals(code, 1);
  assertStringIncludes(stderr, "--allow-net");
  assertStringIncludes(stderr, "--allow-read");
  assert(performance.now() - start < 10_000, `it took ${performance.now() - start} ms`);
});
