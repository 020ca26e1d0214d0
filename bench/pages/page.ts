/**
 * The comparison, in a page.
 *
 * @module
 */

import { startJax, startOnnxruntime, startTensorflow } from "./peers.ts";
import { compareAll, type Comparison, startPeers } from "./products.ts";

/** Times all that runs here. */
export async function run(packages: string, rounds: number): Promise<Comparison> {
  const { peers, failures } = await startPeers({
    "jax-js": () => startJax(packages),
    "onnxruntime-web": () => startOnnxruntime(packages),
    "tfjs": () => startTensorflow(packages),
  });
  return await compareAll(rounds, peers, failures);
}
