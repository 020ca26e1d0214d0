/**
 * Commands run in this thread, with helpers beside it where memory is shared.
 *
 * @module
 */

import type { ReadingInTurns } from "../../backend/backend.ts";
import { describe } from "../../common/show.ts";
import { DeviceLostError } from "../../errors.ts";
import { layoutOf, type MemoryLayout } from "../memory/layout.ts";
import { Team } from "../records/team_layout.ts";
import { failureOf, reportFailure } from "./failure.ts";
import { type Instance, tryGrow } from "./instance.ts";
import type { ListWork, Machine } from "./machine.ts";
import { processReading, type Reading } from "./reading.ts";
import { Teamwork } from "./teamwork.ts";

/** The other threads of a machine, as it knows them. */
export interface HelperThreads {
  /** How many there are. */
  readonly count: number;
  /** Stops them. */
  dispose(): void;
}

/** What a machine may have beside its kernels. */
export interface LocalParts {
  /** Threads that the memory is laid out for. Default 1. */
  readonly threads?: number | undefined;
  /** The threads beside this one. Default none. */
  readonly helpers?: HelperThreads | undefined;
  /** How one row reads weights. Default: as this process measures it. */
  readonly reading?: Reading | undefined;
  /** Starts a machine of the same kind over a memory of its own; undefined if the host refuses one. */
  readonly another?: (() => LocalMachine | undefined) | undefined;
}

const NOBODY: HelperThreads = { count: 0, dispose: () => {} };

/** Runs commands at once, in the calling thread, which waits for its helpers. */
export class LocalMachine implements Machine {
  readonly isHere = true;
  readonly isRelaxed: boolean;
  readonly #instance: Instance;
  readonly #layout: MemoryLayout;
  readonly #another: () => LocalMachine | undefined;
  readonly #teamwork = new Teamwork();
  readonly #reading: Reading;
  #helpers: HelperThreads;
  #bytes: Uint8Array;

  /** @param instance Kernels, over a shared memory if there are helpers. */
  constructor(instance: Instance, parts: LocalParts = {}) {
    const { threads = 1, helpers = NOBODY, another = () => undefined } = parts;
    this.#instance = instance;
    this.#layout = layoutOf(instance.kernels.heapBase, threads);
    this.#helpers = helpers;
    this.#reading = parts.reading ?? processReading(threads);
    this.#another = another;
    this.#bytes = new Uint8Array(instance.memory.buffer);
    this.isRelaxed = instance.kernels.isRelaxed;
  }

  get threads(): number {
    return 1 + this.#helpers.count;
  }

  get readsInTurns(): ReadingInTurns {
    return this.#reading.inTurns;
  }

  get base(): number {
    return this.#layout.base;
  }

  get bytes(): number {
    return this.#instance.memory.buffer.byteLength;
  }

  grow(pages: number): boolean {
    return tryGrow(this.#instance.memory, pages);
  }

  run(words: Int32Array<ArrayBuffer>, listWork: ListWork): void {
    const { list, team } = this.#layout;
    this.write(list, words);
    const work = this.#helpers === NOBODY ? 0 : listWork.shared;
    this.#reading.run(listWork, (inTurns) => {
      this.write(team + Team.inTurns, Int32Array.of(inTurns));
      this.#teamwork.run(work, (isTogether) => this.#run(words.byteLength, isTogether));
    });
  }

  #run(bytes: number, isTogether: boolean): void {
    const { team, list, scratches } = this.#layout;
    const end = list + bytes;
    try {
      this.#instance.kernels.run(list, end, scratches, team, isTogether);
    } catch (error) {
      throw isTogether ? this.#disband(error) : lost(error);
    }
  }

  write(address: number, values: Float32Array | Int32Array | Uint8Array): void {
    const { buffer, byteOffset, byteLength } = values;
    this.#view(address + byteLength).set(new Uint8Array(buffer, byteOffset, byteLength), address);
  }

  read(address: number, bytes: number): Promise<ArrayBuffer> {
    return Promise.resolve(this.#view(address + bytes).slice(address, address + bytes).buffer);
  }

  /** The values at an address as they are now, for immediate use: growing the memory detaches them. */
  view(address: number, count: number): Float32Array {
    const { buffer } = this.#view(address + 4 * count);
    return new Float32Array(buffer, address, count);
  }

  /**
   * A machine of the same kind over another memory, for weights that don't fit into this one; undefined if the host
   * refuses it.
   */
  another(): LocalMachine | undefined {
    try {
      return this.#another();
    } catch (error) {
      if (error instanceof RangeError) return undefined;
      throw error;
    }
  }

  dispose(): void {
    this.#helpers.dispose();
    this.#helpers = NOBODY;
  }

  /** The memory at least up to `end`, even if another thread has grown it. */
  #view(end: number): Uint8Array {
    const { memory } = this.#instance;
    if (end > this.#bytes.length || this.#bytes.length === 0) {
      // Growing by 0 makes the growth by other threads visible.
      memory.grow(0);
      this.#bytes = new Uint8Array(memory.buffer);
    }
    return this.#bytes;
  }

  /** Goes on alone after one of the threads has failed. The error says why it failed. */
  #disband(error: unknown): DeviceLostError {
    const { memory } = this.#instance;
    const { threads } = this;
    reportFailure(memory, this.#layout.team, describe(error));
    const reason = failureOf(memory, this.#layout.team);
    this.dispose();
    return new DeviceLostError(
      `Cannot finish what ${threads} threads of the wasm backend were computing, for one of them failed (${reason}): ` +
        `what this call made is lost. The backend goes on with one thread; create a new one to have all`,
      { cause: error },
    );
  }
}

/** The error if a kernel that ran alone fails, which should not happen. */
function lost(error: unknown): DeviceLostError {
  return new DeviceLostError(
    `Cannot finish what the wasm backend was computing (${
      describe(error)
    }): what this call made is lost, and what it ` +
      `wrote may be wrong. Create a new backend, and report this`,
    { cause: error },
  );
}
