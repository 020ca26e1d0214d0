/**
 * The script of the workers that tokenize: a text, loaded on demand, and a file beside it.
 *
 * @module
 */

import { BackendUnavailableError } from "../../../errors.ts";
import { spawn, type WorkerHandle } from "../../../host/workers.ts";

/**
 * Starts a worker.
 *
 * @throws {BackendUnavailableError} If the host starts none.
 */
export function startWorker(): Promise<WorkerHandle> {
  return spawn(undefined, {
    fault: (reasons) =>
      new BackendUnavailableError(`Cannot start a worker to tokenize (${reasons}); set numCpu to 1, which needs none`),
    loadText: async () => (await import("../../generated/tokenizer_worker_text.ts")).script,
    // In these words Vite sees that the file is a worker's, and serves it.
    startFile: () => new Worker(new URL("../../generated/tokenizer_worker.js", import.meta.url), { type: "module" }),
  });
}
