/**
 * The script of every worker: a helper of another thread, or the machine of an engine. `deno task build` makes one file
 * of it.
 *
 * @module
 */

import { describe } from "../../common/show.ts";
import { hasNodeModules, nodeModule } from "../../host/node.ts";
import { layoutOf } from "../memory/layout.ts";
import { SCRATCH_BYTES } from "../records/constants.ts";
import { reportFailure } from "./failure.ts";
import { instantiate } from "./instance.ts";
import { LocalMachine } from "./local_machine.ts";
import type { HelpTask, HostTask, MachineReply, MachineRequest } from "./worker_messages.ts";

/** This worker's end of the connection. */
interface Port {
  postMessage(message: unknown, transfer?: ArrayBuffer[]): void;
}

/** Helps another thread with its lists until the helpers are sent away. */
function help(port: Port, { compiled, memory, thread }: HelpTask): void {
  const { kernels } = instantiate("helper", compiled, memory);
  const { team, scratches } = layoutOf(kernels.heapBase, 1);
  port.postMessage("helping");
  try {
    kernels.help(scratches + thread * SCRATCH_BYTES, team);
  } catch (error) {
    reportFailure(memory, team, describe(error));
  }
}

/** The machine of an engine in another thread: carries out requests in order. */
class Host {
  readonly #port: Port;
  #machine: LocalMachine | undefined;

  constructor(port: Port) {
    this.#port = port;
  }

  start({ compiled, memory, threads }: HostTask): void {
    const instance = instantiate("host", compiled, memory);
    // The engine's thread starts the helpers and ends them.
    const helpers = { count: threads - 1, dispose: () => {} };
    const machine = new LocalMachine(instance, { threads, helpers: threads > 1 ? helpers : undefined });
    this.#machine = machine;
    const { heapBase, isRelaxed } = instance.kernels;
    this.#reply({ kind: "started", heapBase, isRelaxed, bytes: machine.bytes });
  }

  async answer(request: MachineRequest): Promise<void> {
    const machine = this.#machine;
    if (!machine) return;
    switch (request.task) {
      case "run":
        return machine.run(new Int32Array(request.list), request.sharedWork);
      case "write":
        return machine.write(request.address, new Uint8Array(request.bytes));
      case "grow":
        if (!machine.grow(request.pages)) this.#reply({ kind: "refused", bytes: machine.bytes });
        return;
      case "read": {
        const bytes = await machine.read(request.address, request.bytes);
        return this.#reply({ kind: "read", id: request.id, bytes }, [bytes]);
      }
    }
  }

  fail(error: unknown): void {
    // A machine whose helpers have failed goes on alone.
    this.#reply({ kind: "failed", reason: describe(error), hasDisbanded: this.#machine?.threads === 1 });
  }

  #reply(reply: MachineReply, transfer: ArrayBuffer[] = []): void {
    this.#port.postMessage(reply, transfer);
  }
}

/** Listens to the other side's messages, and tells it that the script runs. */
function connect(
  port: Port,
  listen: (onMessage: (message: HelpTask | HostTask | MachineRequest) => void) => void,
): void {
  const host = new Host(port);
  listen(async (message) => {
    try {
      if (message.task === "help") help(port, message);
      else if (message.task === "host") host.start(message);
      else await host.answer(message);
    } catch (error) {
      host.fail(error);
    }
  });
  port.postMessage("running");
}

/** Whether this is a web worker; Node's worker threads have a port instead, Bun's have both and use the port. */
function isWebWorker(scope: object): scope is Port & EventTarget {
  return "postMessage" in scope;
}

const parentPort = hasNodeModules() ? nodeModule("node:worker_threads").parentPort : undefined;
const scope: object = globalThis;
if (parentPort) {
  connect(parentPort, (onMessage) => parentPort.on("message", onMessage));
} else if (isWebWorker(scope)) {
  connect(scope, (onMessage) => {
    scope.addEventListener("message", (event) => {
      if (event instanceof MessageEvent) onMessage(event.data);
    });
  });
}
