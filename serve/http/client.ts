/**
 * Whoever waits for an answer, until it is sent or the client leaves.
 *
 * @module
 */

/** The client of one request. */
export class Client {
  readonly #left = new AbortController();
  readonly #leave = () => this.leave();
  readonly #signal: AbortSignal | undefined;

  /**
   * @param request Its signal tells on most hosts that the client has left; Cloudflare's cancels no stream. Deno's is
   * not asked beside a stream, which it cancels: it aborts signals of requests that were answered too, and prints a
   * warning where one was looked at.
   * @param isStreamed Whether the answer is a stream.
   */
  constructor(request: Request, isStreamed: boolean) {
    this.#signal = isStreamed && "Deno" in globalThis ? undefined : request.signal;
    if (this.#signal?.aborted) this.leave();
    else this.#signal?.addEventListener("abort", this.#leave);
  }

  /** Aborted when the client leaves. */
  get left(): AbortSignal {
    return this.#left.signal;
  }

  /** Says that the client has left. */
  leave(): void {
    this.served();
    this.#left.abort(new DOMException("The client has left", "AbortError"));
  }

  /** Says that the answer is complete. */
  served(): void {
    this.#signal?.removeEventListener("abort", this.#leave);
  }
}
