/**
 * Another thread that runs the loops of `limits.ts` when told to.
 *
 * @module
 */

import { measureLimits } from "./limits.ts";
import type { LimitsReply, LimitsTask } from "./limits_thread.ts";

/** The part of a worker's scope that is used. */
interface Scope extends EventTarget {
  postMessage(reply: LimitsReply): void;
}

function isScope(scope: object): scope is Scope {
  return "postMessage" in scope;
}

const scope: object = globalThis;
if (isScope(scope)) {
  const limits = await measureLimits("relaxed-simd");
  scope.addEventListener("message", (event) => {
    if (!(event instanceof MessageEvent)) return;
    const { kind, amount }: LimitsTask = event.data;
    let done = 0;
    if (kind === "multiplyAdd") { while (done < amount) done += limits.multiplyAdd(); }
    else done = limits.read(amount);
    scope.postMessage({ done });
  });
  scope.postMessage({ done: 0 });
}
