/**
 * A file on a server of which only the parts that are asked for are fetched.
 *
 * @module
 */

import { WeightsError } from "../../errors.ts";
import type { ByteSource } from "../files/byte_source.ts";
import { codingsOf } from "./content_coding.ts";
import { isRest, partOf, PROGRESS_BYTES, rangeHeaders, validatorOf } from "./download.ts";
import { type DownloadOptions, faultOf, pause, request } from "./http.ts";
import { receivedChunks } from "./received_chunks.ts";
import { type Refusal, refusalError, refusalOf } from "./refusal.ts";

/** What all parts of a file belong to. */
interface Version {
  readonly size: number;
  /** Names these bytes, where the server has a name for them; see `validatorOf`. */
  readonly validator: string | undefined;
}

/**
 * Opens a file whose readers ask the server for the bytes of each read, and no others.
 *
 * @returns What the server answered instead; or nothing, where it does not send parts of this file.
 * @throws {Error} If the server can't be reached; its class is `options.errorClass`.
 */
export async function openRanges(
  name: string,
  url: string,
  options: DownloadOptions,
): Promise<ByteSource | Refusal | undefined> {
  const { response } = await request(url, rangeHeaders(0, undefined, 1), options);
  const { status } = response;
  if (status !== 200 && status !== 206 && status !== 416) return await refusalOf(response);
  await response.body?.cancel();
  // Pages can't see the header where the server does not let them.
  const isPlainPart = response.headers.has("content-range") && codingsOf(response).length === 0;
  const size = isPlainPart ? partOf(response, 0)?.total : undefined;
  if (size === undefined) return undefined;
  const version = { size, validator: validatorOf(response) };
  return {
    name,
    size,
    once: false,
    open: (from, signal = options.signal) => {
      let position = from;
      return Promise.resolve({
        read: async (target) => {
          const part = target.subarray(0, Math.max(0, size - position));
          await readPart(name, url, position, part, version, { ...options, signal });
          position += part.byteLength;
          return part.byteLength;
        },
        close: () => Promise.resolve(),
      });
    },
    close: () => Promise.resolve(),
  };
}

/** Fills `target` with the bytes from `start` on, over as many connections as it takes. */
async function readPart(
  name: string,
  url: string,
  start: number,
  target: Uint8Array,
  version: Version,
  options: DownloadOptions,
): Promise<void> {
  const { signal, retries = 5, errorClass = WeightsError } = options;
  for (let filled = 0, failures = 0; filled < target.byteLength;) {
    const begin = filled;
    const body = await askPart(name, url, start + filled, start + target.byteLength, version, options);
    let why = "the server ended it";
    try {
      for await (const chunk of receivedChunks(body, options)) {
        const wanted = chunk.subarray(0, target.byteLength - filled);
        target.set(wanted, filled);
        filled += wanted.byteLength;
        if (filled === target.byteLength) return;
      }
    } catch (error) {
      signal?.throwIfAborted();
      why = faultOf(error);
    }
    failures = filled - begin >= PROGRESS_BYTES ? 1 : failures + 1;
    if (failures > retries) {
      throw new errorClass(
        `Cannot read ${name}: the connection broke off at byte ${start + filled}, because ${why}; try again later`,
      );
    }
    await pause(failures, undefined, options);
  }
}

/** Asks for a part, which must be of the same file as those before. */
async function askPart(
  name: string,
  url: string,
  from: number,
  end: number,
  { size, validator }: Version,
  options: DownloadOptions,
): Promise<ReadableStream<Uint8Array> | null> {
  const { errorClass = WeightsError } = options;
  const { response } = await request(url, rangeHeaders(from, validator, end), options);
  const { status, body } = response;
  if (![200, 206, 416].includes(status)) throw refusalError(url, await refusalOf(response), errorClass);
  const part = partOf(response, from);
  if (part?.begin === from && part.total === size && isRest(response, validator)) return body;
  await body?.cancel();
  if (status === 200 && validatorOf(response) === validator) {
    throw new errorClass(
      `Cannot read ${name}: the server sent all of it when asked for bytes ${from} to ${end - 1}; try again later`,
    );
  }
  throw new errorClass(`Cannot read ${name}: it became another file while it was read; try again`);
}
