/**
 * From commands to records: one encoder for each operation.
 *
 * @module
 */

import type { Command } from "../../engine/commands.ts";
import { attention } from "./encoders/attention.ts";
import { elementwise } from "./encoders/elementwise.ts";
import type { CommandFor, Encoders, Recorder, WasmTensor } from "./encoders/encoder.ts";
import { gate } from "./encoders/gate.ts";
import { norm } from "./encoders/norm.ts";
import { sampling } from "./encoders/sampling.ts";
import { sequence } from "./encoders/sequence.ts";
import { softmax } from "./encoders/softmax.ts";
import { weight } from "./encoders/weight.ts";

const encoders: Encoders = {
  ...attention,
  ...elementwise,
  ...gate,
  ...norm,
  ...sampling,
  ...sequence,
  ...softmax,
  ...weight,
};

/** Appends the records of a command. */
export function encode<Op extends Command<WasmTensor>["op"]>(command: CommandFor<Op>, recorder: Recorder): void {
  encoders[command.op](command, recorder);
}
