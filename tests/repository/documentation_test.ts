/** What the documentation says is tried: its paths exist, its commands are tasks, its figures were measured. */

import { assert, assertEquals } from "@std/assert";
import { withFigures } from "../../bench/readme.ts";
import { deno, ROOT } from "../support/deno.ts";

const readme = await Deno.readTextFile(new URL("README.md", ROOT));
const architecture = await Deno.readTextFile(new URL("ARCHITECTURE.md", ROOT));
const { tasks }: { tasks: Record<string, string> } = JSON.parse(
  await Deno.readTextFile(new URL("deno.json", ROOT)),
);

Deno.test("paths that README.md and ARCHITECTURE.md name exist", async () => {
  const paths = `${readme}\n${architecture}`.matchAll(
    /`([\w.-]+\/[\w./-]*|\w+\.(?:ts|json|md))`|\]\(([\w.][\w./-]*)\)/g,
  );
  let count = 0;
  for (const [, quoted, linked] of paths) {
    const path = quoted ?? linked ?? "";
    const found = await Deno.stat(new URL(path, ROOT)).catch(() => undefined);
    assert(found, `${path} does not exist`);
    count += 1;
  }
  assert(count > 20, `${count} paths were found`);
});

Deno.test("commands that README.md gives are tasks", () => {
  const named = [...readme.matchAll(/deno(?:@[\d.]+)? task ([\w:-]+)/g)].map(([, task]) => task ?? "");
  assert(named.includes("demo") && named.includes("test"), "README.md gives the commands for the demo and the tests");
  assertEquals(named.filter((task) => !(task in tasks)), []);
});

Deno.test("figures in README.md are those that were measured", async () => {
  assertEquals(readme, await withFigures(readme), "deno run -A bench/readme.ts writes them anew");
});

Deno.test("README.md and .ci/run use the same Deno", async () => {
  const script = await Deno.readTextFile(new URL(".ci/run", ROOT));
  const versions = [...`${readme}\n${script}`.matchAll(/\bdeno@([\d.]+\d)/g)].map(([, version]) => version);
  assert(versions.length >= 3);
  assertEquals(new Set(versions).size, 1, `README.md and .ci/run name ${versions.join(", ")}`);
});

Deno.test("every public name is documented", async () => {
  const { code, stdout, stderr } = await deno(["doc", "--lint", "mod.ts"]);
  assertEquals(code, 0, stdout + stderr);
});
