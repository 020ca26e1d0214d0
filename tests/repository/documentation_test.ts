/** The documentation tells the truth: its paths exist, its commands are tasks, its figures were measured. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { peersChart, readPeers } from "../../bench/peers/chart.ts";
import { withFigures } from "../../bench/readme.ts";
import { deno, ROOT } from "../support/deno.ts";
import { sourcesIn } from "../support/sources.ts";

const readme = await Deno.readTextFile(new URL("README.md", ROOT));
const architecture = await Deno.readTextFile(new URL("ARCHITECTURE.md", ROOT));
const contributing = await Deno.readTextFile(new URL("CONTRIBUTING.md", ROOT));

/** The part of deno.json that is read here. */
interface Configuration {
  readonly exports: Readonly<Record<string, string>>;
  readonly tasks: Readonly<Record<string, { readonly command?: string; readonly description?: string }>>;
}

const { exports, tasks }: Configuration = JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT)));

Deno.test("paths that README.md, ARCHITECTURE.md and CONTRIBUTING.md name exist", async () => {
  const paths = `${readme}\n${architecture}\n${contributing}`.matchAll(
    /`([\w.-]+\/[\w./-]*|\w+\.(?:ts|json|md))`|\]\(([\w.][\w./-]*)\)|deno (?:run|test) -A ([\w/.]+)/g,
  );
  let count = 0;
  for (const [, quoted, linked, started] of paths) {
    const path = quoted ?? linked ?? started ?? "";
    const found = await Deno.stat(new URL(path, ROOT)).catch(() => undefined);
    assert(found, `${path} does not exist`);
    count += 1;
  }
  assert(count > 20, `${count} paths were found`);
});

/** The tasks that a text tells its reader to start. */
function tasksIn(text: string): string[] {
  return [...text.matchAll(/deno(?:@[\d.]+)? task ([\w:-]+)/g)].map(([, task]) => task ?? "");
}

Deno.test("commands that README.md and CONTRIBUTING.md give are tasks", () => {
  const named = tasksIn(readme);
  assert(named.includes("demo") && named.includes("ok"), "README.md gives the commands for the demo and the tests");
  assertEquals([...named, ...tasksIn(contributing)].filter((task) => !(task in tasks)), []);
});

Deno.test("every task says what it does", () => {
  const silent = Object.entries(tasks).filter(([, { command, description }]) => !command || !description);
  assertEquals(silent.map(([name]) => name), []);
});

Deno.test("deno task ok does what .ci/run does: it checks, and runs every test", async () => {
  const script = await Deno.readTextFile(new URL(".ci/run", ROOT));
  assertEquals(new Set(tasksIn(script)), new Set(["ok"]));
  assertEquals(tasksIn(tasks["ok"]?.command ?? ""), ["check", "test"]);
});

Deno.test("figures in README.md are those that were measured", async () => {
  assertEquals(readme, await withFigures(readme), "deno run -A bench/readme.ts writes them anew");
});

Deno.test("the chart of other engines shows what each host measured", async () => {
  const [chart, hosts] = [await Deno.readTextFile(new URL("bench/results/peers.svg", ROOT)), await readPeers()];
  assertEquals(chart, peersChart(hosts), "deno run -A bench/readme.ts draws it anew");
  for (const { origin } of hosts) assertStringIncludes(chart, origin.machine);
});

Deno.test("README.md and .ci/run use the same Deno", async () => {
  const script = await Deno.readTextFile(new URL(".ci/run", ROOT));
  const versions = [...`${readme}\n${script}`.matchAll(/\bdeno@([\d.]+\d)/g)].map(([, version]) => version);
  assert(versions.length >= 3);
  assertEquals(new Set(versions).size, 1, `README.md and .ci/run name ${versions.join(", ")}`);
});

Deno.test("every public name is documented", async () => {
  const { code, stdout, stderr } = await deno(["doc", "--lint", ...Object.values(exports)]);
  assertEquals(code, 0, stdout + stderr);
});

Deno.test("deno task check looks at the documentation of every entry", () => {
  const entries = Object.values(exports).map((path) => path.replace("./", ""));
  assertStringIncludes(tasks["check"]?.command ?? "", `deno doc --lint ${entries.join(" ")} &&`);
});

/** Rooms whose comments have one form. */
const ROOMS =
  "assembly backend bench cli common data docs/build.ts engine formats gpu host models npm serve tests create_backend.ts errors.ts mod.ts"
    .split(" ");

/** The lines of a source's doc comments that have a tag. */
function tagsIn(source: string): string[] {
  const comments = [...source.matchAll(/^ *\/\*\*.*?\*\//gms)].map(([comment]) => comment).join("\n");
  return [...comments.matchAll(/.*@(?:param|returns|throws)\b.*/g)].map(([line]) => line);
}

/** A tag that begins its line, and whose text begins with a capital, code, a quote or a name in camel case. */
const WELL_FORMED = /^ *(?:\/\*)?\* @(?:param [\w.]+|returns|throws(?: \{[\w |]+\})?)(?: (?![a-z]+\b)|$)/;

/** Lines of the sources' comments that are wrong, by their files. */
async function commentsWhere(wrongLines: (source: string) => readonly string[]): Promise<string[]> {
  const lines: string[] = [];
  for (const room of ROOMS) {
    for await (const path of sourcesIn(room)) {
      const source = await Deno.readTextFile(new URL(path, ROOT));
      lines.push(...wrongLines(source).map((line) => `${path}: ${line}`));
    }
  }
  return lines;
}

Deno.test("doc tags begin a line, and their texts begin with a capital", async () => {
  assertEquals(await commentsWhere((source) => tagsIn(source).filter((tag) => !WELL_FORMED.test(tag))), []);
});

Deno.test("lines of comments have at most 120 columns", async () => {
  const comment = /^ *(?:\/\/|\/?\*).*/gm;
  assertEquals(
    await commentsWhere((source) => (source.match(comment) ?? []).filter((line) => [...line].length > 120)),
    [],
  );
});
