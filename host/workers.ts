/**
 * Starts workers: worker threads in Node and Deno, where these let the process end, and web workers in pages.
 *
 * @module
 */

import { describe } from "../common/show.ts";
import type { BackendUnavailableError } from "../errors.ts";
import { hasNodeModules, nodeModule } from "./node.ts";

/** A worker. */
export interface WorkerHandle {
  /** Sends a message; buffers in `transfer` go over without a copy. */
  post(message: unknown, transfer?: ArrayBuffer[]): void;
  /**
   * Sets the listeners for the worker's messages and for its unexpected end.
   *
   * @param patience Milliseconds until a worker that says nothing counts as ended. Default: any number.
   */
  listen(onMessage: (message: unknown) => void, onEnd: (reason: string) => void, patience?: number): void;
  /** Ends it, and what waits for it. */
  terminate(): void;
  /** Lets the process end while the worker waits; workers keep it, unless they were told. */
  unref(): void;
  /** Keeps the process again. */
  ref(): void;
}

/** A worker's script. */
export interface WorkerScript {
  /** What is thrown where none starts. */
  fault(reasons: string): BackendUnavailableError;
  /** Loads it as a text. */
  loadText(): Promise<string>;
  /** Starts it in a page from a file, if it is served beside this module. */
  startFile(): Worker;
}

/** Milliseconds until a worker that says nothing counts as failed: it may load its script from far away. */
const PATIENCE = 30_000;

/**
 * Starts a worker: from a URL if one is given, else from the script's text as a blob, from its file, or from a data
 * URL.
 *
 * @param workerUrl Where its script is served.
 * @throws {BackendUnavailableError} If the host starts no worker.
 */
export async function spawn(workerUrl: string | URL | undefined, script: WorkerScript): Promise<WorkerHandle> {
  const failures = new Set<string>();
  for (const start of await ways(workerUrl, script)) {
    try {
      const worker = start();
      await nextMessage(worker);
      return worker;
    } catch (error) {
      failures.add(describe(error));
    }
  }
  throw script.fault([...failures].join("; "));
}

/** The ways to start a worker here, the best first. */
async function ways(workerUrl: string | URL | undefined, script: WorkerScript): Promise<(() => WorkerHandle)[]> {
  if (workerUrl !== undefined && !hasNodeModules()) {
    return [() => overWebWorker(new Worker(workerUrl, { type: "module" }))];
  }
  const text = await script.loadText();
  const data = `data:text/javascript,${encodeURIComponent(text)}`;
  if (hasNodeModules()) {
    const { Worker } = nodeModule("node:worker_threads");
    // Without `env`, each worker copies the process's environment, for which Deno asks for permission.
    return [() => overThread(new Worker(new URL(workerUrl ?? data), { env: {} }))];
  }
  return [
    () => {
      const url = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
      return overWebWorker(new Worker(url, { type: "module" }), () => URL.revokeObjectURL(url));
    },
    () => overWebWorker(script.startFile()),
    () => overWebWorker(new Worker(data, { type: "module" })),
  ];
}

/**
 * Waits for a worker's next message; its first one says that the script runs.
 *
 * @throws {Error} If the worker ends, or says nothing for 30 seconds; it is terminated then.
 */
export function nextMessage(worker: WorkerHandle): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const fail = (reason: string): void => {
      worker.terminate();
      reject(new Error(reason));
    };
    worker.listen(resolve, fail, PATIENCE);
  });
}

/** A limit on the wait for a message. */
class Limit {
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Begins to wait; without `milliseconds`, for ever. */
  begin(milliseconds: number | undefined, onOver: (reason: string) => void): void {
    this.end();
    if (milliseconds === undefined) return;
    this.#timer = setTimeout(() => onOver(`it said nothing for ${milliseconds / 1000} s`), milliseconds);
  }

  end(): void {
    clearTimeout(this.#timer);
  }
}

function overWebWorker(worker: Worker, onStarted?: () => void): WorkerHandle {
  const limit = new Limit();
  return {
    post: (message, transfer = []) => worker.postMessage(message, transfer),
    listen(onMessage, onEnd, patience) {
      limit.begin(patience, onEnd);
      worker.onmessage = ({ data }) => {
        limit.end();
        onStarted?.();
        onMessage(data);
      };
      worker.onmessageerror = () => onEnd("a message could not be read");
      worker.onerror = (event) => {
        // Prevents that a failing worker ends the process, or fills the console.
        event.preventDefault();
        onStarted?.();
        onEnd(event.message || "its script did not load");
      };
    },
    terminate() {
      limit.end();
      worker.terminate();
    },
    unref: () => {},
    ref: () => {},
  };
}

/** The part of `node:worker_threads`' Worker that is used here. */
interface WorkerThread {
  postMessage(message: unknown, transfer?: readonly ArrayBuffer[]): void;
  on(event: string, listener: (value: unknown) => void): unknown;
  removeAllListeners(): unknown;
  terminate(): unknown;
  unref(): void;
  ref(): void;
}

function overThread(worker: WorkerThread): WorkerHandle {
  const limit = new Limit();
  return {
    post: (message, transfer = []) => worker.postMessage(message, transfer),
    listen(onMessage, onEnd, patience) {
      limit.begin(patience, onEnd);
      worker.removeAllListeners();
      worker.on("message", (message) => {
        limit.end();
        onMessage(message);
      });
      worker.on("messageerror", () => onEnd("a message could not be read"));
      worker.on("error", (error) => onEnd(describe(error)));
      worker.on("exit", () => onEnd("it ended"));
    },
    terminate() {
      limit.end();
      worker.removeAllListeners();
      worker.on("error", () => {});
      void worker.terminate();
    },
    unref: () => worker.unref(),
    ref: () => worker.ref(),
  };
}
