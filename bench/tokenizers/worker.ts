/**
 * A tokenizer in a worker: encodes a text as often as it is told, and answers when it is done.
 *
 * @module
 */

import { AndromedaTokenizer } from "../../mod.ts";

/** What a worker is told: first the tokenizer and its text, then the number of times. */
export type Message = { readonly path: string; readonly text: string } | { readonly times: number };

/** The part of a worker's scope that is used. */
interface Scope extends EventTarget {
  postMessage(reply: "done"): void;
}

function isScope(scope: object): scope is Scope {
  return "postMessage" in scope;
}

const scope: object = globalThis;
if (isScope(scope)) {
  let encode = () => {};
  scope.addEventListener("message", async (event) => {
    if (!(event instanceof MessageEvent)) return;
    const message: Message = event.data;
    if ("path" in message) {
      const tokenizer = await AndromedaTokenizer.load(message.path);
      encode = () => void tokenizer.encode(message.text);
    } else {
      for (let time = 0; time < message.times; time++) encode();
    }
    scope.postMessage("done");
  });
}
