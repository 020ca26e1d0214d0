/**
 * Operations on weights that lie in another memory than everything else: what they read is carried over, and the result back.
 * For a linear layer that is a few values for every row of a weight that is read.
 *
 * @module
 */

import { EngineTensor } from "../../engine/tensor.ts";
import type { LocalMachine } from "../machine/local_machine.ts";
import type { CommandFor, WasmTensor } from "../records/encoders/encoder.ts";
import type { Block } from "./memory.ts";
import type { Room } from "./room.ts";

/** A room whose values can be looked at at once. */
export type LocalRoom = Room<LocalMachine>;

/** A command that reads a weight. */
export type WeightCommand = CommandFor<"linear" | "embedding">;

/** Runs a command in the annex that holds its weight; everything else of it lies in `home`. */
export function runInAnnex(command: WeightCommand, home: LocalRoom, annex: LocalRoom): void {
  const guests: Guest[] = [];
  const invite = (tensor: WasmTensor): WasmTensor => {
    const block = annex.memory.allocate(tensor.size * 4, "engine");
    guests.push({ tensor, block });
    return new EngineTensor(tensor.backend, tensor.shape, tensor.dtype, tensor.layout, block);
  };
  try {
    const visit = command.op === "linear"
      ? { ...command, x: invite(command.x), bias: command.bias && invite(command.bias), out: invite(command.out) }
      : { ...command, tokens: invite(command.tokens), out: invite(command.out) };
    // What is carried over must be ready, and where it goes to must have been read.
    home.list.flush();
    annex.list.flush();
    for (const { tensor, block } of guests) {
      if (tensor !== command.out) carry(home, tensor.storage, annex, block, tensor.size);
    }
    annex.record(visit);
    annex.list.flush();
    const result = guests.find(({ tensor }) => tensor === command.out);
    if (result) carry(annex, result.block, home, command.out.storage, command.out.size);
  } finally {
    for (const { block } of guests) annex.memory.free(block);
  }
}

/** A tensor of home and its place in the annex. */
interface Guest {
  readonly tensor: WasmTensor;
  readonly block: Block;
}

/** Copies values from one memory to another; what was recorded in both must have run. */
export function carry(from: LocalRoom, source: Block, to: LocalRoom, target: Block, count: number): void {
  to.machine.write(target.address, from.machine.view(source.address, count));
}
