/**
 * From texts to rows that a model can be trained on.
 *
 * @module
 */

import { DatasetError } from "../../errors.ts";
import type { Progress } from "../files/byte_source.ts";
import { showUrl } from "../http/show_url.ts";
import { hashOf } from "../hub/checksum.ts";
import { AndromedaTokenizer } from "../text/tokenizer.ts";
import { TOKENIZER_FILE } from "../text/tokenizer_files.ts";
import type { DatasetRow } from "./blocks/block.ts";
import { type BuildProgress, ReadBytes } from "./build_progress.ts";
import { type BuilderSettings, type DatasetBuilderOptions, readBuilderOptions } from "./builder_options.ts";
import { Dataset, datasetOf } from "./dataset.ts";
import { DatasetBuild } from "./dataset_build.ts";
import { BEGINNING, documentsOf, endTokenOf } from "./documents.ts";
import { begunRecipe, BuildFolder } from "./folder/build_folder.ts";
import { checkPush, pushFolder } from "./folder/push_dataset.ts";
import { Packer } from "./packing/packer.ts";
import { openTextSource } from "./sources/source.ts";
import { splitsOf } from "./splits.ts";
import type { TextSource } from "./sources/text_source.ts";

/**
 * Options of `buildDataset`.
 *
 * @category Data
 */
export interface BuildOptions {
  /** Is told now and then how far the build is, and at its end. */
  readonly onProgress?: ((progress: BuildProgress) => void) | undefined;
  /** Is told how far the upload is, where the dataset is pushed. */
  readonly onPush?: ((progress: Progress) => void) | undefined;
  /** Ends the build. Finished shards stay, and the next call goes on from them. */
  readonly signal?: AbortSignal | undefined;
}

