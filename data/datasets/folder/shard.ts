/**
 * Shards: the files that the rows of a dataset are in.
 *
 * @module
 */

import type { ByteSource } from "../../files/byte_source.ts";
import { openParquetRows } from "../blocks/parquet_rows.ts";
import type { RowFile } from "../blocks/shard_blocks.ts";
import { openTokenRows } from "../blocks/token_rows.ts";
import { idBytesOf, TokenFileWriter } from "../formats/token_file.ts";
import type { RowPlan, ShardWriter } from "./format.ts";
import { beginParquet } from "./parquet_shard.ts";

/** Begins a shard. */
export async function beginShard({ format, seqLen, vocabSize }: RowPlan): Promise<ShardWriter> {
  return format === "parquet" ? await beginParquet(seqLen) : new TokenFileWriter(seqLen, idBytesOf(vocabSize));
}

/** Opens a shard. */
export async function openShard(source: ByteSource, { format, seqLen }: Omit<RowPlan, "vocabSize">): Promise<RowFile> {
  return format === "parquet" ? await openParquetRows(source) : await openTokenRows(source, seqLen);
}
