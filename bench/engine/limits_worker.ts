/**
 * Another thread that runs the loops of `limits.ts` when told to. Its name is the bytes that it reads at most.
 *
 * @module
 */

import { measureLimits } from "./limits.ts";
import { type LimitsReply, work } from "./limits_threads.ts";

/** The part of a worker's scope that is used. */
interface Scope extends EventTarget {
  readonly name: string;
  postMessage(reply: LimitsReply): void;
}

function isScope(scope: object): scope is Scope {
  return "postMessage" in scope && "name" in scope;
}

const scope: object = globalThis;
if (isScope(scope)) {
  const limits = await measureLimits("relaxed-simd", Number(scope.name));
  scope.addEventListener("message", (event) => {
    if (event instanceof MessageEvent) scope.postMessage({ done: work(limits, event.data) });
  });
  scope.postMessage({ done: 0 });
}
