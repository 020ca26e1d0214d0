/**
 * Runs every test, in two processes side by side: one alone leaves processors idle, most of all while a page's software
 * GPU compiles. What the first prints is seen as it comes, what the second prints follows. With arguments it is
 * `deno test -A` with them.
 *
 * @module
 */

import { deno } from "./support/deno.ts";

/** The folders of the second process, which make up half of the time. */
const SECOND = ["tests/hosts", "tests/models"];

/** How each process begins: with the packages that the lock file names, in these versions alone. */
const TEST = ["test", "-A", "--frozen", "--lock=deno.lock"];

/** Starts `deno test -A` on this terminal, and gives its exit code. */
async function test(args: readonly string[]): Promise<number> {
  const { code } = await new Deno.Command(Deno.execPath(), {
    args: [...TEST, ...args],
    stdin: "null",
    stdout: "inherit",
    stderr: "inherit",
  }).spawn().status;
  return code;
}

if (Deno.args.length > 0) Deno.exit(await test(Deno.args));

const second = deno([...TEST, ...SECOND]);
const code = await test([`--ignore=${SECOND.join(",")}`]);
const { stdout, stderr, code: secondCode } = await second;
await Deno.stdout.write(new TextEncoder().encode(stdout));
await Deno.stderr.write(new TextEncoder().encode(stderr));
Deno.exit(code || secondCode);
