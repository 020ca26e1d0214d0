/**
 * An HTTP server, on the modules of Node that Deno and Bun have too.
 *
 * `Deno.serve` would not do: it says that a client has left only by a signal that it aborts for answered requests too,
 * with a warning on stderr.
 *
 * @module
 */

/** A server that listens. */
export interface Listening {
  /** Its address, with the port that it got. */
  readonly url: string;
  /** Accepts no more connections, and waits until all answers are sent. */
  finish(): Promise<void>;
  /** Cuts the connections that are left. */
  cut(): Promise<void>;
}

/**
 * Starts a server.
 *
 * @param answer Answers a request, whose signal is aborted where its client leaves.
 * @param port 0 takes a free one.
 * @throws {Error} If the port is taken or forbidden: the host's own error.
 */
export async function listen(
  answer: (request: Request) => Promise<Response>,
  hostname: string,
  port: number,
): Promise<Listening> {
  const { serve } = await import("npm:srvx@1.0.8/node");
  const server = serve({ fetch: answer, hostname, port, silent: true, gracefulShutdown: false, manual: true });
  await server.serve();
  const url = new URL(server.url ?? "");
  url.hostname = hostname.includes(":") ? `[${hostname}]` : hostname;
  return { url: url.origin, finish: () => server.close(), cut: () => server.close(true) };
}
