/**
 * What a dataset is made from, and how: two builds of the same recipe give the same bytes.
 *
 * @module
 */

import { showUrl } from "../http/show_url.ts";
import { hashOf } from "../hub/checksum.ts";
import type { AndromedaTokenizer } from "../text/tokenizer.ts";
import { TOKENIZER_FILE } from "../text/tokenizer_files.ts";
import type { BuilderSettings } from "./builder_options.ts";
import { endTokenOf } from "./documents.ts";
import type { TextSource } from "./sources/text_source.ts";

/** What decides on every byte of a dataset. */
export type Recipe = Readonly<Record<string, unknown>>;

/** The recipe of a build. */
export async function recipeOf(
  settings: BuilderSettings,
  source: TextSource,
  tokenizer: AndromedaTokenizer,
): Promise<Recipe> {
  const { seqLen, config, revision, textColumn, split, linePerDocument, remainder, format, shardTokens } = settings;
  const { packing, minTokens, maxTokens, dedupe, dedupeThreshold, shuffle, seed, validation } = settings;
  const { commit } = source;
  return {
    dataset: sourceNameOf(settings),
    files: source.files.length,
    ...config === undefined ? {} : { config },
    ...revision === undefined ? {} : { revision },
    ...commit === undefined ? {} : { commit },
    split,
    seqLen,
    tokenizer: await hashOf(Uint8Array.from(tokenizer.files().get(TOKENIZER_FILE) ?? [])),
    endToken: endTokenOf(tokenizer, settings.endToken),
    textColumn,
    linePerDocument,
    ...{ packing, remainder, minTokens, dedupe },
    ...maxTokens === undefined ? {} : { maxTokens },
    ...dedupe === "near" ? { dedupeThreshold } : {},
    ...{ shuffle, validation },
    ...shuffle || validation > 0 ? { seed } : {},
    format,
    shardTokens,
  };
}

/** The source as recipes name it. */
export function sourceNameOf({ datasetName }: BuilderSettings): string {
  if (typeof datasetName !== "string" && !(datasetName instanceof URL)) return "texts";
  // Recipes are published: what is secret in a URL is none of their business.
  return /^\w+:\/\//.test(String(datasetName)) ? showUrl(datasetName) : String(datasetName);
}
