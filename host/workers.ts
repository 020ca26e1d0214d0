/**
 * Starts workers in whatever way the host has: worker threads of Node and Deno, which let a process end, or web workers.
 *
 * @module
 */

import { describe } from "../common/show.ts";
import { BackendUnavailableError } from "../errors.ts";
import { hasNodeModules } from "./node.ts";

/** A worker. */
export interface WorkerHandle {
  /** Sends a message; buffers in `transfer` go over without a copy. */
  post(message: unknown, transfer?: ArrayBuffer[]): void;
  /** Sets the listeners for the worker's messages and for its unexpected end. */
  listen(onMessage: (message: unknown) => void, onEnd: (reason: string) => void): void;
  /** Ends it. */
  terminate(): void;
  /** Lets the process end while the worker waits. */
  unref(): void;
}

/**
 * Starts a worker: from a URL if one is given, else with the script itself as a blob or a data URL.
 *
 * @param workerUrl Where its script is served.
 * @param loadScript Gives the script's text.
 * @throws {BackendUnavailableError} If the host starts none of them.
 */
export async function spawn(
  workerUrl: string | URL | undefined,
  loadScript: () => Promise<string>,
): Promise<WorkerHandle> {
  const failures: string[] = [];
  for (const start of await ways(workerUrl, loadScript)) {
    try {
      return await started(start());
    } catch (error) {
      failures.push(describe(error));
    }
  }
  throw new BackendUnavailableError(
    `Cannot start a worker for the wasm backend (${
      failures.join("; ")
    }). Where a policy forbids blobs as scripts, serve ` +
      `assembly/generated/worker.js from the page's own origin and pass its address as options.workerUrl`,
  );
}

/** The ways to start a worker here, the best first. */
async function ways(
  workerUrl: string | URL | undefined,
  loadScript: () => Promise<string>,
): Promise<(() => WorkerHandle)[]> {
  const script = await loadScript();
  const data = `data:text/javascript,${encodeURIComponent(script)}`;
  if (hasNodeModules()) {
    const { Worker } = await import("node:worker_threads");
    // Without an environment given, each worker copies the process's own, and Deno asks whether it may.
    return [() => overThread(new Worker(new URL(workerUrl ?? data), { env: {} }))];
  }
  if (workerUrl !== undefined) return [() => overWebWorker(new Worker(workerUrl, { type: "module" }))];
  return [
    () => {
      const url = URL.createObjectURL(new Blob([script], { type: "text/javascript" }));
      return overWebWorker(new Worker(url, { type: "module" }), () => URL.revokeObjectURL(url));
    },
    () => overWebWorker(new Worker(data, { type: "module" })),
  ];
}

/** Waits for the first message, which says that the script runs. */
function started(worker: WorkerHandle): Promise<WorkerHandle> {
  return new Promise((resolve, reject) => {
    worker.listen(() => resolve(worker), (reason) => {
      worker.terminate();
      reject(new Error(reason));
    });
  });
}

function overWebWorker(worker: Worker, onStarted?: () => void): WorkerHandle {
  return {
    post: (message, transfer = []) => worker.postMessage(message, transfer),
    listen(onMessage, onEnd) {
      worker.onmessage = ({ data }) => {
        onStarted?.();
        onMessage(data);
      };
      worker.onmessageerror = () => onEnd("a message could not be read");
      worker.onerror = (event) => {
        // Otherwise a worker that fails would end the process, or fill the console.
        event.preventDefault();
        onStarted?.();
        onEnd(event.message || "its script did not load");
      };
    },
    terminate: () => worker.terminate(),
    unref: () => {},
  };
}

/** The part of a worker of `node:worker_threads` that is used. */
interface WorkerThread {
  postMessage(message: unknown, transfer?: readonly ArrayBuffer[]): void;
  on(event: string, listener: (value: unknown) => void): unknown;
  removeAllListeners(): unknown;
  terminate(): unknown;
  unref(): void;
}

function overThread(worker: WorkerThread): WorkerHandle {
  return {
    post: (message, transfer = []) => worker.postMessage(message, transfer),
    listen(onMessage, onEnd) {
      worker.removeAllListeners();
      worker.on("message", onMessage);
      worker.on("messageerror", () => onEnd("a message could not be read"));
      worker.on("error", (error) => onEnd(describe(error)));
      worker.on("exit", () => onEnd("it ended"));
    },
    terminate() {
      worker.removeAllListeners();
      worker.on("error", () => {});
      void worker.terminate();
    },
    unref: () => worker.unref(),
  };
}
