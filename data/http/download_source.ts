/**
 * A file on a server, read without keeping a copy.
 *
 * @module
 */

import { WeightsError } from "../../errors.ts";
import { type ByteSource, readerOf, skip } from "../files/byte_source.ts";
import { type Download, startDownload } from "./download.ts";
import type { DownloadOptions } from "./http.ts";
import { type Refusal, refusalError } from "./refusal.ts";

/**
 * Opens a file that is read as it comes in.
 *
 * @returns It, or what the server answered instead.
 * @throws {Error} If the server can't be reached; its class is `options.errorClass`.
 */
export async function openDownload(name: string, url: string, options: DownloadOptions): Promise<ByteSource | Refusal> {
  const { errorClass = WeightsError } = options;
  const answer = await startDownload(url, {}, options);
  if (answer.kind === "unchanged") throw new errorClass(`Cannot read ${name}: its server sent nothing; try again`);
  return answer.kind === "download" ? downloadSource(name, url, answer, options) : answer;
}

/**
 * A file that has begun to come in. It can be opened again, at any byte: the server is asked anew and must have the
 * same file still.
 */
export function downloadSource(name: string, url: string, first: Download, options: DownloadOptions): ByteSource {
  const errorClass = options.errorClass ?? WeightsError;
  let waiting: Download | undefined = first;
  const release = async () => {
    await waiting?.cancel();
    waiting = undefined;
  };
  return {
    name,
    size: first.size,
    once: false,
    open: async (from, signal = options.signal) => {
      if (from === 0 && waiting !== undefined) {
        const chunks = waiting.chunks();
        waiting = undefined;
        return readerOf(chunks);
      }
      await release();
      const again = await startDownload(url, { from, validator: first.validator }, { ...options, signal });
      if (again.kind === "refusal" && again.reason !== "no file") throw refusalError(url, again, errorClass);
      if (again.kind !== "download") {
        throw new errorClass(`Cannot read ${name}: it is gone from the server since its first bytes came`);
      }
      if (again.validator !== first.validator || again.tag !== first.tag || again.size !== first.size) {
        await again.cancel();
        throw new errorClass(`Cannot read ${name}: it became another file while it was read; try again`);
      }
      const reader = readerOf(again.chunks());
      await skip(reader, from - again.from, name, errorClass);
      return reader;
    },
    close: release,
  };
}
