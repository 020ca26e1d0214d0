/** The rooms that each room may import: the imports that Deno finds are held against ARCHITECTURE.md's rules. */

import { assert, assertEquals } from "@std/assert";
import { deno, ROOT } from "../support/deno.ts";

/** An import of one file. */
interface Import {
  readonly from: string;
  readonly specifier: string;
}

/** The part of `deno info --json` about a module. */
interface ModuleInfo {
  readonly specifier: string;
  readonly dependencies?: readonly { readonly specifier: string }[];
}

/** Every import of everything that an entry reaches within the repository. */
async function importsOf(entry: string): Promise<Import[]> {
  const { code, stdout, stderr } = await deno(["info", "--json", entry]);
  assertEquals(code, 0, stderr);
  const { modules }: { modules: readonly ModuleInfo[] } = JSON.parse(stdout);
  return modules
    .filter(({ specifier }) => specifier.startsWith(ROOT.href))
    .flatMap(({ specifier: module, dependencies = [] }) =>
      dependencies.map(({ specifier }) => ({ from: module.slice(ROOT.href.length), specifier }))
    );
}

/** The folder at the root, or the file there, that a path is in. */
function roomOf(path: string): string {
  return path.replace(/\/.*/s, "/");
}

function isRelative({ specifier }: Import): boolean {
  return /^\.{1,2}\//.test(specifier);
}

/** The file that a relative import leads to, from the repository's root. */
function targetOf({ from, specifier }: Import): string {
  return new URL(specifier, new URL(from, ROOT)).href.slice(ROOT.href.length);
}

const library = await importsOf("mod.ts");

/** The rooms that every other may import. */
const GROUND = ["errors.ts", "common/", "formats/", "host/"];
const CONTRACT = [...GROUND, "backend/"];

/** The rooms that each may import beside itself. */
const RULES: Readonly<Record<string, readonly string[]>> = {
  "errors.ts": [],
  "common/": [],
  "formats/": ["errors.ts", "common/"],
  "host/": ["errors.ts", "common/"],
  "backend/": GROUND,
  "engine/": CONTRACT,
  "assembly/": [...CONTRACT, "engine/"],
  "gpu/": [...CONTRACT, "engine/"],
  "create_backend.ts": [...CONTRACT, "assembly/", "gpu/"],
  "data/": CONTRACT,
  "models/": [...CONTRACT, "data/", "create_backend.ts"],
  "mod.ts": [...CONTRACT, "create_backend.ts", "data/", "models/"],
};

Deno.test("rooms import only those that they may", () => {
  const rooms = new Set(library.map(({ from }) => roomOf(from)));
  for (const room of rooms) assert(room in RULES, `mod.ts reaches ${room}, for which there is no rule`);
  const broken = library.filter(isRelative).filter((each) => {
    const [room, other] = [roomOf(each.from), roomOf(targetOf(each))];
    return room !== other && !RULES[room]?.includes(other);
  });
  assertEquals(broken.map((each) => `${each.from} imports ${targetOf(each)}`), []);
});

Deno.test("models know of engines one thing: where a default one comes from", () => {
  const imports = library.filter((each) => isRelative(each) && targetOf(each) === "create_backend.ts");
  assertEquals(imports.map(({ from }) => from).filter((path) => path.startsWith("models/")), [
    "models/default_backend.ts",
  ]);
});

/** Files that import one another, each list a way back to its first; `imports` are taken as arrows. */
function circles(imports: readonly Import[]): string[] {
  const next = new Map<string, string[]>();
  for (const each of imports.filter(isRelative)) {
    next.set(each.from, [...next.get(each.from) ?? [], targetOf(each)]);
  }
  const found: string[] = [];
  const done = new Set<string>();
  const visit = (file: string, way: readonly string[]): void => {
    const start = way.indexOf(file);
    if (start >= 0) found.push([...way.slice(start), file].join(" → "));
    if (start >= 0 || done.has(file)) return;
    for (const other of next.get(file) ?? []) visit(other, [...way, file]);
    done.add(file);
  };
  for (const file of next.keys()) visit(file, []);
  return found;
}

Deno.test("no file imports itself by way of others", async () => {
  const benchmarks = ["main", "peers/main", "engine/attention"].map((name) => importsOf(`bench/${name}.ts`));
  const all = [library, await importsOf("cli/generate.ts"), ...await Promise.all(benchmarks)].flat();
  // A tensor names its backend, and a backend makes tensors: their types can't but know each other.
  const others = all.filter(({ from, specifier }) => !(from === "backend/memory.ts" && specifier === "./backend.ts"));
  assertEquals(circles(others), []);
});

Deno.test("library code works from a plain URL and in bundles for pages: it imports paths, and exact npm versions", () => {
  for (const each of library) {
    const { from, specifier } = each;
    // Types of Node's modules are imported in one place; code gets the modules by `nodeModule`.
    if (isRelative(each) || (from === "host/node.ts" && specifier.startsWith("node:"))) continue;
    assert(
      /^npm:(@[\w-]+\/)?[\w.-]+@\d+\.\d+\.\d+(\/[\w./-]+)?$/.test(specifier),
      `${from} imports ${specifier}: expected a relative path or npm:name@exact.version`,
    );
  }
});

Deno.test("an npm package is imported in one place", () => {
  const places = Map.groupBy(library.filter(({ specifier }) => specifier.startsWith("npm:")), (each) => each.specifier);
  for (const [specifier, imports] of places) {
    assertEquals([...new Set(imports.map(({ from }) => from))].length, 1, `${specifier} is imported by several files`);
  }
});

Deno.test("the command line uses the public module only", async () => {
  const imports = (await importsOf("cli/generate.ts")).filter(({ from }) => from.startsWith("cli/")).filter(isRelative);
  const others = imports.map(targetOf).filter((path) => !path.startsWith("cli/"));
  assertEquals([...new Set(others)], ["mod.ts"]);
});

Deno.test("the library can be parsed by Node 20: no `using` declarations", async () => {
  for (const file of new Set(library.map(({ from }) => from))) {
    const source = await Deno.readTextFile(new URL(file, ROOT));
    assert(!/^\s*(await )?using \w+ =/m.test(source), `${file} declares with \`using\``);
  }
});
