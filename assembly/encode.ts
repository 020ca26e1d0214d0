/**
 * From commands to records: one encoder for each operation.
 *
 * @module
 */
import type { Command } from "../engine/commands.ts";
import type { Encoders, Recorder, WasmTensor } from "./encoders/encoder.ts";
import { weight } from "./encoders/weight.ts";
import { attention } from "./encoders/attention.ts";
import { elementwise } from "./encoders/elementwise.ts";
import { gate } from "./encoders/gate.ts";
import { norm } from "./encoders/norm.ts";
import { sampling } from "./encoders/sampling.ts";
import { sequence } from "./encoders/sequence.ts";
import { softmax } from "./encoders/softmax.ts";

const encoders: Partial<Encoders> = {
  ...weight,
  ...attention,
  ...elementwise,
  ...gate,
  ...norm,
  ...sampling,
  ...sequence,
  ...softmax,
};

/** Appends the records of a command. */
export function encode(command: Command<WasmTensor>, recorder: Recorder): void {
  const encoder: ((command: never, recorder: Recorder) => void) | undefined = encoders[command.op];
  encoder?.(command as never, recorder);
}
