/**
 * The script of every worker: a helper of another thread, or the machine of an engine. `deno task build` makes one file
 * of it.
 *
 * @module
 */

import { describe } from "../../common/show.ts";
import { connectWorker, type WorkerPort } from "../../host/worker_port.ts";
import { layoutOf } from "../memory/layout.ts";
import { SCRATCH_BYTES } from "../records/constants.ts";
import { reportFailure } from "./failure.ts";
import { instantiate } from "./instance.ts";
import { LocalMachine } from "./local_machine.ts";
import { Reading } from "./reading.ts";
import type { HelpTask, HostTask, MachineReply, MachineRequest } from "./worker_messages.ts";

/** Helps another thread with its lists until the helpers are sent away. */
function help(port: WorkerPort, { compiled, memory, thread }: HelpTask): void {
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
  readonly #port: WorkerPort;
  #machine: LocalMachine | undefined;

  constructor(port: WorkerPort) {
    this.#port = port;
  }

  start({ compiled, memory, threads, readsInTurns }: HostTask): void {
    const instance = instantiate("host", compiled, memory);
    // The engine's thread starts the helpers and ends them.
    const helpers = { count: threads - 1, dispose: () => {} };
    const reading = readsInTurns === undefined ? undefined : new Reading(readsInTurns);
    const machine = new LocalMachine(instance, { threads, helpers: threads > 1 ? helpers : undefined, reading });
    this.#machine = machine;
    const { heapBase, isRelaxed } = instance.kernels;
    this.#reply({ kind: "started", heapBase, isRelaxed, bytes: machine.bytes });
  }

  async answer(request: MachineRequest): Promise<void> {
    const machine = this.#machine;
    if (!machine) return;
    switch (request.task) {
      case "run":
        return machine.run(new Int32Array(request.list), request.work);
      case "write":
        return machine.write(request.address, new Uint8Array(request.bytes));
      case "grow":
        if (!machine.grow(request.pages)) this.#reply({ kind: "refused", bytes: machine.bytes });
        return;
      case "read": {
        const bytes = await machine.read(request.address, request.bytes);
        return this.#reply({ kind: "read", id: request.id, bytes, readsInTurns: machine.readsInTurns }, [bytes]);
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

connectWorker<HelpTask | HostTask | MachineRequest>((port) => {
  const host = new Host(port);
  return async (message) => {
    try {
      if (message.task === "help") help(port, message);
      else if (message.task === "host") host.start(message);
      else await host.answer(message);
    } catch (error) {
      host.fail(error);
    }
  };
});
