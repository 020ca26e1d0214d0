/**
 * What every host runs: imports the package, loads a model and writes its first token. Between the stages it waits for
 * `watch`, which looks at the clock and at the memory meanwhile.
 *
 * @module
 */

/**
 * Runs once.
 *
 * @param {object} settings
 * @param {string} settings.watch URL that hears of each stage.
 * @param {string} settings.source Path or URL of the model's folder.
 * @param {string} settings.dtype The format in which weights are held.
 * @param {number} settings.promptTokens Tokens of the prompt.
 * @param {object} settings.engine Options of the engine.
 */
export async function measure({ watch, source, dtype, promptTokens, engine }) {
  const reach = async (stage, found = {}) => {
    const response = await fetch(new URL(stage, watch), { method: "POST", body: JSON.stringify(found) });
    await response.text();
  };
  await reach("empty");
  const { AndromedaTokenizer, createBackend, loadLanguageModel } = await import("@andromeda/runtime");
  await reach("imported");
  const backend = await createBackend("wasm", engine);
  await reach("engine");
  const tokenizer = await AndromedaTokenizer.load(source);
  await reach("tokenizer");
  const model = await loadLanguageModel(source, { backend, dtype });
  await reach("loaded");
  const prompt = Array.from({ length: promptTokens }, (_, i) => 1 + i);
  let text = "";
  for await (const token of model.generate(prompt, { maxNewTokens: 1, temperature: 0 })) {
    text += tokenizer.decode([token]);
  }
  const { bytesInUse, peakBytes } = backend.memory();
  const { parameterCount: parameters } = model;
  await reach("token", { text, parameters, threads: backend.info.threads, bytesInUse, peakBytes });
  model.dispose();
  backend.dispose();
}
