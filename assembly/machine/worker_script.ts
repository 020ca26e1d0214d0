/**
 * The script of every worker of the engine, loaded on demand.
 *
 * @module
 */

import { spawn, type WorkerHandle } from "../../host/workers.ts";

/**
 * Starts a worker.
 *
 * @throws {BackendUnavailableError} If the host starts none.
 */
export function startWorker(workerUrl: string | URL | undefined): Promise<WorkerHandle> {
  return spawn(workerUrl, async () => (await import("../generated/worker.ts")).script);
}
