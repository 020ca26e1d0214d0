/**
 * Runs every test: those in Chromium beside all others, because a page's software GPU leaves processors idle. What the
 * others print is seen as it comes, and what those in Chromium print follows. With arguments it is `deno test -A` with
 * them.
 *
 * @module
 */

import { deno } from "./support/deno.ts";

const BROWSER = "tests/hosts/chromium";

/** Starts `deno test -A` on this terminal, and gives its exit code. */
async function test(args: readonly string[]): Promise<number> {
  const { code } = await new Deno.Command(Deno.execPath(), {
    args: ["test", "-A", ...args],
    stdin: "null",
    stdout: "inherit",
    stderr: "inherit",
  }).spawn().status;
  return code;
}

if (Deno.args.length > 0) Deno.exit(await test(Deno.args));

const inChromium = deno(["test", "-A", BROWSER]);
const code = await test([`--ignore=${BROWSER}`]);
const browser = await inChromium;
await Deno.stdout.write(new TextEncoder().encode(browser.stdout));
await Deno.stderr.write(new TextEncoder().encode(browser.stderr));
Deno.exit(code || browser.code);
