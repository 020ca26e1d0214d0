/**
 * Texts in batches, tokenized here or by workers, in their order.
 *
 * @module
 */

import { eventLoopTurn } from "../../../common/event_loop.ts";
import { DatasetError } from "../../../errors.ts";
import type { AndromedaTokenizer } from "../../text/tokenizer.ts";
import { TextTokenizer, type TokenizedTexts } from "./text_tokenizer.ts";
import { TokenizerPool } from "./tokenizer_pool.ts";

/** Batches that each worker may have: one to work on, and one to go on with. */
const BATCHES_PER_WORKER = 2;

/** Milliseconds between two turns of the event loop. */
const TURN_EVERY = 50;

/** Texts that go to a worker together. */
export interface TextBatch {
  readonly texts: readonly string[];
  /** Where they come from, for messages. */
  readonly name: string;
}

/** How batches are tokenized. */
export interface TokenizingOptions {
  readonly tokenizer: AndromedaTokenizer;
  /** The token after each text. */
  readonly endToken: string;
  /** Workers, at most; with 1, or where the host starts none, all is computed here. */
  readonly numCpu: number;
  /** Workers that are there already, and stay; without them as many are started as are worth it. */
  readonly pool?: TokenizerPool | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A batch and its token ids. */
export interface TokenizedBatch<Batch> {
  readonly batch: Batch;
  readonly tokenized: TokenizedTexts;
}

/**
 * Tokenizes batches. At most two for each worker are under way, so that memory does not grow with their number; a
 * single batch is not worth a worker.
 *
 * @throws {DatasetError} If a worker is gone.
 */
export async function* tokenizeBatches<Batch extends TextBatch>(
  batches: AsyncGenerator<Batch>,
  options: TokenizingOptions,
): AsyncGenerator<TokenizedBatch<Batch>> {
  const { tokenizer, endToken, numCpu, signal } = options;
  let pool: TokenizerPool | undefined;
  try {
    if (options.pool) return yield* tokenizeBeside(batches, options.pool);
    const first = await take(batches, numCpu);
    if (first.length > 1) pool = await TokenizerPool.start(tokenizer, endToken, first.length, signal);
    const all = chain(first, batches);
    yield* pool ? tokenizeBeside(all, pool) : tokenizeHere(all, options);
  } finally {
    pool?.dispose(new DatasetError("Cannot tokenize more: the build has ended"));
    await batches.return(undefined);
  }
}

async function* tokenizeHere<Batch extends TextBatch>(
  batches: AsyncIterable<Batch>,
  { tokenizer, endToken, signal }: TokenizingOptions,
): AsyncGenerator<TokenizedBatch<Batch>> {
  const texts = new TextTokenizer(tokenizer, endToken);
  let lastTurn = performance.now();
  for await (const batch of batches) {
    for (const text of batch.texts) {
      signal?.throwIfAborted();
      texts.add(text);
      if (performance.now() - lastTurn < TURN_EVERY) continue;
      await eventLoopTurn();
      lastTurn = performance.now();
    }
    yield { batch, tokenized: texts.take() };
  }
}

async function* tokenizeBeside<Batch extends TextBatch>(
  batches: AsyncIterable<Batch>,
  pool: TokenizerPool,
): AsyncGenerator<TokenizedBatch<Batch>> {
  const underWay: Promise<TokenizedBatch<Batch>>[] = [];
  for await (const batch of batches) {
    const job = pool.tokenize(batch.texts, batch.name).then((tokenized) => ({ batch, tokenized }));
    // A failure is told when it is this one's turn.
    job.catch(() => {});
    underWay.push(job);
    const oldest = underWay.length < BATCHES_PER_WORKER * pool.size ? undefined : underWay.shift();
    if (oldest) yield await oldest;
  }
  for (const job of underWay) yield await job;
}

/** The first items, as many as there are. */
async function take<Item>(items: AsyncGenerator<Item>, count: number): Promise<Item[]> {
  const taken: Item[] = [];
  while (taken.length < count) {
    const { done, value } = await items.next();
    if (done) break;
    taken.push(value);
  }
  return taken;
}

async function* chain<Item>(first: readonly Item[], rest: AsyncGenerator<Item>): AsyncGenerator<Item> {
  yield* first;
  yield* rest;
}
