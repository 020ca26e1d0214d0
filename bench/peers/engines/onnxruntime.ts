/**
 * onnxruntime-web on WebAssembly.
 *
 * @module
 */

import type { Engine, Settings } from "../engine.ts";
import { type Ort, runOnnx } from "../onnx_session.ts";

/** onnxruntime-web, whose threads are set for all sessions. */
interface OrtWeb extends Ort {
  readonly env: { readonly wasm: { numThreads: number } };
}

/** Starts the engine. */
export async function open(settings: Settings): Promise<Engine> {
  const ort: OrtWeb = await import(`${settings.packages}onnxruntime-web/dist/ort.node.min.mjs`);
  ort.env.wasm.numThreads = settings.threads;
  return await runOnnx(ort, settings);
}
