/**
 * From texts to rows that a model can be trained on.
 *
 * @module
 */

import { AndromedaTokenizer } from "../text/tokenizer.ts";
import { type BuilderSettings, type DatasetBuilderOptions, readBuilderOptions } from "./builder_options.ts";
import type { Dataset } from "./dataset.ts";
import { endTokenOf } from "./documents.ts";
import { Packer } from "./packing/packer.ts";
import { buildAndPush, type BuildOptions, runBuild } from "./run_build.ts";

/**
 * Makes a dataset of texts: appends the end token to each, tokenizes them, and cuts what comes into rows of `seqLen`
 * tokens, one text after the other. Options leave texts out, shuffle them, hold some out for validation, and fit them
 * into rows.
 *
 * @example
 * ```ts
 * import { DatasetBuilder } from "../../mod.ts";
 *
 * const builder = new DatasetBuilder({
 *   datasetName: { texts: ["Good morrow, cousin.", "Is the day so young?"] },
 *   tokenizer: "examples/shakespeare",
 *   seqLen: 8,
 * });
 * const dataset = await builder.buildDataset();
 * console.log(dataset.length, (await dataset.get(0)).inputIds);
 * ```
 *
 * @category Data
 */
export class DatasetBuilder {
  readonly #settings: BuilderSettings;
  #tokenizer: Promise<AndromedaTokenizer> | undefined;

  /**
   * A builder; nothing is read yet.
   *
   * @throws {ConfigError} If an option is out of its range.
   */
  constructor(options: DatasetBuilderOptions) {
    this.#settings = readBuilderOptions(options);
  }

  /**
   * Builds the dataset, and pushes it where `hfAccountRepo` says so.
   *
   * @returns It, from `output` or from memory.
   * @throws {DatasetError} If the texts can't be read, a row has none, or the folder holds something else, or the Hub
   * refuses the dataset; what was finished stays finished.
   * @throws {TokenizerError} If the tokenizer can't be read.
   */
  async buildDataset(options: BuildOptions = {}): Promise<Dataset> {
    const build = () => runBuild(this.#settings, () => this.#loadTokenizer(), options);
    return await buildAndPush(this.#settings, options, build);
  }

  /**
   * Tokenizes texts, each with the end token.
   *
   * @param example As rows of a dataset come: a list for each column.
   * @returns Token ids and attention masks, a list for each text.
   * @throws {TokenizerError} If a text can't be tokenized.
   */
  async tokenizeFunction(
    example: { readonly text: readonly string[] },
  ): Promise<{ inputIds: number[][]; attentionMask: number[][] }> {
    const tokenizer = await this.#loadTokenizer();
    const endToken = endTokenOf(tokenizer, this.#settings.endToken);
    const inputIds = example.text.map((text) => tokenizer.encode(text + endToken));
    return { inputIds, attentionMask: inputIds.map((ids) => ids.map(() => 1)) };
  }

  /**
   * Joins rows of any lengths and cuts them into rows of `seqLen`; what is left at the end goes by `remainder`, except
   * that it is dropped where it were to be padded.
   *
   * @param examples Token ids, a list for each text.
   */
  groupTexts(
    examples: { readonly inputIds: readonly (readonly number[])[] },
  ): { inputIds: number[][]; attentionMask: number[][] } {
    const packer = new Packer(this.#settings.seqLen);
    const rows = examples.inputIds.flatMap((ids) => [...packer.add(ids)].map(({ row }) => row));
    const last = this.#settings.remainder === "keep" ? packer.end("keep", 0) : undefined;
    const all = last ? [...rows, last] : rows;
    return {
      inputIds: all.map(({ inputIds }) => [...inputIds]),
      attentionMask: all.map(({ attentionMask }) => [...attentionMask]),
    };
  }

  #loadTokenizer(): Promise<AndromedaTokenizer> {
    const { tokenizer, hub } = this.#settings;
    if (tokenizer instanceof AndromedaTokenizer) return Promise.resolve(tokenizer);
    this.#tokenizer ??= AndromedaTokenizer.load(tokenizer, hub);
    this.#tokenizer.catch(() => this.#tokenizer = undefined);
    return this.#tokenizer;
  }
}
