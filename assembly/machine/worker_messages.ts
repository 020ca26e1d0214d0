/**
 * Messages between a thread and its workers.
 *
 * @module
 */

import type { ReadingInTurns } from "../../backend/backend.ts";
import type { ListWork } from "./machine.ts";

/** To a worker: help another thread with its lists. It answers when it begins. */
export interface HelpTask {
  readonly task: "help";
  /** Its number among the threads, from 1 on. */
  readonly thread: number;
  readonly compiled: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
}

/** To a worker: be the machine of an engine. */
export interface HostTask {
  readonly task: "host";
  readonly compiled: WebAssembly.Module;
  /** Shared with helpers; absent: a memory of its own. */
  readonly memory: WebAssembly.Memory | undefined;
  readonly threads: number;
  /** Whether one row reads in turns; undefined: as the worker measures it. */
  readonly readsInTurns: boolean | undefined;
}

/**
 * To the machine in a worker: calls of `Machine`'s methods. Values go as buffers, because Deno's `node:worker_threads`
 * looks at every element of a typed array, which takes 75 ms for a megabyte.
 */
export type MachineRequest =
  | { readonly task: "run"; readonly list: ArrayBuffer; readonly work: ListWork }
  | { readonly task: "write"; readonly address: number; readonly bytes: ArrayBuffer }
  | { readonly task: "read"; readonly id: number; readonly address: number; readonly bytes: number }
  | { readonly task: "grow"; readonly pages: number };

/** From the machine in a worker when it has started. */
export interface HostStarted {
  readonly kind: "started";
  readonly heapBase: number;
  readonly isRelaxed: boolean;
  /** Size of its memory. */
  readonly bytes: number;
}

/** From the machine in a worker. */
export type MachineReply =
  | HostStarted
  | {
    readonly kind: "read";
    readonly id: number;
    readonly bytes: ArrayBuffer;
    /** As the worker has measured it by now. */
    readonly readsInTurns: ReadingInTurns;
  }
  /** The host gives no more memory than this. */
  | { readonly kind: "refused"; readonly bytes: number }
  /** A request failed; the helpers may have ended with it. */
  | { readonly kind: "failed"; readonly reason: string; readonly hasDisbanded: boolean };
