/**
 * What encoders work with.
 *
 * @module
 */

import type { Activation } from "../../../backend/operations.ts";
import type { Command, CommandOf } from "../../../engine/commands.ts";
import type { EngineTensor } from "../../../engine/tensor.ts";
import type { Block } from "../../memory/memory.ts";
import { ActivationId } from "../kernel_id.ts";
import type { Recorder } from "../recorder.ts";

/** A tensor of the WebAssembly engine: its storage is a block of the memory. */
export type WasmTensor = EngineTensor<Block>;

/**
 * The command of one operation; of several: any of theirs, in a form that lets TypeScript pair commands with encoders.
 */
export type CommandFor<Op extends Command<WasmTensor>["op"]> = {
  [Each in Op]: CommandOf<WasmTensor, Each> & { readonly op: Each };
}[Op];

/** An encoder for each operation: it writes the records of one command. */
export type Encoders = {
  readonly [Op in Command<WasmTensor>["op"]]: (command: CommandFor<Op>, recorder: Recorder) => void;
};

/** Where a tensor's values lie; 0 for an absent one. */
export function addressOf(tensor: WasmTensor | undefined): number {
  return tensor ? tensor.storage.address : 0;
}

/** What a record calls an activation. */
export function activationId(activation: Activation | undefined): ActivationId {
  return activation === undefined ? ActivationId.none : ActivationId[activation];
}
