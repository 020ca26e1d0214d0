/**
 * The part of a build that goes document by document: which are left out, to which split each belongs, and the rows
 * that they make. It depends on nothing but the documents, so that a build goes on from any of its checkpoints.
 *
 * @module
 */

import { Random } from "../../common/random.ts";
import { type DatasetRow, tokensOf } from "./blocks/block.ts";
import type { BuilderSettings } from "./builder_options.ts";
import type { SourcePlace, TokenDocument } from "./documents.ts";
import { DocumentFilter } from "./filtering/document_filter.ts";
import { NO_TEXTS, type TextCounts } from "./filtering/text_counts.ts";
import type { BuildFolder, Checkpoint } from "./folder/build_folder.ts";
import { splitsOf, VALIDATION } from "./splits.ts";
import { type MadeRow, type RowMaker, rowMaker } from "./packing/row_maker.ts";

/** What rows are handed to. */
export interface RowSink {
  /** Takes a row of a split. */
  add(split: string, row: DatasetRow): Promise<void> | void;
  /** Ends the shard of a split. */
  endShard(split: string): Promise<void> | void;
  /** Keeps what is needed to go on from here. */
  checkpoint(checkpoint: Checkpoint): Promise<void> | void;
}

/** Makes rows of documents. */
export class DatasetBuild {
  /** Rows that this build has made, and tokens in them. */
  rows = 0;
  tokens = 0;
  readonly #settings: BuilderSettings;
  readonly #sink: RowSink;
  readonly #filter: DocumentFilter;
  readonly #makers: ReadonlyMap<string, RowMaker>;
  #texts: TextCounts = NO_TEXTS;

  /**
   * @param padId The token that pads rows.
   * @param shardsOf Shards of each split that were made before.
   */
  constructor(settings: BuilderSettings, padId: number, sink: RowSink, shardsOf = (_split: string) => 0) {
    const { seqLen, packing, remainder, shardTokens, shuffle, seed } = settings;
    this.#settings = settings;
    this.#sink = sink;
    this.#filter = new DocumentFilter(settings);
    this.#makers = new Map(
      splitsOf(settings).map((name, i) => [
        name,
        rowMaker({
          ...{ packing, seqLen, remainder, padId, name },
          shardRows: Math.max(1, Math.floor(shardTokens / seqLen)),
          seed: shuffle ? seed : undefined,
          keepsWaiting: i > 0,
        }, shardsOf(name)),
      ]),
    );
  }

  /** A build that goes on in a folder. */
  static async resume(settings: BuilderSettings, padId: number, folder: BuildFolder): Promise<DatasetBuild> {
    const build = new DatasetBuild(settings, padId, folder, (split) => folder.shardsOf(split));
    build.#texts = folder.state.texts;
    for await (const seen of folder.seen()) build.#filter.remember(seen);
    for (const [split, maker] of build.#makers) {
      for (const document of await folder.waiting(split)) {
        for (const made of maker.add(document)) await build.#add(split, made);
      }
    }
    return build;
  }

  /** What became of the texts so far. */
  get texts(): TextCounts {
    return this.#texts;
  }

  /** Counts a row that has no text. */
  skip(): void {
    this.#count("skipped");
  }

  /** Takes a document, or the rest of one. */
  async add(document: TokenDocument): Promise<void> {
    const verdict = await this.#filter.take(document);
    if ("reason" in verdict) this.#count(verdict.reason);
    else {
      if (verdict.isCut) this.#count("cut");
      const { place } = document;
      const [first] = this.#makers.keys();
      const split = this.#splitOf(place);
      for (const made of this.#makers.get(split)?.add(verdict.tokens) ?? []) {
        await this.#add(split, made);
        if (made.endsShard && split === first) await this.#checkpoint({ ...place, tokens: place.tokens + made.taken });
      }
    }
    this.#count("texts");
  }

  /** Makes the rows of what is left when all documents were added. */
  async end(): Promise<void> {
    for (const [split, maker] of this.#makers) {
      for (const made of maker.end()) await this.#add(split, made);
    }
  }

  async #add(split: string, { row, endsShard }: MadeRow): Promise<void> {
    this.rows += 1;
    this.tokens += tokensOf(row);
    await this.#sink.add(split, row);
    if (endsShard) await this.#sink.endShard(split);
  }

  async #checkpoint(next: SourcePlace): Promise<void> {
    const waiting = Array.from(this.#makers.values(), (maker) => maker.waiting());
    await this.#sink.checkpoint({ next, texts: this.#texts, waiting, seen: this.#filter.takeSeen() });
  }

  /** The split of a document, drawn for its place: it does not depend on those before. */
  #splitOf({ file, row }: SourcePlace): string {
    const { split, validation, seed } = this.#settings;
    if (validation === 0) return split;
    return new Random(seed, `${VALIDATION} ${file} ${row}`).uniform() < validation ? VALIDATION : split;
  }

  #count(name: keyof TextCounts): void {
    this.#texts = { ...this.#texts, [name]: this.#texts[name] + 1 };
  }
}
