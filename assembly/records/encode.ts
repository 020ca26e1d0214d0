/**
 * From commands to records: one encoder for each operation.
 *
 * @module
 */

import type { Command } from "../../engine/commands.ts";
import { derived } from "../generated/encoders.ts";
import { attention } from "./encoders/attention.ts";
import type { CommandFor, Encoders, WasmTensor } from "./encoders/encoder.ts";
import { sampling } from "./encoders/sampling.ts";
import { sequence } from "./encoders/sequence.ts";
import { softmax } from "./encoders/softmax.ts";
import { weight } from "./encoders/weight.ts";
import type { Recorder } from "./recorder.ts";

const encoders: Encoders = { ...derived, ...attention, ...sampling, ...sequence, ...softmax, ...weight };

/** Appends the records of a command. */
export function encode<Op extends Command<WasmTensor>["op"]>(command: CommandFor<Op>, recorder: Recorder): void {
  encoders[command.op](command, recorder);
}
