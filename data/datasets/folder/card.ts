/**
 * The dataset card: the README.md of a dataset, whose head tells the Hub and Python's `datasets` what is where.
 *
 * @module
 */

import type { Manifest } from "./manifest.ts";

/** The file. */
export const CARD = "README.md";

/** Columns of the parquet files, and the types of their items. */
export const COLUMNS = { input_ids: "int32", attention_mask: "int8", document_ids: "int32" } as const;

/** Writes the card. */
export function datasetCard(manifest: Manifest): string {
  const { format, seqLen, rows, tokens, recipe } = manifest;
  const made = Object.entries(recipe).map(([name, value]) => `| ${name} | \`${JSON.stringify(value)}\` |`);
  return `${format === "parquet" ? parquetHead(manifest) : ""}# Blocks of ${seqLen} tokens

${rows} blocks with ${tokens} tokens. Each text has its end token.

${format === "parquet" ? PARQUET_FILES : tokenFiles(manifest)}
| made with | |
| --- | --- |
${made.join("\n")}
`;
}

const PARQUET_FILES = `\
- \`input_ids\`: token ids.
- \`attention_mask\`: 1 where there is a token, 0 where there is padding.
- \`document_ids\`: which text of the block a token belongs to, from 0 on; -1 where there is padding.
`;

function parquetHead({ split, rows, shards }: Manifest): string {
  const bytes = shards.reduce((sum, shard) => sum + shard.bytes, 0);
  const features = Object.entries(COLUMNS).map(([name, type]) => `  - name: ${name}\n    sequence: ${type}`);
  return `---
dataset_info:
  features:
${features.join("\n")}
  splits:
  - name: ${split}
    num_bytes: ${bytes}
    num_examples: ${rows}
  download_size: ${bytes}
  dataset_size: ${bytes}
configs:
- config_name: default
  data_files:
  - split: ${split}
    path: data/${split}-*
---

`;
}

function tokenFiles({ shards, seqLen }: Manifest): string {
  const [first] = shards;
  if (!first) return "";
  return `\
The files in data begin with 64 bytes: "ANDROTOK", then numbers of 32 bits, little-endian: a version, the bytes of an
id, the tokens of a block, the blocks, and the documents in them. The ids follow:

\`\`\`python
import numpy as np
path = "${first.path}"
_, id_bytes, seq_len, rows, _ = np.fromfile(path, "<u4", 5, offset=8)
blocks = np.memmap(path, f"<u{id_bytes}", "r", 64, (rows, seq_len))  # [${first.rows}, ${seqLen}]
\`\`\`
`;
}
