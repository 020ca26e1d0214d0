/**
 * The script of every worker of the engine: a text, loaded on demand, and a file beside it.
 *
 * @module
 */

import { BackendUnavailableError } from "../../errors.ts";
import { spawn, type WorkerHandle } from "../../host/workers.ts";

/**
 * Starts a worker.
 *
 * @throws {BackendUnavailableError} If the host starts none.
 */
export function startWorker(workerUrl: string | URL | undefined): Promise<WorkerHandle> {
  return spawn(workerUrl, {
    fault: (reasons) =>
      new BackendUnavailableError(
        `Cannot start a worker for the wasm backend (${reasons}). Where a policy forbids blobs as scripts, serve ` +
          `"@andromeda/runtime/worker.js" from the page's own origin and pass its address as options.workerUrl`,
      ),
    loadText: async () => (await import("../generated/worker_text.ts")).script,
    // In these words Vite sees that the file is a worker's, and serves it.
    startFile: () => new Worker(new URL("../generated/worker.js", import.meta.url), { type: "module" }),
  });
}
