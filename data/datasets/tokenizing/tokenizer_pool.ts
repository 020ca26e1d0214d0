/**
 * Workers that tokenize.
 *
 * @module
 */

import { DatasetError, TokenizerError } from "../../../errors.ts";
import type { WorkerHandle } from "../../../host/workers.ts";
import type { AndromedaTokenizer } from "../../text/tokenizer.ts";
import { CONFIG_FILE, TOKENIZER_FILE } from "../../text/tokenizer_files.ts";
import type { TokenizedTexts } from "./text_tokenizer.ts";
import type { TextsTask, TokenizerReply, TokenizerTask } from "./worker_messages.ts";
import { startWorker } from "./worker_script.ts";

/** Milliseconds until a worker that says nothing counts as gone, and for each character that it was sent. */
const [PATIENCE, PATIENCE_PER_CHARACTER] = [60_000, 0.1];

/** Workers that have read the same tokenizer. */
export class TokenizerPool {
  readonly #workers: readonly TokenizerWorker[];
  readonly #signal: AbortSignal | undefined;
  readonly #abort = () => this.dispose(this.#signal?.reason);

  private constructor(workers: readonly TokenizerWorker[], signal: AbortSignal | undefined) {
    this.#workers = workers;
    this.#signal = signal;
    signal?.addEventListener("abort", this.#abort);
  }

  /**
   * Starts workers; fewer, if the host gives fewer.
   *
   * @param endToken The token after each text.
   * @param signal Ends them, and rejects what waits for them with its reason.
   * @returns Nothing where the host starts none, or no files say what the tokenizer is.
   * @throws {DatasetError} If one fails to read the tokenizer.
   */
  static async start(
    tokenizer: AndromedaTokenizer,
    endToken: string,
    count: number,
    signal?: AbortSignal,
  ): Promise<TokenizerPool | undefined> {
    const task = taskOf(tokenizer, endToken);
    if (!task) return undefined;
    const starts = await Promise.allSettled(Array.from({ length: count }, startWorker));
    const workers = starts.flatMap((each) => each.status === "fulfilled" ? [new TokenizerWorker(each.value)] : []);
    if (workers.length === 0) return undefined;
    const pool = new TokenizerPool(workers, signal);
    try {
      signal?.throwIfAborted();
      await Promise.all(workers.map((worker) => worker.read(task)));
      return pool;
    } catch (error) {
      pool.dispose(error);
      throw error;
    }
  }

  /** Workers. */
  get size(): number {
    return this.#workers.length;
  }

  /**
   * Has texts tokenized by the worker that has the least to do.
   *
   * @param name Where they come from, for messages.
   * @throws {DatasetError} If the worker is gone.
   */
  async tokenize(texts: readonly string[], name: string): Promise<TokenizedTexts> {
    const [worker] = this.#workers.toSorted((a, b) => a.jobs - b.jobs);
    if (!worker) throw new RangeError("Cannot tokenize: the pool has no workers");
    return await worker.tokenize(texts, name);
  }

  /** Ends the workers; what waits for them is rejected with `reason`. */
  dispose(reason: unknown): void {
    this.#signal?.removeEventListener("abort", this.#abort);
    for (const worker of this.#workers) worker.dispose(reason);
  }
}

/** The tokenizer as workers get it; nothing where no files say what it is. */
function taskOf(tokenizer: AndromedaTokenizer, endToken: string): TokenizerTask | undefined {
  try {
    const files = tokenizer.files();
    return {
      task: "read",
      tokenizer: Uint8Array.from(files.get(TOKENIZER_FILE) ?? []).buffer,
      config: new TextDecoder().decode(files.get(CONFIG_FILE)),
      endToken,
    };
  } catch (error) {
    if (error instanceof TokenizerError) return undefined;
    throw error;
  }
}

/** A task that a worker has, and what waits for its answer. */
interface Job {
  /** What is lost if the worker is. */
  readonly name: string;
  /** Milliseconds that the answer may take. */
  readonly patience: number;
  resolve(reply: TokenizerReply): void;
  reject(error: unknown): void;
}

/** A worker, and what it has to do. */
class TokenizerWorker {
  readonly #worker: WorkerHandle;
  /** Those that it has not answered, in the order of its answers. */
  readonly #jobs: Job[] = [];
  /** Gives what rejects all that it has to do, by its name, and all that is asked of it from now on. */
  #end: ((name: string) => unknown) | undefined;

  constructor(worker: WorkerHandle) {
    this.#worker = worker;
    this.#listen();
  }

  /** How much it has to do. */
  get jobs(): number {
    return this.#jobs.length;
  }

  /** Has it read the tokenizer. */
  async read(task: TokenizerTask): Promise<void> {
    await this.#ask(task, "texts", PATIENCE);
  }

  async tokenize(texts: readonly string[], name: string): Promise<TokenizedTexts> {
    const characters = texts.reduce((sum, { length }) => sum + length, 0);
    const reply = await this.#ask({ task: "tokenize", texts }, name, PATIENCE + characters * PATIENCE_PER_CHARACTER);
    if (reply.kind !== "tokenized") throw new RangeError(`Cannot tokenize ${name}: a worker said "${reply.kind}"`);
    return { ids: new Int32Array(reply.ids), ends: new Int32Array(reply.ends), faults: reply.faults };
  }

  dispose(reason: unknown): void {
    this.#close(() => reason);
  }

  #close(end: (name: string) => unknown): void {
    this.#worker.terminate();
    const reasonFor = this.#end ??= end;
    for (const { name, reject } of this.#jobs.splice(0)) reject(reasonFor(name));
  }

  #ask(task: TokenizerTask | TextsTask, name: string, patience: number): Promise<TokenizerReply> {
    return new Promise((resolve, reject) => {
      if (this.#end) return reject(this.#end(name));
      this.#jobs.push({ name, patience, resolve, reject });
      this.#worker.post(task);
      if (this.#jobs.length === 1) this.#listen();
    });
  }

  /** Waits for the answer to the first job; without one, for the worker's unexpected end. */
  #listen(): void {
    this.#worker.listen(
      (message) => this.#hear(message as TokenizerReply),
      (reason) => this.#fail(`its worker is gone (${reason})`),
      this.#jobs[0]?.patience,
    );
  }

  #hear(reply: TokenizerReply): void {
    if (reply.kind === "failed") return this.#fail(`its worker failed (${reply.reason})`);
    this.#jobs.shift()?.resolve(reply);
    this.#listen();
  }

  #fail(reason: string): void {
    this.#close((name) => new DatasetError(`Cannot tokenize ${name}: ${reason}; where memory is short, lower numCpu`));
  }
}
