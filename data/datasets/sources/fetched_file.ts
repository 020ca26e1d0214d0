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

/** A file that is fetched when it is read, and then throws DatasetErrors. */
export function fetchedFile(url: URL, options: SourceOptions): TextSource {
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
