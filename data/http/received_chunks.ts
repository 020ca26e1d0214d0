/**
 * The bytes of an answer as they come in.
 *
 * @module
 */

import { streamChunks } from "../files/byte_source.ts";
import { anyOf, type DownloadOptions, STALL_TIMEOUT } from "./http.ts";

/** The chunks of a body, each overwritten when the next is asked for; a connection that stalls is cut. */
export async function* receivedChunks(
  body: ReadableStream<Uint8Array> | null,
  { signal, stallTimeout = STALL_TIMEOUT }: DownloadOptions,
): AsyncGenerator<Uint8Array> {
  if (body === null) return;
  const stalled = new AbortController();
  const chunks = streamChunks(body, anyOf(signal, stalled.signal));
  try {
    while (true) {
      const timer = setTimeout(() => stalled.abort(new Error(`no byte came for ${stallTimeout} ms`)), stallTimeout);
      const next = await chunks.next().finally(() => clearTimeout(timer));
      if (next.done) return;
      yield next.value;
    }
  } finally {
    await chunks.return(undefined);
  }
}
