/**
 * A build from its beginning to its end: the source is opened, its documents are made, and their rows are kept in
 * memory or written into a folder.
 *
 * @module
 */

import { DatasetError } from "../../errors.ts";
import type { Progress } from "../files/byte_source.ts";
import type { AndromedaTokenizer } from "../text/tokenizer.ts";
import type { DatasetRow } from "./blocks/block.ts";
import { type BuildProgress, bytesBefore, ReadBytes, sizesOf } from "./build_progress.ts";
import type { BuilderSettings } from "./builder_options.ts";
import { Dataset, datasetOf } from "./dataset.ts";
import { DatasetBuild } from "./dataset_build.ts";
import {
  BEGINNING,
  type DocumentOptions,
  documentsOf,
  endTokenOf,
  type SourcePlace,
  type TokenDocument,
} from "./documents.ts";
import { begunRecipe, BuildFolder } from "./folder/build_folder.ts";
import { checkPush, pushFolder } from "./folder/push_dataset.ts";
import { type Recipe, recipeOf, sourceNameOf } from "./recipe.ts";
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

/** Documents that a build needs. */
export interface DocumentWork {
  readonly source: TextSource;
  /** Where they begin. */
  readonly from: SourcePlace;
  readonly options: DocumentOptions;
  /** What the dataset is made from. */
  recipe(): Promise<Recipe>;
  /** Where a build that is begun again would go on by now. */
  kept(): SourcePlace;
}

/** Makes the documents of a build, in their order. */
export type MakeDocuments = (work: DocumentWork) => AsyncIterable<TokenDocument>;

/** Milliseconds between two reports. */
const REPORT_EVERY = 200;

/** A build that is under way. */
interface Run {
  readonly settings: BuilderSettings;
  readonly source: TextSource;
  /** Bytes of its files, where they are known. */
  readonly sizes: readonly (number | undefined)[];
  readonly tokenizer: AndromedaTokenizer;
  readonly options: BuildOptions;
  readonly makeDocuments: MakeDocuments;
}

/**
 * Builds a dataset, and pushes it to the Hub where that is wanted.
 *
 * @throws {DatasetError} If it can't be pushed; before it is built, where that is known by then.
 */
export async function buildAndPush(
  { output, hfAccountRepo, private: isPrivate, split, format, hub }: BuilderSettings,
  { signal, onPush: onProgress }: BuildOptions,
  build: () => Promise<Dataset>,
): Promise<Dataset> {
  if (hfAccountRepo === undefined) return await build();
  await checkPush(hfAccountRepo, hub);
  const dataset = await build();
  const options = { ...hub, signal, onProgress, private: isPrivate };
  if (output === undefined) await dataset.pushToHub(hfAccountRepo, { ...options, split, format });
  else await pushFolder(output, hfAccountRepo, options);
  return dataset;
}

/**
 * Builds a dataset.
 *
 * @param loadTokenizer Loads the tokenizer, when the source was found.
 * @param makeDocuments Makes the documents; without it they are made here.
 */
export async function runBuild(
  settings: BuilderSettings,
  loadTokenizer: () => Promise<AndromedaTokenizer>,
  options: BuildOptions,
  makeDocuments: MakeDocuments = ({ source, from, options }) => documentsOf(source, from, options),
): Promise<Dataset> {
  const { seqLen, output } = settings;
  options.signal?.throwIfAborted();
  const begun = output === undefined ? undefined : await begunRecipe(output);
  const source = await openSource(settings, begun, options.signal);
  const [sizes, tokenizer] = [await sizesOf(source), await loadTokenizer()];
  const run: Run = { settings, source, sizes, tokenizer, options, makeDocuments };
  if (output !== undefined) return await buildFolder(output, run);
  const rows: DatasetRow[] = [];
  const sink = { add: (_: string, row: DatasetRow) => void rows.push(row), endShard: () => {}, checkpoint: () => {} };
  const build = new DatasetBuild(settings, padIdOf(run), sink);
  await addDocuments(build, run);
  return datasetOf(rows, seqLen);
}

async function buildFolder(output: string, run: Run): Promise<Dataset> {
  const { settings, source, sizes, tokenizer } = run;
  const { format, seqLen } = settings;
  const recipe = await recipeOf(settings, source, tokenizer);
  const folder = await BuildFolder.open(output, {
    ...{ format, seqLen, vocabSize: tokenizer.vocabSize, splits: splitsOf(settings), recipe },
    bytesBefore: (file) => bytesBefore(sizes, file),
  });
  if (folder.isComplete) await folder.finish();
  else {
    if (source.once && folder.written.rows > 0) {
      throw new DatasetError(
        `Cannot go on in ${output}: the texts can be read only once; remove the folder to begin anew`,
      );
    }
    const build = await DatasetBuild.resume(settings, padIdOf(run), folder);
    await addDocuments(build, run, folder);
    await folder.finish(build.texts);
  }
  return await Dataset.load(output);
}

/** Reads the source on, from where the folder says, and hands its documents to a build. */
async function addDocuments(build: DatasetBuild, run: Run, folder?: BuildFolder): Promise<void> {
  const { settings, source, sizes, tokenizer, options: { onProgress, signal }, makeDocuments } = run;
  const { onBadRow, endToken, numCpu } = settings;
  const recipe = () => recipeOf(settings, source, tokenizer);
  const kept = () => folder?.state.next ?? BEGINNING;
  const [from, before] = [kept(), folder?.written ?? { rows: 0, tokens: 0 }];
  let lastReport = 0;
  const began = performance.now();
  const read = new ReadBytes(sizes, from.file);
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
  const options = {
    ...{ tokenizer, endToken: endTokenOf(tokenizer, endToken), numCpu, onBadRow, read, signal },
    onSkip: () => build.skip(),
  };
  for await (const document of makeDocuments({ source, from, options, recipe, kept })) {
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
function padIdOf({ settings, tokenizer }: Run): number {
  const id = tokenizer.padId ?? tokenizer.eosId;
  if (id !== undefined || settings.remainder !== "pad") return id ?? 0;
  throw new DatasetError(
    "Cannot pad rows: the tokenizer names no token for it; load it with the option padToken, or set remainder",
  );
}

/** @param begun The recipe of the build that is gone on with, if there is one. */
function openSource(
  settings: BuilderSettings,
  begun: Recipe | undefined,
  signal: AbortSignal | undefined,
): Promise<TextSource> {
  const { datasetName, textColumn, linePerDocument, split, config, revision, hub } = settings;
  const isSame = begun?.["dataset"] === sourceNameOf(settings) && begun["revision"] === revision;
  const commit = isSame && typeof begun["commit"] === "string" ? begun["commit"] : undefined;
  const found = { textColumn, isLinePerDocument: linePerDocument, split, config, revision, commit };
  return openTextSource(datasetName, { ...found, hub, signal });
}
