/**
 * The JSON files of a checkpoint: its configuration and its index.
 *
 * @module
 */

import { isRecord } from "../../common/record.ts";
import { type ByteSource, messageOf, readAll } from "../../data/files/byte_source.ts";
import { WeightsError } from "../../errors.ts";
import { otherFormat } from "./other_formats.ts";

/** The longest file in bytes: ten times the index of a model of 100,000 tensors. */
const MAX_BYTES = 100_000_000;

/**
 * Reads a file that holds an object.
 *
 * @throws {WeightsError} If it can't be read or holds something else.
 */
export async function readJsonFile(source: ByteSource, signal?: AbortSignal): Promise<Record<string, unknown>> {
  if (source.size !== undefined && source.size > MAX_BYTES) {
    await source.close();
    throw new WeightsError(
      `Cannot read ${source.name} as JSON: it has ${source.size} bytes, and ${MAX_BYTES} are allowed; give the ` +
        "right file",
    );
  }
  const bytes = await readAll(source, signal);
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    await source.discard?.();
    const other = isJsonStart(bytes) ? undefined : otherFormat(bytes);
    if (other !== undefined) throw new WeightsError(`Cannot read ${source.name} as JSON: ${other}`, { cause });
    throw new WeightsError(
      `Cannot read ${source.name}: it is not JSON (${messageOf(cause)}); mend it, or fetch it again`,
      {
        cause,
      },
    );
  }
  if (!isRecord(json)) {
    throw new WeightsError(`Cannot read ${source.name}: it is not a JSON object; give the right file`);
  }
  return json;
}

/** Whether a text begins as objects and lists do, so that only its rest can be wrong. */
function isJsonStart(bytes: Uint8Array): boolean {
  return /^\s*[{[]/.test(String.fromCharCode(...bytes.subarray(0, 64)));
}
