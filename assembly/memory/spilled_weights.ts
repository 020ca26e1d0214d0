/**
 * Operations on weights that spilled into another memory than everything else: their inputs are copied there, and the
 * result back. For a linear layer these are a few values for every row of the weight that is read.
 *
 * @module
 */

import { EngineTensor } from "../../engine/tensor.ts";
import type { LocalMachine } from "../machine/local_machine.ts";
import type { CommandFor, WasmTensor } from "../records/encoders/encoder.ts";
import type { Block } from "./memory.ts";
import type { MemorySpace } from "./memory_space.ts";

/** A memory whose values can be read without waiting. */
export type LocalSpace = MemorySpace<LocalMachine>;

/** A command that reads a weight. */
export type WeightCommand = CommandFor<"linear" | "embedding">;

/** Runs a command in `spill`, which holds its weight; its other tensors lie in `main`. */
export function runInSpill(command: WeightCommand, main: LocalSpace, spill: LocalSpace): void {
  const copies: Copy[] = [];
  const copyOf = (tensor: WasmTensor): WasmTensor => {
    const block = spill.memory.allocate(tensor.size * 4, "engine");
    copies.push({ tensor, block });
    return new EngineTensor(tensor.backend, tensor.shape, tensor.dtype, tensor.layout, block);
  };
  try {
    const local = command.op === "linear"
      ? { ...command, x: copyOf(command.x), bias: command.bias && copyOf(command.bias), out: copyOf(command.out) }
      : { ...command, tokens: copyOf(command.tokens), out: copyOf(command.out) };
    // The inputs must have been computed, and whatever used the memory of their copies before must have run.
    main.list.flush();
    spill.list.flush();
    for (const { tensor, block } of copies) {
      if (tensor !== command.out) copyBetween(main, tensor.storage, spill, block, tensor.size);
    }
    spill.record(local);
    spill.list.flush();
    const result = copies.find(({ tensor }) => tensor === command.out);
    if (result) copyBetween(spill, result.block, main, command.out.storage, command.out.size);
  } finally {
    for (const { block } of copies) spill.memory.free(block);
  }
}

/** A tensor of the main memory, and the memory of its copy beside the weight. */
interface Copy {
  readonly tensor: WasmTensor;
  readonly block: Block;
}

/** Copies values from one memory to another; what was recorded in both must have run. */
export function copyBetween(from: LocalSpace, source: Block, to: LocalSpace, target: Block, count: number): void {
  to.machine.write(target.address, from.machine.view(source.address, count));
}
