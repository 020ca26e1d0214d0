/**
 * Texts of a file at a URL.
 *
 * @module
 */

import { DatasetError } from "../../../errors.ts";
import { openUrlFile } from "../../cache/url_file.ts";
import { showUrl } from "../../http/show_url.ts";
import { rowsOf } from "../formats/rows.ts";
import type { SourceOptions, TextSource } from "./text_source.ts";

/**
 * Opens a file.
 *
 * @throws {DatasetError} Where it can't be fetched.
 */
export async function fetchedFile(url: URL, options: SourceOptions): Promise<TextSource> {
  const description = showUrl(url);
  return {
    description,
    once: false,
    files: [{
      name: description,
      rows: async function* (from) {
        const source = await openUrlFile(url, { ...options.hub, errorClass: DatasetError });
        if (!source) throw new DatasetError(`Cannot fetch ${description}: there is no such file`);
        yield* rowsOf({ ...source, name: url.pathname.slice(url.pathname.lastIndexOf("/") + 1) }, from, options);
      },
    }],
  };
}
