/**
 * The dataset card: the README.md of a dataset, whose head tells the Hub and Python's `datasets` what is where.
 *
 * @module
 */

import type { Manifest, Split } from "./manifest.ts";

/** The file. */
export const CARD = "README.md";

/** Columns of the parquet files, and the types of their items. */
export const COLUMNS = { input_ids: "int32", attention_mask: "int8", document_ids: "int32" } as const;

/** Writes the card. */
export function datasetCard(manifest: Manifest): string {
  const { format, seqLen, splits, texts, recipe } = manifest;
  const counts = Object.entries<number>({ ...texts }).filter(([, count]) => count > 0);
  const made = Object.entries(recipe).map(([name, value]) => `| ${name} | \`${JSON.stringify(value)}\` |`);
  return `${format === "parquet" ? parquetHead(splits) : ""}# Blocks of ${seqLen} tokens

| split | blocks | tokens |
| --- | --- | --- |
${splits.map(({ name, rows, tokens }) => `| ${name} | ${rows} | ${tokens} |`).join("\n")}

Each text has its end token.

${format === "parquet" ? PARQUET_FILES : tokenFiles(manifest)}
| made with | |
| --- | --- |
${[...made, ...counts.map(([name, count]) => `| ${name} | ${count} |`)].join("\n")}
`;
}

const PARQUET_FILES = `\
- \`input_ids\`: token ids.
- \`attention_mask\`: 1 where there is a token, 0 where there is padding.
- \`document_ids\`: which text of the block a token belongs to, from 0 on; -1 where there is padding.
`;

/** The splits that have files: Python's `datasets` refuses names that stand for none. */
function parquetHead(all: readonly Split[]): string {
  const splits = all.filter(({ shards }) => shards.length > 0);
  const bytesOf = ({ shards }: Split) => shards.reduce((sum, { bytes }) => sum + bytes, 0);
  const bytes = splits.reduce((sum, split) => sum + bytesOf(split), 0);
  const features = Object.entries(COLUMNS).map(([name, type]) => `  - name: ${name}\n    sequence: ${type}`);
  const sizes = splits.map((split) =>
    `  - name: ${split.name}\n    num_bytes: ${bytesOf(split)}\n    num_examples: ${split.rows}`
  );
  return `---
dataset_info:
  features:
${features.join("\n")}
  splits:
${sizes.join("\n")}
  download_size: ${bytes}
  dataset_size: ${bytes}
configs:
- config_name: default
  data_files:
${splits.map(({ name }) => `  - split: ${name}\n    path: data/${name}-*`).join("\n")}
---

`;
}

function tokenFiles({ splits, seqLen }: Manifest): string {
  const [first] = splits.flatMap(({ shards }) => shards);
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
