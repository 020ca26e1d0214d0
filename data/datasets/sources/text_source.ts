/**
 * The texts that a dataset is made of, in a fixed order.
 *
 * @module
 */

import type { HubOptions } from "../../hub/hub_options.ts";
import type { RowOptions, RowPlace, TextRow } from "../formats/rows.ts";

/**
 * Where texts come from: a file or a folder of files, the URL of a file, "org/name" or "org/name@revision" on the
 * Hugging Face Hub, or texts at hand.
 *
 * @category Data
 */
export type DatasetSource = string | URL | { readonly texts: AsyncIterable<string> | Iterable<string> };

/** How texts are found. */
export interface SourceOptions extends RowOptions {
  /** The part of the dataset, such as "train". */
  readonly split: string;
  /** The configuration of a dataset on a hub that has several. */
  readonly config: string | undefined;
  /** The branch, tag or commit of a dataset on a hub. */
  readonly revision: string | undefined;
  /** The commit that a build which goes on has begun with. */
  readonly commit: string | undefined;
  /** How files are fetched. */
  readonly hub: HubOptions;
}

/** A file of texts. */
export interface TextFile {
  /** Its name in messages, which tells it from the others. */
  readonly name: string;
  /** Its bytes as they are stored, where they are known beforehand. */
  size?(): Promise<number | undefined>;
  /** Its rows, from a row on; `onRead` is told the bytes of each read. */
  rows(from: RowPlace, onRead: (bytes: number) => void): AsyncGenerator<TextRow>;
  /** Places where it can be read from, so many bytes apart or a little more. */
  placesEvery(bytes: number): AsyncGenerator<RowPlace>;
}

/** Texts that can be read again from any row of any file, unless they come from an iterable. */
export interface TextSource {
  readonly description: string;
  readonly files: readonly TextFile[];
  /** Whether the texts can be read only once, so that a build of them can't be resumed. */
  readonly once: boolean;
  /** The commit that the files are of, where a hub has them. */
  readonly commit?: string | undefined;
}