/** Milliseconds between two reports. */
const REPORT_EVERY = 200;

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
    options.signal?.throwIfAborted();
    const { hfAccountRepo, hub } = this.#settings;
    if (hfAccountRepo !== undefined) await checkPush(hfAccountRepo, hub);
    const dataset = await this.#build(options);
    await this.#push(dataset, options);
    return dataset;
  }

  async #build(options: BuildOptions): Promise<Dataset> {
    const { seqLen, output } = this.#settings;
    const source = await this.#openSource(output === undefined ? undefined : await begunRecipe(output), options.signal);
    const tokenizer = await this.#loadTokenizer();
    if (output !== undefined) return await this.#buildFolder(output, source, tokenizer, options);
    const rows: DatasetRow[] = [];
    const sink = { add: (_: string, row: DatasetRow) => void rows.push(row), endShard: () => {}, checkpoint: () => {} };
    const build = new DatasetBuild(this.#settings, this.#padId(tokenizer), sink);
    await this.#run(build, source, tokenizer, options);
    return datasetOf(rows, seqLen);
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

  async #buildFolder(
    output: string,
    source: TextSource,
    tokenizer: AndromedaTokenizer,
    options: BuildOptions,
  ): Promise<Dataset> {
    const { format, seqLen } = this.#settings;
    const folder = await BuildFolder.open(output, {
      ...{ format, seqLen, vocabSize: tokenizer.vocabSize, splits: splitsOf(this.#settings) },
      recipe: await this.#recipe(source, tokenizer),
    });
    if (folder.isComplete) await folder.finish();
    else {
      if (source.once && folder.written.rows > 0) {
        throw new DatasetError(
          `Cannot go on in ${output}: the texts can be read only once; remove the folder to begin anew`,
        );
      }
      const { written, state: { next } } = folder;
      const build = await DatasetBuild.resume(this.#settings, this.#padId(tokenizer), folder);
      await this.#run(build, source, tokenizer, options, next, written);
      await folder.finish(build.texts);
    }
    return await Dataset.load(output);
  }

  async #push(dataset: Dataset, { signal, onPush: onProgress }: BuildOptions): Promise<void> {
    const { output, hfAccountRepo, private: isPrivate, split, format, hub } = this.#settings;
    if (hfAccountRepo === undefined) return;
    const options = { ...hub, signal, onProgress, private: isPrivate };
    if (output === undefined) await dataset.pushToHub(hfAccountRepo, { ...options, split, format });
    else await pushFolder(output, hfAccountRepo, options);
  }

  /** Reads the source from a place on, and hands its documents to a build. */
  async #run(
    build: DatasetBuild,
    source: TextSource,
    tokenizer: AndromedaTokenizer,
    { onProgress, signal }: BuildOptions,
    from = BEGINNING,
    before = { rows: 0, tokens: 0 },
  ): Promise<void> {
    const { onBadRow, endToken, numCpu } = this.#settings;
    let lastReport = 0;
    const began = performance.now();
    const read = await ReadBytes.of(source, from.file);
    const report = () => {
      const tokensPerSecond = build.tokens * 1000 / Math.max(1, performance.now() - began);
      const { bytes, total: totalBytes, secondsLeft } = read;
      onProgress?.({
        ...build.texts,
        ...{ rows: before.rows + build.rows, tokens: before.tokens + build.tokens, tokensPerSecond },
        ...{ bytes, totalBytes, secondsLeft },
      });
      lastReport = performance.now();
    };
    const documents = documentsOf(source, from, {
      tokenizer,
      endToken: endTokenOf(tokenizer, endToken),
      numCpu,
      onBadRow,
      onSkip: () => build.skip(),
      read,
      signal,
    });
    for await (const document of documents) {
      await build.add(document);
      if (performance.now() - lastReport > REPORT_EVERY) report();
    }
    if (build.texts.texts === 0) {
      throw new DatasetError(`Cannot build a dataset of ${source.description}: it has no texts`);
    }
    await build.end();
    report();
  }

  /** @throws {DatasetError} Where rows are to be padded, and the tokenizer has no token for it. */
  #padId(tokenizer: AndromedaTokenizer): number {
    const id = tokenizer.padId ?? tokenizer.eosId;
    if (id !== undefined || this.#settings.remainder !== "pad") return id ?? 0;
    throw new DatasetError(
      "Cannot pad rows: the tokenizer names no token for it; load it with the option padToken, or set remainder",
    );
  }

  /** What decides on every byte of the dataset. */
  async #recipe(source: TextSource, tokenizer: AndromedaTokenizer): Promise<Readonly<Record<string, unknown>>> {
    const { seqLen, config, revision, textColumn, split, linePerDocument, remainder, format, shardTokens } =
      this.#settings;
    const { packing, minTokens, maxTokens, dedupe, dedupeThreshold, shuffle, seed, validation } = this.#settings;
    const { commit } = source;
    return {
      dataset: this.#sourceName,
      files: source.files.length,
      ...config === undefined ? {} : { config },
      ...revision === undefined ? {} : { revision },
      ...commit === undefined ? {} : { commit },
      split,
      seqLen,
      tokenizer: await hashOf(Uint8Array.from(tokenizer.files().get(TOKENIZER_FILE) ?? [])),
      endToken: endTokenOf(tokenizer, this.#settings.endToken),
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
  get #sourceName(): string {
    const { datasetName } = this.#settings;
    if (typeof datasetName !== "string" && !(datasetName instanceof URL)) return "texts";
    // Recipes are published: what is secret in a URL is none of their business.
    return /^\w+:\/\//.test(String(datasetName)) ? showUrl(datasetName) : String(datasetName);
  }

  /** @param begun The recipe of the build that is gone on with, if there is one. */
  #openSource(
    begun: Readonly<Record<string, unknown>> | undefined,
    signal: AbortSignal | undefined,
  ): Promise<TextSource> {
    const { datasetName, textColumn, linePerDocument, split, config, revision, hub } = this.#settings;
    const isSame = begun?.["dataset"] === this.#sourceName && begun["revision"] === revision;
    const commit = isSame && typeof begun["commit"] === "string" ? begun["commit"] : undefined;
    const found = { textColumn, isLinePerDocument: linePerDocument, split, config, revision, commit };
    return openTextSource(datasetName, { ...found, hub, signal });
  }

  #loadTokenizer(): Promise<AndromedaTokenizer> {
    const { tokenizer, hub } = this.#settings;
    if (tokenizer instanceof AndromedaTokenizer) return Promise.resolve(tokenizer);
    this.#tokenizer ??= AndromedaTokenizer.load(tokenizer, hub);
    this.#tokenizer.catch(() => this.#tokenizer = undefined);
    return this.#tokenizer;
  }
}
