/**
 * Serving a model over HTTP, on every host that has `Request` and `Response`.
 *
 * @example
 * ```ts
 * import { Andromeda, AndromedaTokenizer } from "../mod.ts";
 * import { createHandler } from "./mod.ts";
 *
 * const tokenizer = await AndromedaTokenizer.load("examples/shakespeare");
 * const model = await Andromeda.load("examples/shakespeare");
 * const handler = createHandler(model, tokenizer, { modelName: "shakespeare" });
 * const response = await handler(
 *   new Request("http://localhost/v1/completions", {
 *     method: "POST",
 *     body: JSON.stringify({ model: "shakespeare", prompt: "ROMEO:", max_tokens: 8, temperature: 0 }),
 *   }),
 * );
 * const { choices, usage } = await response.json();
 * console.log(choices[0].finish_reason, usage.completion_tokens); // length 8
 * handler.dispose();
 * model.dispose();
 * ```
 *
 * @module
 */
export { createHandler, type Handler } from "./handler.ts";
export type { HandlerOptions } from "./options.ts";
