/** Threads are used where they make a list faster, and only there. */

import { assert, assertEquals } from "@std/assert";
import { Teamwork } from "../../assembly/machine/teamwork.ts";

/**
 * Runs lists that take some microseconds, and counts those that all threads ran. The clock is the test's own, because
 * other programs on this machine would make lists long that are not.
 */
function countTogether(teamwork: Teamwork, lists: number, together: number, alone: number, work = 1e6): number {
  const { now } = performance;
  let count = 0;
  let time = 0;
  performance.now = () => time;
  try {
    for (let i = 0; i < lists; i++) {
      teamwork.run(work, (isTogether) => {
        if (isTogether) count += 1;
        time += (isTogether ? together : alone) / 1000;
      });
    }
  } finally {
    performance.now = now;
  }
  return count;
}

Deno.test("lists are shared while that is faster, and alone while it is not", () => {
  const teamwork = new Teamwork();
  assert(countTogether(teamwork, 1000, 100, 200) > 900);
  assert(countTogether(teamwork, 1000, 400, 100) < 500, "it takes a trial to notice");
  assert(countTogether(teamwork, 1000, 400, 100) < 100);
  assert(countTogether(teamwork, 1000, 100, 400) > 500, "it takes a trial to notice");
});

Deno.test("lists of other sizes have experience of their own", () => {
  const teamwork = new Teamwork();
  countTogether(teamwork, 200, 400, 100);
  assertEquals(countTogether(teamwork, 10, 400, 100, 1e8), 10);
});

Deno.test("lists that can't be shared never are, and long ones always", () => {
  const teamwork = new Teamwork();
  assertEquals(countTogether(teamwork, 100, 10, 10, 0), 0);
  assertEquals(countTogether(teamwork, 100, 20, 10, 2 ** 31), 100);
});

Deno.test("a list that fails is not counted", () => {
  const teamwork = new Teamwork();
  for (let i = 0; i < 100; i++) {
    try {
      teamwork.run(1e6, () => {
        throw new Error("failed");
      });
    } catch { /* the next one is run nevertheless */ }
  }
  assertEquals(countTogether(teamwork, 10, 100, 200), 10);
});
