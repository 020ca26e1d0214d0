/**
 * Commands run in a worker, so that a page or a server stays alive while they do.
 *
 * @module
 */

import type { ReadingInTurns } from "../../backend/backend.ts";
import { BackendUnavailableError, DeviceLostError, DisposedError, OutOfMemoryError } from "../../errors.ts";
import { nextMessage, type WorkerHandle } from "../../host/workers.ts";
import { layoutOf } from "../memory/layout.ts";
import { PAGE } from "../records/constants.ts";
import { Helpers } from "./helpers.ts";
import { tryGrow } from "./instance.ts";
import type { ListWork, Machine } from "./machine.ts";
import type { HostStarted, HostTask, MachineReply, MachineRequest } from "./worker_messages.ts";

/** A read that waits for its bytes. */
interface Reader {
  resolve(bytes: ArrayBuffer): void;
  reject(error: Error): void;
}

/** The parts of a machine in a worker. */
export interface WorkerParts {
  /** Runs `worker.ts`. */
  readonly worker: WorkerHandle;
  readonly compiled: WebAssembly.Module;
  /** Shared by several threads; absent: the worker makes its own. */
  readonly memory: WebAssembly.Memory | undefined;
  readonly threads: number;
  readonly workerUrl: string | URL | undefined;
  /** Whether one row reads in turns; undefined: as the worker measures it. */
  readonly readsInTurns: boolean | undefined;
}

function fail(reason: string): never {
  throw new BackendUnavailableError(`Cannot start the wasm backend: ${reason}`);
}

/**
 * A machine in a worker. Messages keep their order, so no call waits: lists and values are sent, bytes are requested.
 * An error in the worker rejects the read that follows it.
 */
export class WorkerMachine implements Machine {
  readonly isHere = false;
  readonly isRelaxed: boolean;
  readonly base: number;
  readonly #worker: WorkerHandle;
  /** The worker's memory, if it is shared with this thread. */
  readonly #memory: WebAssembly.Memory | undefined;
  readonly #helpers: Helpers | undefined;
  readonly #readers = new Map<number, Reader>();
  #bytes: number;
  #readsInTurns: ReadingInTurns;
  #reads = 0;
  /** Rejects the next read. */
  #failure: Error | undefined;
  /** Rejects every read. */
  #end: Error | undefined;

  /**
   * Hands the kernels to the worker.
   *
   * @throws {BackendUnavailableError} If they don't start there.
   */
  static async start(parts: WorkerParts): Promise<WorkerMachine> {
    const { worker, compiled, memory, threads, readsInTurns } = parts;
    const task: HostTask = { task: "host", compiled, memory, threads, readsInTurns };
    worker.post(task);
    const reply = await nextMessage(worker).catch((error: Error) => fail(error.message)) as MachineReply;
    if (reply.kind === "started") return new WorkerMachine(parts, reply);
    worker.terminate();
    return fail(reply.kind === "failed" ? reply.reason : `its worker said "${reply.kind}"`);
  }

  private constructor(parts: WorkerParts, started: HostStarted) {
    const { worker, compiled, memory, threads, workerUrl, readsInTurns } = parts;
    const { team, base } = layoutOf(started.heapBase, threads);
    this.#worker = worker;
    this.#memory = memory;
    this.#helpers = memory && new Helpers({ compiled, memory, team }, threads - 1, workerUrl);
    this.#bytes = started.bytes;
    this.#readsInTurns = { values: readsInTurns, blocks: readsInTurns };
    this.base = base;
    this.isRelaxed = started.isRelaxed;
    worker.listen(
      (message) => this.#hear(message as MachineReply),
      (reason) =>
        this.#close(
          new DeviceLostError(`Cannot use the wasm backend: its worker is gone (${reason}); create a new one`),
        ),
    );
    // The process may end while nobody waits for the worker.
    worker.unref();
  }

  /**
   * Resolves when all helpers have joined.
   *
   * @throws {BackendUnavailableError} If one can't start.
   */
  get joined(): Promise<void> {
    return this.#helpers?.joined ?? Promise.resolve();
  }

  get threads(): number {
    return 1 + (this.#helpers?.count ?? 0);
  }

  get readsInTurns(): ReadingInTurns {
    return this.#readsInTurns;
  }

  get bytes(): number {
    return this.#bytes;
  }

  grow(pages: number): boolean {
    // The worker grows a memory that is not shared, and reports later if it can't.
    if (!this.#memory) this.#ask({ task: "grow", pages });
    else if (!tryGrow(this.#memory, pages)) return false;
    this.#bytes += pages * PAGE;
    return true;
  }

  run(list: Int32Array<ArrayBuffer>, work: ListWork): void {
    const { buffer } = list.slice();
    this.#ask({ task: "run", list: buffer, work }, [buffer]);
  }

  write(address: number, values: Float32Array | Int32Array | Uint8Array): void {
    const { buffer } = values.slice();
    this.#ask({ task: "write", address, bytes: buffer }, [buffer]);
  }

  read(address: number, bytes: number): Promise<ArrayBuffer> {
    return new Promise((resolve, reject) => {
      const error = this.#end ?? this.#failure;
      this.#failure = undefined;
      if (error) return reject(error);
      const id = this.#reads++;
      if (this.#readers.size === 0) this.#worker.ref();
      this.#readers.set(id, { resolve, reject });
      this.#ask({ task: "read", id, address, bytes });
    });
  }

  dispose(): void {
    this.#worker.terminate();
    this.#helpers?.dispose();
    this.#close(
      new DisposedError("Cannot read from the wasm backend, which was disposed meanwhile: dispose of it later"),
    );
  }

  #ask(request: MachineRequest, transfer: ArrayBuffer[] = []): void {
    this.#worker.post(request, transfer);
  }

  #hear(reply: MachineReply): void {
    switch (reply.kind) {
      case "read":
        this.#readsInTurns = reply.readsInTurns;
        this.#readers.get(reply.id)?.resolve(reply.bytes);
        this.#readers.delete(reply.id);
        if (this.#readers.size === 0) this.#worker.unref();
        return;
      case "refused":
        return this.#close(
          new OutOfMemoryError(
            `Cannot grow the memory of the wasm backend beyond ${
              Math.floor(reply.bytes / 2 ** 20)
            } MiB: the host gives no ` +
              `more. Create a new backend and use a smaller model or weight format`,
          ),
        );
      case "failed":
        if (reply.hasDisbanded) this.#helpers?.dispose();
        return this.#fail(reply.reason);
    }
  }

  /** Rejects all waiting reads: requests are answered in order, so these came after the one that failed. */
  #fail(reason: string): void {
    const error = new DeviceLostError(
      `Cannot read from the wasm backend: its worker failed (${reason}), and what it was computing is lost; compute it again`,
    );
    if (this.#readers.size === 0) this.#failure = error;
    this.#rejectAll(error);
  }

  #close(error: Error): void {
    this.#end ??= error;
    this.#rejectAll(error);
  }

  #rejectAll(error: Error): void {
    for (const { reject } of this.#readers.values()) reject(error);
    this.#readers.clear();
    this.#worker.unref();
  }
}
