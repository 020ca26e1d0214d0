/**
 * A memory, the kernels over it, and the commands that wait to be run in it. An engine has one for everything, and
 * further ones for weights beyond what 32-bit addresses reach.
 *
 * @module
 */

import type { Command } from "../../engine/commands.ts";
import type { Kernel } from "../generated/kernel.ts";
import * as record from "../generated/records.ts";
import { EventLoopPauses } from "../machine/event_loop_pauses.ts";
import type { Machine } from "../machine/machine.ts";
import { CommandList } from "../records/command_list.ts";
import { encode } from "../records/encode.ts";
import type { WasmTensor } from "../records/encoders/encoder.ts";
import type { Recorder } from "../records/recorder.ts";
import { workOf } from "../records/work.ts";
import { type Block, Memory } from "./memory.ts";

/** Bytes of an upload that travel in one record of the command list. */
const INLINE_BYTES = 1 << 16;
/** Uploads up to this size travel in several records if commands wait in the list; larger ones run the list first. */
const MOST_INLINE_BYTES = 1 << 20;

/** Where tensors lie and commands run. */
export class MemorySpace<M extends Machine = Machine> implements Recorder {
  readonly machine: M;
  readonly memory: Memory;
  readonly list: CommandList;
  readonly words: Int32Array;
  readonly floats: Float32Array;
  work = 0;
  /** Temporaries of the command that is being encoded. */
  readonly #temporaries: Block[] = [];

  constructor(machine: M) {
    this.machine = machine;
    this.memory = new Memory(machine, machine.base);
    const pauses = machine.isHere ? new EventLoopPauses() : undefined;
    this.list = new CommandList((words, work) => machine.run(words, work), pauses);
    this.words = this.list.words;
    this.floats = this.list.floats;
  }

  /** Appends a command's records. */
  record(command: Command<WasmTensor>): void {
    this.work = workOf(command);
    try {
      encode(command, this);
    } finally {
      // Commands recorded from here on run later, so they may use this memory.
      for (const block of this.#temporaries.splice(0)) this.memory.free(block);
    }
  }

  append(kernel: Kernel, length: number, work: number, list?: ArrayLike<number>): void {
    this.list.append(kernel, length, work, list);
  }

  temporary(bytes: number): number {
    const block = this.memory.allocate(bytes, "activations");
    this.#temporaries.push(block);
    return block.address;
  }

  /** Writes values in order with the commands recorded so far. */
  write(address: number, data: Float32Array | Int32Array): void {
    if (data.byteLength > (this.list.isEmpty ? INLINE_BYTES : MOST_INLINE_BYTES)) {
      this.list.flush();
      this.machine.write(address, data);
      return;
    }
    for (let from = 0; from < data.length; from += INLINE_BYTES / 4) {
      const some = data.subarray(from, from + INLINE_BYTES / 4);
      record.inlineData(this, { to: address + from * 4, data: some }, 0);
    }
  }

  /** Copies bytes out as they are after the commands recorded so far. */
  async read(address: number, bytes: number): Promise<ArrayBuffer> {
    return await this.list.after(() => this.machine.read(address, bytes));
  }

  /** Fills a block with zeros in order with the commands recorded so far. */
  clear({ address, bytes, isFresh }: Block): void {
    if (!isFresh) record.zero(this, { to: address, bytes }, bytes / 4);
  }
}
