/**
 * An HTTP server of the host: Deno's own in Deno, one on Node's modules in Node and Bun.
 *
 * @module
 */

/** Answers requests. */
export type Answer = (request: Request) => Promise<Response>;

/** A server that listens. */
export interface Listening {
  /** Its address, with the port that it got. */
  readonly url: string;
  /** Stops to accept connections, and waits until all answers are sent. */
  finish(): Promise<void>;
  /** Cuts the connections that are left. */
  cut(): Promise<void>;
}

/**
 * Starts a server.
 *
 * @throws {Error} If the port is taken or forbidden: the host's own error.
 */
export async function listen(answer: Answer, hostname: string, port: number): Promise<Listening> {
  return "Deno" in globalThis ? listenInDeno(answer, hostname, port) : await listenInNode(answer, hostname, port);
}

function listenInDeno(answer: Answer, hostname: string, port: number): Listening {
  const controller = new AbortController();
  const { signal } = controller;
  const server = Deno.serve({ hostname, port, signal, onListen: () => {} }, answer);
  return {
    url: urlOf(hostname, server.addr.port),
    finish: () => server.shutdown(),
    cut: async () => {
      controller.abort();
      await server.finished;
    },
  };
}

async function listenInNode(answer: Answer, hostname: string, port: number): Promise<Listening> {
  const { serve } = await import("npm:srvx@1.0.8/node");
  const server = serve({ fetch: answer, hostname, port, silent: true, gracefulShutdown: false, manual: true });
  await server.serve();
  await server.ready();
  return {
    url: urlOf(hostname, Number(new URL(server.url ?? "http://localhost").port || 80)),
    finish: () => server.close(),
    cut: () => server.close(true),
  };
}

function urlOf(hostname: string, port: number): string {
  return `http://${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`;
}
