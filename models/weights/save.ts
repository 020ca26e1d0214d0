/**
 * Writing a model: its configuration and its weights.
 *
 * @module
 */

import type { DType } from "../../backend/memory.ts";
import { pathOfTarget } from "../../data/files/save_target.ts";
import { ConfigError } from "../../errors.ts";
import { FORMATS } from "../../formats/formats.ts";
import type { Parameter, Parameters, StateBuffer } from "../network/parameters.ts";
import { type ArrangedTensor, arrangedTensors } from "./arranged_tensor.ts";
import { HostTensor } from "./host_tensor.ts";
import { floatDType, type FloatFormat } from "./safetensors/dtypes.ts";
import { quote } from "./safetensors/header.ts";
import {
  type SaveOptions,
  saveToFolder,
  saveToStream,
  WEIGHTS_ENDING,
  type WritableTensor,
} from "./safetensors/write.ts";

/**
 * Where a model is saved: a folder, or a stream that takes the weights alone.
 *
 * @category Weights
 */
export type SaveTarget = string | URL | WritableStream<Uint8Array>;

/** Values read at a time. */
const CHUNK = 1 << 20;

/** Writes `config.json` and `model.safetensors` into a folder, or the weights alone into a stream. */
export async function saveModel(
  target: SaveTarget,
  config: object,
  tensors: Iterable<readonly [string, WritableTensor]>,
  buffers: readonly StateBuffer[],
  options: SaveOptions,
): Promise<void> {
  const entries = [
    ...tensors,
    ...buffers.map(({ name, shape, values }) => [name, HostTensor.from(values(), shape)] as const),
  ];
  if (target instanceof WritableStream) return await saveToStream(target, entries, options);
  const folder = pathOfTarget(target);
  if (folder.endsWith(WEIGHTS_ENDING)) {
    throw new ConfigError(
      `Cannot save a model to ${
        quote(folder)
      }: its configuration and its weights are two files; give a folder for them`,
    );
  }
  const texts = new Map([["config.json", JSON.stringify(config, null, 2) + "\n"]]);
  await saveToFolder(folder, entries, options, texts);
}

/** What a checkpoint of a model holds, in the order in which its parameters were declared. */
export function tensorsOf(parameters: Parameters): Map<string, WritableTensor> {
  const tensors = new Map<string, WritableTensor>();
  const arranged = arrangedTensors(parameters);
  for (const [path, parameter] of parameters.byPath) {
    const holders = (parameters.naming.holders.get(path) ?? []).flatMap((name) => arranged.get(name) ?? []);
    for (const holder of holders) tensors.set(holder.name, rearranged(holder));
    if (holders.length === 0) tensors.set(parameter.name, streamed(parameter));
  }
  return tensors;
}

/** Values of parameters as a checkpoint arranges them. */
function rearranged(tensor: ArrangedTensor): WritableTensor {
  const { shape, dtype, together } = tensor;
  return { shape, dtype: writtenAs(dtype, together), values: () => tensor.values() };
}

/** A parameter's values, a chunk of rows at a time, in the format that holds them exactly. */
function streamed({ shape, value, size }: Parameter): WritableTensor {
  const width = shape.at(-1) ?? 1;
  const step = Math.max(1, Math.floor(CHUNK / width));
  const dtype = writtenAs(value.dtype, width);
  return {
    shape,
    dtype,
    async *values() {
      for (let row = 0; row < size / width; row += step) {
        const count = Math.min(step, size / width - row);
        if (dtype === "F32") yield await value.backend.readRows(value, row, count);
        else yield (await value.backend.readStored(value, row, count)).bytes;
      }
    },
  };
}

/**
 * What a file holds bit by bit as the engine does; rows that end inside a block, which no file can hold, are written in
 * f32.
 */
function writtenAs(dtype: DType, width: number): FloatFormat {
  return width % FORMATS[dtype].blockSize === 0 ? floatDType(dtype) ?? "F32" : "F32";
}
