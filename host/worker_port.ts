/**
 * A worker's end of the connection with the thread that started it.
 *
 * @module
 */

import { hasNodeModules, nodeModule } from "./node.ts";

/** Sends messages to the thread that started this worker. */
export interface WorkerPort {
  /** Sends a message; buffers in `transfer` go over without a copy. */
  postMessage(message: unknown, transfer?: ArrayBuffer[]): void;
}

/**
 * Listens to the other side's messages, and tells it that the script runs. Outside of workers it does nothing.
 *
 * @param listenerFor Makes what hears the messages.
 */
export function connectWorker<Message>(listenerFor: (port: WorkerPort) => (message: Message) => void): void {
  const parentPort = hasNodeModules() ? nodeModule("node:worker_threads").parentPort : undefined;
  const scope: object = globalThis;
  if (parentPort) {
    parentPort.on("message", listenerFor(parentPort));
    parentPort.postMessage("running");
  } else if (isWebWorker(scope)) {
    const listener = listenerFor(scope);
    scope.addEventListener("message", (event) => {
      if (event instanceof MessageEvent) listener(event.data);
    });
    scope.postMessage("running");
  }
}

/** Whether this is a web worker; Node's worker threads have a port instead, Bun's have both and use the port. */
function isWebWorker(scope: object): scope is WorkerPort & EventTarget {
  return "postMessage" in scope;
}
