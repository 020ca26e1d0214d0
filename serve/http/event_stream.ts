/**
 * Server-sent events, as OpenAI's clients read them: a JSON object each, and [DONE] at the end.
 *
 * @module
 */

import type { Client } from "./client.ts";

/**
 * A response that sends events as they come.
 *
 * @param events What is sent; it ends with an error only if nobody listens any more.
 * @param client Told when it leaves, and when all is sent.
 */
export function eventStream(events: AsyncIterable<object>, client: Client): Response {
  const encoder = new TextEncoder();
  const send = (controller: ReadableStreamDefaultController<Uint8Array>, data: string) =>
    controller.enqueue(encoder.encode(`data: ${data}\n\n`));
  const body = new ReadableStream<Uint8Array>({
    // Not pulled: a text that was begun ends whether or not its client reads on, and its length bounds what waits.
    async start(controller) {
      // The headers go out before the first event.
      await Promise.resolve();
      try {
        for await (const event of events) {
          if (client.left.aborted) return;
          send(controller, JSON.stringify(event));
        }
        client.served();
        send(controller, "[DONE]");
        controller.close();
      } catch (error) {
        if (!client.left.aborted) controller.error(error);
      }
    },
    cancel() {
      client.leave();
    },
  });
  return new Response(body, {
    headers: {
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-cache, no-transform",
      // Compression and buffering proxies would hold the text back until there is much of it.
      "content-encoding": "identity",
      "x-accel-buffering": "no",
    },
  });
}
