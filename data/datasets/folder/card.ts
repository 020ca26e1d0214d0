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
export function datasetCard({ split, seqLen, rows, tokens, shards, recipe }: Manifest): string {
  const bytes = shards.reduce((sum, shard) => sum + shard.bytes, 0);
  const features = Object.entries(COLUMNS).map(([name, type]) => `  - name: ${name}\n    sequence: ${type}`);
  const made = Object.entries(recipe).map(([name, value]) => `| ${name} | \`${JSON.stringify(value)}\` |`);
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

# Blocks of ${seqLen} tokens

${rows} blocks with ${tokens} tokens. Texts stand one after the other, each with its end token.

- \`input_ids\`: token ids.
- \`attention_mask\`: 1 where there is a token, 0 where there is padding.
- \`document_ids\`: which text of the block a token belongs to, from 0 on; -1 where there is padding.

| made with | |
| --- | --- |
${made.join("\n")}
`;
}
