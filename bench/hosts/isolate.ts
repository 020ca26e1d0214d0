/**
 * What an isolate of Cloudflare's runtime holds, by its inspector.
 *
 * @module
 */

/** Milliseconds that the inspector may take. */
const PATIENCE = 30_000;

/** The part of an inspector's answers that is read here. */
interface Message {
  readonly id?: number;
  readonly result?: { readonly totalSize: number };
}

/** Bytes of JavaScript's heap, what is free in it included, by the inspector of `wrangler dev` on this port. */
export async function readHeap(port: number): Promise<number> {
  const signal = AbortSignal.timeout(PATIENCE);
  const [target] = await (await fetch(`http://localhost:${port}/json`, { signal })).json();
  // It answers nobody who does not say where they come from.
  const socket = new WebSocket(target.webSocketDebuggerUrl, { headers: { origin: "http://localhost" } });
  try {
    return await new Promise((resolve, reject) => {
      const fail = (reason: string) => reject(new Error(`Cannot read the isolate's heap: ${reason}`));
      signal.addEventListener("abort", () => fail("the inspector is silent"));
      socket.addEventListener("error", () => fail("the inspector can't be reached"));
      socket.addEventListener("open", () => socket.send(JSON.stringify({ id: 1, method: "Runtime.getHeapUsage" })));
      socket.addEventListener("message", ({ data }) => {
        const { id, result }: Message = JSON.parse(data);
        if (id === 1 && result) resolve(result.totalSize);
      });
    });
  } finally {
    socket.close();
  }
}
