/**
 * Messages between a build and the workers that tokenize for it. Values go as buffers, because Deno's
 * `node:worker_threads` looks at every element of a typed array.
 *
 * @module
 */

/** To a worker, at first: the tokenizer. It answers when it is read. */
export interface TokenizerTask {
  readonly task: "read";
  /** The bytes of tokenizer.json. */
  readonly tokenizer: ArrayBuffer;
  /** What tokenizer_config.json says, as JSON. */
  readonly config: string;
  /** The token after each text. */
  readonly endToken: string;
}

/** To a worker: texts, which it answers in their order. */
export interface TextsTask {
  readonly task: "tokenize";
  readonly texts: readonly string[];
}

/** From a worker. */
export type TokenizerReply =
  | { readonly kind: "ready" }
  /** Two buffers of Int32, as `TokenizedTexts` has them. */
  | {
    readonly kind: "tokenized";
    readonly ids: ArrayBuffer;
    readonly ends: ArrayBuffer;
    readonly faults: ReadonlyMap<number, string>;
  }
  | { readonly kind: "failed"; readonly reason: string };
