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

const { exports }: { exports: Readonly<Record<string, string>> } = JSON.parse(
  await Deno.readTextFile(new URL("deno.json", ROOT)),
);
const entries = Object.values(exports).map((path) => path.replace("./", ""));

const library = (await Promise.all(["mod.ts", "data/datasets/jobs/mod.ts", "serve/mod.ts"].map(importsOf))).flat();
const command = await importsOf("cli/main.ts");

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
  "serve/": [...CONTRACT, "data/", "models/"],
  "mod.ts": ["data/", "models/"],
};

Deno.test("rooms import only those that they may", () => {
  const rooms = new Set(library.map(({ from }) => roomOf(from)));
  for (const room of rooms) assert(room in RULES, `an entry reaches ${room}, for which there is no rule`);
  const broken = library.filter(isRelative).filter((each) => {
    const [room, other] = [roomOf(each.from), roomOf(targetOf(each))];
    return room !== other && !RULES[room]?.includes(other);
  });
  assertEquals(broken.map((each) => `${each.from} imports ${targetOf(each)}`), []);
});

Deno.test("models know of engines one thing: where a default one comes from", () => {
  const imports = library.filter((each) => isRelative(each) && targetOf(each) === "create_backend.ts");
  const paths = imports.map(({ from }) => from).filter((path) => !entries.includes(path));
  assertEquals(paths, ["models/default_backend.ts"]);
});

Deno.test("an entry reaches no more than it is for", async () => {
  const reached = async (entry: string) => (await importsOf(entry)).map(({ from }) => from);
  const data = await reached("data/mod.ts");
  assertEquals(data.filter((path) => /^(assembly|gpu|engine|models)\//.test(path)), []);
  assertEquals((await reached("mod.ts")).filter((path) => path.startsWith("data/datasets/jobs/")), []);
  const models = await reached("models/mod.ts");
  assertEquals(models.filter((path) => path.startsWith("data/text/")), []);
  const serve = await reached("serve/mod.ts");
  assertEquals(serve.filter((path) => /^(assembly|gpu|engine|models\/families)\//.test(path)), []);
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
  const all = [library, command, ...await Promise.all(benchmarks)].flat();
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

Deno.test("an npm package is imported in one place, in an exact version", () => {
  const packages = [...library, ...command].filter(({ specifier }) => specifier.startsWith("npm:"));
  for (const [specifier, imports] of Map.groupBy(packages, (each) => each.specifier)) {
    assert(/^npm:(@[\w.-]+\/)?[\w.-]+@\d+\.\d+\.\d+(\/[\w./-]+)?$/.test(specifier), specifier);
    assertEquals([...new Set(imports.map(({ from }) => from))].length, 1, `${specifier} is imported by several files`);
  }
});

Deno.test("the command line uses public entries only, and modules that Node and Bun have", () => {
  const imports = command.filter(({ from }) => from.startsWith("cli/"));
  const outside = imports.filter(isRelative).filter((each) => !targetOf(each).startsWith("cli/"));
  for (const each of outside) assert(entries.includes(targetOf(each)), `${each.from} imports ${targetOf(each)}`);
  const others = imports.filter((each) => !isRelative(each) && !/^(npm|node):/.test(each.specifier));
  assertEquals(others, []);
});

Deno.test("the command line loads the library when a command needs it", async () => {
  for (const { from } of command.filter(({ from }) => from.startsWith("cli/"))) {
    const source = await Deno.readTextFile(new URL(from, ROOT));
    assert(
      !/^(?:import|export) (?!type\b).*from "(?:\.\.\/)+(?:\w+\/)?mod\.ts"/m.test(source),
      `${from} imports it at once`,
    );
  }
});

Deno.test("all that ships can be parsed by Node 20: no `using` declarations", async () => {
  for (const file of new Set([...library, ...command].map(({ from }) => from))) {
    const source = await Deno.readTextFile(new URL(file, ROOT));
    assert(!/^\s*(await )?using \w+ =/m.test(source), `${file} declares with \`using\``);
  }
});
