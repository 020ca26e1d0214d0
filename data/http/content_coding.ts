/**
 * Bodies that a server compressed although it was asked not to.
 *
 * Browsers and Node decompress what they understand before we see it. Deno does so only for requests that name no
 * `Accept-Encoding`, and ours must: lengths and ranges are those of the file only if nothing is compressed.
 *
 * @module
 */

import { hasNodeModules } from "../../host/node.ts";
import { ExpansionLimit } from "../files/expansion_limit.ts";

/** Bytes that decompression may give before its ratio counts, and the largest ratio from then on. */
const FREE_BYTES = 1 << 24;
const MOST_EXPANSION = 20;

/** Formats of `DecompressionStream` by the codings' names; not every host has all of them. */
const FORMATS: Readonly<Record<string, string>> = {
  "gzip": "gzip",
  "x-gzip": "gzip",
  "deflate": "deflate",
  "br": "brotli",
  "zstd": "zstd",
};

/** The codings of an answer in the order in which they were applied; none if it comes as the file is. */
export function codingsOf({ headers }: Response): readonly string[] {
  const names = (headers.get("content-encoding") ?? "").toLowerCase().split(",").map((name) => name.trim());
  return names.filter((name) => name !== "" && name !== "identity");
}

/**
 * The body of an answer, decompressed.
 *
 * @throws {Error} If the host knows no way to decompress it.
 */
export function decodedBody(answer: Response): ReadableStream<Uint8Array> | null {
  const { body } = answer;
  const codings = codingsOf(answer);
  if (body === null || codings.every(hostDecodes)) return body;
  const decoders = codings.toReversed().map(decoderOf);
  const limit = new ExpansionLimit(FREE_BYTES, MOST_EXPANSION);
  let decoded: ReadableStream<Uint8Array> = body.pipeThrough(watch((count) => limit.receive(count)));
  for (const decoder of decoders) decoded = decoded.pipeThrough(decoder);
  return decoded.pipeThrough(watch((count) => limit.send(count)));
}

/** Passes bytes on and reports their number. An error that the callback throws ends the stream. */
function watch(count: (bytes: number) => void): TransformStream<Uint8Array, Uint8Array> {
  return new TransformStream({
    transform: (chunk, controller) => {
      count(chunk.byteLength);
      controller.enqueue(chunk);
    },
  });
}

/** Whether `fetch` of this host has undone a coding. */
function hostDecodes(coding: string): boolean {
  if ("Deno" in globalThis) return false;
  return !hasNodeModules() || ["gzip", "x-gzip", "deflate", "br"].includes(coding);
}

function decoderOf(coding: string): TransformStream<Uint8Array, Uint8Array> {
  try {
    return Reflect.construct(DecompressionStream, [FORMATS[coding]]);
  } catch {
    throw new Error(`it comes compressed as ${JSON.stringify(coding.slice(0, 40))}, which this host can't undo`);
  }
}
