/**
 * From the import to the demo model's first token, once, in the process that `first_token.ts` starts: prints
 * milliseconds as JSON.
 *
 *     deno run -A bench/models/first_token_run.ts wasm
 *
 * @module
 */
const start = performance.now();
let last = start;
const steps: Record<string, number> = {};

/** Ends a step. */
function lap(step: string): void {
  const now = performance.now();
  steps[step] = now - last;
  last = now;
}

const { AndromedaTokenizer, createBackend, loadLanguageModel } = await import("../../mod.ts");
lap("import");
const backend = await createBackend(Deno.args[0] === "auto" ? "auto" : "wasm");
lap("engine");
const source = new URL("../../examples/shakespeare/", import.meta.url);
const model = await loadLanguageModel(source, { backend });
lap("model");
const tokenizer = await AndromedaTokenizer.load(source);
lap("tokenizer");
const prompt = tokenizer.encode("What light through yonder window breaks?\n");
let text = "";
for await (const token of model.generate(prompt, { maxNewTokens: 1, temperature: 0 })) {
  text += tokenizer.decode([token]);
}
lap("token");
console.log(JSON.stringify({ text, fromImport: last - start, fromStartOfProcess: last, steps }));
model.dispose();
backend.dispose();
