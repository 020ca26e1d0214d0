/**
 * The HTTP interface of a model: OpenAI's for completions, and what keeps a server in sight.
 *
 * @module
 */

import type { AndromedaTokenizer } from "../data/text/tokenizer.ts";
import { ConfigError, DisposedError } from "../errors.ts";
import { isDivisible, isTextModel, type TextModel } from "../models/generation/text_model.ts";
import { asApiError, Completions } from "./completions/completions.ts";
import { ApiError } from "./http/api_error.ts";
import { ApiKeys } from "./http/api_key.ts";
import { Cors } from "./http/cors.ts";
import { Metrics } from "./metrics.ts";
import { type HandlerOptions, type HandlerSettings, readHandlerOptions } from "./options.ts";
import { LoneTexts } from "./scheduling/lone_texts.ts";
import { SharedSteps } from "./scheduling/shared_steps.ts";
import { type Runner, TextQueue } from "./scheduling/text_queue.ts";

/**
 * Answers requests. It can be handed to `Deno.serve`, exported from a worker, or called by a framework.
 *
 * @category Serving
 */
export interface Handler {
  /** @param context Cloudflare's, so that texts go on for others when the client leaves whose request came first. */
  (request: Request, context?: object): Promise<Response>;
  /** Ends what is being written, and frees the memory that the handler holds; the model is its owner's. */
  dispose(): void;
  /** The same as `dispose()`, for `using`. */
  [Symbol.dispose](): void;
}

/**
 * Makes a handler of HTTP requests from a model and its tokenizer.
 *
 * It answers `POST /v1/completions` as OpenAI's interface describes it (streams of server-sent events, stop strings,
 * log-probabilities, seeds, echo, several texts, usage), `GET /v1/models`, `GET /health`, and `GET /metrics` in
 * Prometheus' text format. Requests that are in flight share the steps of the model, and the keys and values of a
 * common beginning; each gets the greedy tokens that it would get alone. A client that leaves ends its texts.
 *
 * The handler keeps nothing of a request, so that any number of machines may stand behind a load balancer.
 *
 * @param model Continues texts; it belongs to the caller, and must outlive the handler.
 * @param tokenizer The model's.
 * @returns The handler.
 * @throws {ConfigError} For options that can't work, and for a model that needs more than tokens.
 * @throws {OutOfMemoryError} If the keys and values of `maxConcurrent` texts of `contextLength` tokens don't fit.
 *
 * @example
 * ```ts
 * import { Andromeda, AndromedaTokenizer } from "../mod.ts";
 * import { createHandler } from "./mod.ts";
 *
 * const tokenizer = await AndromedaTokenizer.load("examples/shakespeare");
 * const model = await Andromeda.load("examples/shakespeare");
 * const handler = createHandler(model, tokenizer);
 * const response = await handler(new Request("http://localhost/v1/models"));
 * console.log((await response.json()).data[0].id); // andromeda
 * handler.dispose();
 * model.dispose();
 * ```
 *
 * @category Serving
 */
export function createHandler(model: TextModel, tokenizer: AndromedaTokenizer, options: HandlerOptions = {}): Handler {
  if (!isTextModel(model)) throw new ConfigError("Cannot serve a model that continues no text: give a language model");
  if (model.net.contextDim !== undefined) {
    throw new ConfigError("Cannot serve a model whose texts look at a context: requests have no way to give one");
  }
  const settings = readHandlerOptions(options, model.net.maxSeqLen);
  const server = new Server(model, tokenizer, settings);
  const handler = (request: Request, context?: object): Promise<Response> => server.handle(request, context);
  const dispose = () => server.dispose();
  return Object.assign(handler, { dispose, [Symbol.dispose]: dispose });
}

/** Answers by path. */
class Server {
  readonly #model: TextModel;
  readonly #settings: HandlerSettings;
  readonly #queue: TextQueue;
  readonly #completions: Completions;
  readonly #metrics = new Metrics();
  readonly #keys: ApiKeys | undefined;
  readonly #cors: Cors;
  readonly #created = Math.floor(Date.now() / 1000);

