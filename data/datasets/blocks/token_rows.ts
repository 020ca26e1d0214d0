/**
 * Rows of a dataset in a token file.
 *
 * @module
 */

import { DatasetError } from "../../../errors.ts";
import type { ByteSource } from "../../files/byte_source.ts";
import { TokenFile } from "../formats/token_file.ts";
import type { RowFile } from "./shard_blocks.ts";

/** Tokens that are read together: asking for a part of so few takes as long. */
const GROUP_TOKENS = 1 << 13;

/**
 * Opens a token file.
 *
 * @param seqLen Tokens that its rows must have.
 */
export async function openTokenRows(source: ByteSource, seqLen: number): Promise<RowFile> {
  const file = await TokenFile.open(source);
  if (file.seqLen !== seqLen) {
    throw new DatasetError(
      `Cannot read ${source.name}: its rows have ${file.seqLen} tokens where ${seqLen} are expected`,
    );
  }
  const most = Math.max(1, Math.floor(GROUP_TOKENS / seqLen));
  return {
    length: file.length,
    groupOf: (row) => {
      const start = row - row % most;
      return [start, Math.min(start + most, file.length)];
    },
    read: (start, end) => file.read(start, end),
  };
}
