/**
 * The cost of a format for a model: cross entropy and perplexity on validation text in f32, f16, q8_0 and q4_0, on
 * every engine that this machine has.
 *
 *     deno task bench perplexity [--model ../shared/checkpoint] [--tokens parity.safetensors] [--backend wasm]
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { join } from "@std/path";
import {
  type Backend,
  BackendUnavailableError,
  createBackend,
  loadLanguageModel,
  readSafetensors,
  WEIGHT_FORMATS,
  type WeightFormat,
} from "../../mod.ts";
import type { LanguageModel } from "../../models/language/language_model.ts";
import { writeReport } from "../support/report.ts";

/** Windows whose loss is computed at once. */
const BATCH = 8;

/** The quality of a model in one format on one engine. */
interface Figure {
  readonly engine: Backend["name"];
  readonly format: WeightFormat;
  /** Bytes of the weights in the engine's memory. */
  readonly bytes: number;
  /** Mean cross entropy in nats over `predictions`. */
  readonly crossEntropy: number;
  /** Its excess over f32 on the same engine. */
  readonly lost: number;
  readonly perplexity: number;
  readonly predictions: number;
}

/**
 * The mean cross entropy of a model over windows without overlap, each as long as its context; the rest of the text is
 * left out.
 */
async function measure(
  model: LanguageModel,
  tokens: Int32Array,
): Promise<{ crossEntropy: number; predictions: number }> {
  const window = model.net.maxSeqLen;
  const windows = Math.floor(tokens.length / window);
  let sum = 0;
  for (let first = 0; first < windows; first += BATCH) {
    const count = Math.min(BATCH, windows - first);
    const rows = Array.from(
      { length: count },
      (_, i) => [...tokens.subarray((first + i) * window, (first + i + 1) * window)],
    );
    const loss = model.loss(rows);
    sum += count * ((await loss.data())[0] ?? NaN);
    loss.dispose();
  }
  return { crossEntropy: sum / windows, predictions: windows * (window - 1) };
}

/** Every format on one engine. */
async function measureAll(backend: Backend, folder: string, tokens: Int32Array): Promise<Figure[]> {
  const figures: Figure[] = [];
  // The checkpoint's own configuration does not say which x-transformers made it: 1.40.11.
  const own: Record<string, unknown> = JSON.parse(await Deno.readTextFile(join(folder, "config.json")));
  const [config, weights] = [{ x_transformers_version: "1.40.11", ...own }, join(folder, "model.safetensors")];
  for (const format of WEIGHT_FORMATS) {
    const model = await loadLanguageModel({ config, weights }, { backend, dtype: format });
    const bytes = backend.memory().bytesInUse;
    const { crossEntropy, predictions } = await measure(model, tokens);
    model.dispose();
    const lost = crossEntropy - (figures[0]?.crossEntropy ?? crossEntropy);
    const perplexity = Math.exp(crossEntropy);
    const figure = { engine: backend.name, format, bytes, crossEntropy, lost, perplexity, predictions };
    print(figure);
    figures.push(figure);
  }
  return figures;
}

function print({ engine, format, bytes, crossEntropy, lost, perplexity, predictions }: Figure): void {
  console.log(
    `${engine.padEnd(8)}${format.padEnd(5)}${(bytes / 2 ** 20).toFixed(2).padStart(8)} MiB` +
      `${crossEntropy.toFixed(6).padStart(11)} nats (${lost < 0 ? "" : "+"}${lost.toFixed(6)})` +
      `${perplexity.toFixed(4).padStart(10)}   ${predictions} predictions`,
  );
}

/** The engines that were asked for, or those that this machine has. */
async function startEngines(name: string | undefined): Promise<Backend[]> {
  if (name === "wasm" || name === "webgpu") return [await createBackend(name)];
  if (name !== undefined) throw new Error(`--backend is ${name}: expected wasm or webgpu`);
  const engines = [await createBackend("wasm")];
  try {
    engines.push(await createBackend("webgpu"));
  } catch (error) {
    if (!(error instanceof BackendUnavailableError)) throw error;
    console.log(error.message);
  }
  return engines;
}

if (import.meta.main) {
  const { model, tokens: file, backend: name } = parseArgs(Deno.args, {
    string: ["model", "tokens", "backend"],
    default: { model: new URL("../../../shared/checkpoint", import.meta.url).pathname, tokens: "parity.safetensors" },
  });
  const stored = (await readSafetensors(join(model, file))).get("val_tokens");
  if (!stored) throw new Error(`${file} holds no val_tokens`);
  const tokens = Int32Array.from(stored.values());
  const engines = await startEngines(name);
  const figures: Figure[] = [];
  for (const backend of engines) {
    console.log(backend.info.description);
    figures.push(...await measureAll(backend, model, tokens));
  }
  const descriptions = Object.fromEntries(engines.map(({ name, info }) => [name, info.description]));
  await writeReport("perplexity", { engines: descriptions, formats: figures });
  for (const backend of engines) backend.dispose();
}