  constructor(model: TextModel, tokenizer: AndromedaTokenizer, settings: HandlerSettings) {
    this.#model = model;
    this.#settings = settings;
    const runner = runnerOf(model, settings);
    this.#queue = new TextQueue(runner, settings);
    const canScorePrompts = runner instanceof SharedSteps;
    this.#completions = new Completions({
      model,
      tokenizer,
      settings,
      queue: this.#queue,
      metrics: this.#metrics,
      canScorePrompts,
    });
    const { apiKey } = settings;
    this.#keys = apiKey === undefined ? undefined : new ApiKeys(typeof apiKey === "string" ? [apiKey] : apiKey);
    this.#cors = new Cors(settings.cors);
  }

  dispose(): void {
    this.#queue.dispose(new DisposedError("Cannot go on with the text: the server is shutting down; send it again"));
  }

  async handle(request: Request, context: object | undefined): Promise<Response> {
    const preflight = this.#cors.preflight(request);
    if (preflight) return preflight;
    const answer = this.#answer(request);
    if (isExtendable(context)) context.waitUntil(answer.catch(() => {}).then(() => this.#queue.idle()));
    const response = await answer.catch((error: unknown) => asApiError(error).toResponse());
    for (const [name, value] of Object.entries(this.#cors.headersFor(request))) response.headers.set(name, value);
    this.#metrics.countRequest(response.status);
    return response;
  }

  async #answer(request: Request): Promise<Response> {
    const path = new URL(request.url).pathname.replace(/(?<=.)\/+$/, "");
    const route = this.#routes[path] ?? (path.startsWith("/v1/models/") ? this.#modelRoute(path) : undefined);
    if (!route) {
      const paths = Object.keys(this.#routes).join(", ");
      throw refused(404, `Cannot find ${path}: this server has ${paths}`);
    }
    if (!route.isOpen) await this.#keys?.check(request);
    const isMethod = request.method === route.method || (route.method === "GET" && request.method === "HEAD");
    if (isMethod) return await route.answer(request);
    throw refused(405, `Cannot ${request.method} ${path}: send a ${route.method}`, { allow: route.method });
  }

  readonly #routes: Readonly<Record<string, Route>> = {
    "/v1/completions": { method: "POST", answer: (request) => this.#completions.answer(request) },
    "/v1/models": { method: "GET", answer: () => Response.json({ object: "list", data: [this.#modelCard] }) },
    "/health": { method: "GET", isOpen: true, answer: () => Response.json({ status: "ok" }) },
    "/metrics": { method: "GET", answer: () => this.#showMetrics() },
  };

  #modelRoute(path: string): Route {
    return {
      method: "GET",
      answer: () => {
        const { modelName } = this.#settings;
        const name = path.slice("/v1/models/".length);
        if (name === modelName || name === encodeURIComponent(modelName)) return Response.json(this.#modelCard);
        throw refused(404, `Cannot find the model ${JSON.stringify(name)}: this server has one`, {}, "model_not_found");
      },
    };
  }

  get #modelCard(): object {
    const { modelName, contextLength } = this.#settings;
    const card = { id: modelName, object: "model", created: this.#created, owned_by: "andromeda" };
    return { ...card, context_length: contextLength };
  }

  #showMetrics(): Response {
    const { bytesInUse, tensors } = this.#model.backend.memory();
    const text = this.#metrics.text({
      andromeda_texts_running: { help: "Texts that are being written.", value: this.#queue.running },
      andromeda_texts_waiting: { help: "Texts that wait for their turn.", value: this.#queue.waiting },
      andromeda_engine_bytes: { help: "Memory of the engine that tensors take.", value: bytesInUse },
      andromeda_engine_tensors: { help: "Tensors on the engine.", value: tensors },
    });
    return new Response(text, { headers: { "content-type": "text/plain; version=0.0.4; charset=utf-8" } });
  }
}

/** Whether work may go on behind an answer where this is told. */
function isExtendable(context: object | undefined): context is { waitUntil(work: Promise<unknown>): void } {
  return context !== undefined && "waitUntil" in context && typeof context.waitUntil === "function";
}

/** An answer and how it is asked for. */
interface Route {
  readonly method: "GET" | "POST";
  /** Whether it is answered without a key. */
  readonly isOpen?: boolean;
  answer(request: Request): Response | Promise<Response>;
}

/** Continues texts in common steps, where the model's cache lets them. */
function runnerOf(model: TextModel, settings: HandlerSettings): Runner {
  const { net, backend } = model;
  if (!net.canCache) return new LoneTexts(model, settings.cacheDtype);
  const probe = net.createCache(backend, 1, 1);
  try {
    return isDivisible(probe) ? new SharedSteps(model, settings) : new LoneTexts(model, settings.cacheDtype);
  } finally {
    probe.dispose();
  }
}

function refused(status: number, message: string, headers: Record<string, string> = {}, code?: string): ApiError {
  return new ApiError(message, { status, type: "invalid_request_error", headers, code });
}
