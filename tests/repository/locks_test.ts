/** The command line fetches what it needs, in the versions of the whole. */

import { assert, assertEquals } from "@std/assert";
import { ROOT } from "../support/deno.ts";

/** The part of a lock file that is read here. */
interface Lock {
  readonly npm: Readonly<Record<string, { readonly integrity: string }>>;
}

async function readLock(path: string): Promise<Lock> {
  return JSON.parse(await Deno.readTextFile(new URL(path, ROOT)));
}

Deno.test("cli/deno.lock locks few packages, as deno.lock does", async () => {
  const [all, own] = [await readLock("deno.lock"), await readLock("cli/deno.lock")];
  const names = Object.keys(own.npm);
  assertEquals(names.map((name) => all.npm[name]?.integrity), names.map((name) => own.npm[name]?.integrity));
  // 25 of them are BullMQ and what it needs, 5 MB of 20.
  assert(names.length <= 49, `the command line needs ${names.join(", ")}`);
});
