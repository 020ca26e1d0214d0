/**
 * What a format costs a model: cross entropy and perplexity on validation text in f32, f16, q8_0 and q4_0.
 *
 *     deno task bench perplexity [--model ../shared/checkpoint] [--tokens parity.safetensors] [--backend wasm]
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { join } from "@std/path";
import { type Backend, createBackend, loadModel, readSafetensors, type WeightFormat } from "../mod.ts";
import { LanguageModel } from "../models/language_model.ts";
import { writeReport } from "./report.ts";

const FORMATS = ["f32", "f16", "q8_0", "q4_0"] as const satisfies WeightFormat[];
/** Windows of which the loss is computed at once. */
const BATCH = 8;

/** What a model is worth in one format. */
interface Figure {
  readonly format: WeightFormat;
  /** Bytes of the weights in the engine's memory. */
  readonly bytes: number;
  /** Mean cross entropy in nats over `predictions`. */
  readonly crossEntropy: number;
  readonly perplexity: number;
  readonly predictions: number;
}

async function measure(
  backend: Backend,
  folder: string,
  tokens: Int32Array,
  format: WeightFormat,
): Promise<Figure> {
  const model = await loadModel(folder, { backend, dtype: format });
  if (!(model instanceof LanguageModel)) throw new Error(`${folder} is no language model`);
  const bytes = backend.memory().bytesInUse;
  // Windows without overlap, each as long as the model's context; the rest of the text is left out.
  const window = model.netConfig.maxSeqLen;
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
  model.dispose();
  const crossEntropy = sum / windows;
  const predictions = windows * (window - 1);
  return { format, bytes, crossEntropy, perplexity: Math.exp(crossEntropy), predictions };
}

if (import.meta.main) {
  const { model, tokens: file, backend: name } = parseArgs(Deno.args, {
    string: ["model", "tokens", "backend"],
    default: {
      model: new URL("../../shared/checkpoint", import.meta.url).pathname,
      tokens: "parity.safetensors",
      backend: "wasm",
    },
  });
  if (name !== "wasm" && name !== "webgpu") throw new Error(`--backend is ${name}: expected wasm or webgpu`);
  const stored = (await readSafetensors(join(model, file))).get("val_tokens");
  if (!stored) throw new Error(`${file} holds no val_tokens`);
  const tokens = Int32Array.from(stored.values());
  const backend = await createBackend(name);
  console.log(backend.info.description);
  const figures: Figure[] = [];
  for (const format of FORMATS) {
    const figure = await measure(backend, model, tokens, format);
    const lost = figure.crossEntropy - (figures[0] ?? figure).crossEntropy;
    console.log(
      `${format.padEnd(5)}${(figure.bytes / 2 ** 20).toFixed(2).padStart(8)} MiB` +
        `${figure.crossEntropy.toFixed(6).padStart(11)} nats (${lost < 0 ? "" : "+"}${lost.toFixed(6)})` +
        `${figure.perplexity.toFixed(4).padStart(10)}`,
    );
    figures.push(figure);
  }
  await writeReport(name === "wasm" ? "perplexity" : `perplexity_${name}`, {
    engine: backend.info.description,
    formats: figures,
  });
  backend.dispose();
}
