/** The Chromium of this machine: Debian's `chromium` package, or another whose path the variable CHROMIUM names. */

import { type Browser, chromium } from "playwright-core";

const executablePath = Deno.env.get("CHROMIUM") ?? "/usr/bin/chromium";

/** Whether it is here. */
export const hasChromium = await Deno.stat(executablePath).then(() => true, () => false);

/** Whether tests are ignored because it is missing; with REQUIRE_CHROMIUM=1 they fail instead. */
export const lacksChromium = !hasChromium && Deno.env.get("REQUIRE_CHROMIUM") !== "1";

/** Software rendering, and no background work of the browser. */
const ARGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Headers with which a page may share memory between threads. */
export const ISOLATED = {
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
};

/** Starts it. */
export function launchChromium(...args: readonly string[]): Promise<Browser> {
  return chromium.launch({ executablePath, args: [...ARGS, ...args] });
}
