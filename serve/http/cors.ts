/**
 * Cross-origin requests: which pages of other origins may read the answers.
 *
 * @module
 */

/** Adds to responses what pages of allowed origins need, and answers their preflights. */
export class Cors {
  readonly #origins: "*" | readonly string[] | undefined;

  constructor(origins: "*" | readonly string[] | undefined) {
    this.#origins = origins;
  }

  /** The answer to a preflight; undefined for any other request. */
  preflight(request: Request): Response | undefined {
    const isPreflight = request.method === "OPTIONS" && request.headers.has("access-control-request-method");
    if (!isPreflight || !this.#allowed(request)) return undefined;
    return new Response(null, {
      status: 204,
      headers: {
        ...this.headersFor(request),
        "access-control-allow-methods": "GET, POST, OPTIONS",
        // OpenAI's clients send headers of their own.
        "access-control-allow-headers": request.headers.get("access-control-request-headers") ??
          "authorization, content-type",
        "access-control-max-age": "86400",
      },
    });
  }

  /** Headers of the answer to a request. */
  headersFor(request: Request): Record<string, string> {
    const origin = this.#allowed(request);
    if (origin === undefined) return {};
    const headers = { "access-control-allow-origin": origin, "access-control-expose-headers": "retry-after" };
    return origin === "*" ? headers : { ...headers, vary: "origin" };
  }

  /** The origin to name in the answer; undefined where none is allowed. */
  #allowed(request: Request): string | undefined {
    if (this.#origins === undefined) return undefined;
    if (this.#origins === "*") return "*";
    const origin = request.headers.get("origin");
    return origin !== null && this.#origins.includes(origin) ? origin : undefined;
  }
}
