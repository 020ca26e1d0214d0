/**
 * Native onnxruntime, on the graphs and in the steps of onnxruntime-web.
 *
 * @module
 */

import { createRequire } from "node:module";
import type { Engine, Settings } from "../engine.ts";
import { type Ort, runOnnx } from "../onnx_session.ts";

/** Starts the engine. */
export async function open(settings: Settings): Promise<Engine> {
  const ort: Ort = createRequire(new URL("x.js", settings.packages))("onnxruntime-node");
  return await runOnnx(ort, settings, { intraOpNumThreads: settings.threads, interOpNumThreads: 1 });
}
