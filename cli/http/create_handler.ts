/**
 * The handler of `serve/mod.ts` by its interface, until that is there: then this file goes, and `serving()` in
 * `library.ts` loads the module itself.
 *
 * @module
 */

import type { AndromedaTokenizer, CacheFormat, LanguageModel } from "../../mod.ts";

/** Options of the handler. */
export interface HandlerOptions {
  readonly modelName?: string | undefined;
  readonly apiKey?: string | undefined;
  readonly cors?: "*" | readonly string[] | undefined;
  readonly maxConcurrent?: number | undefined;
  readonly maxQueue?: number | undefined;
  readonly maxPromptTokens?: number | undefined;
  readonly maxTokens?: number | undefined;
  readonly contextLength?: number | undefined;
  readonly cacheDtype?: CacheFormat | undefined;
}

/** Answers requests. */
export interface Handler {
  (request: Request): Promise<Response>;
  /** Ends what is being written, and frees the handler's memory. */
  dispose(): void;
}

/** Makes a handler. */
export function createHandler(model: LanguageModel, _tokenizer: AndromedaTokenizer, options: HandlerOptions): Handler {
  const answer = (request: Request): Response => {
    const { pathname } = new URL(request.url);
    if (pathname === "/health") return Response.json({ status: "ok" });
    if (pathname === "/v1/models") return Response.json({ object: "list", data: [{ id: options.modelName }] });
    return Response.json({ error: { message: `${model.modelType} is not served yet` } }, { status: 501 });
  };
  return Object.assign((request: Request) => Promise.resolve(answer(request)), { dispose: () => {} });
}
