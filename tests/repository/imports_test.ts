/** Who may import whom. What Deno itself says a file imports is held against ARCHITECTURE.md's rules. */
import { assert, assertEquals } from "@std/assert";
import { deno, ROOT } from "../support/deno.ts";

/** An import of one file. */
interface Import {
  readonly from: string;
  readonly specifier: string;
  readonly isDynamic: boolean;
}

/** What `deno info --json` says of a module. */
interface ModuleInfo {
  readonly specifier: string;
  readonly dependencies?: readonly { readonly specifier: string; readonly isDynamic?: boolean }[];
}

/** Every import of everything that an entry reaches within the repository. */
async function importsOf(entry: string): Promise<Import[]> {
  const { code, stdout, stderr } = await deno(["info", "--json", entry]);
  assertEquals(code, 0, stderr);
  const { modules }: { modules: readonly ModuleInfo[] } = JSON.parse(stdout);
  return modules
    .filter(({ specifier }) => specifier.startsWith(ROOT.href))
    .flatMap(({ specifier: module, dependencies = [] }) =>
      dependencies.map(({ specifier, isDynamic = false }) => ({
        from: module.slice(ROOT.href.length),
        specifier,
        isDynamic,
      }))
    );
}

/** The folder at the root, or the file there, that a path is in. */
function roomOf(path: string): string {
  return path.replace(/\/.*/s, "/");
}

function isRelative({ specifier }: Import): boolean {
  return /^\.{1,2}\//.test(specifier);
}

/** What an import of the repository's own leads to, from its root. */
function targetOf({ from, specifier }: Import): string {
  return new URL(specifier, new URL(from, ROOT)).href.slice(ROOT.href.length);
}

const library = await importsOf("mod.ts");

/** Whom each room may import beside itself. */
const RULES: Readonly<Record<string, readonly string[]>> = {
  "show.ts": [],
  "backend.ts": [],
  "engine/": ["backend.ts", "show.ts"],
  "assembly/": ["backend.ts", "engine/", "show.ts"],
  "gpu/": ["backend.ts", "engine/", "show.ts"],
  "data/": ["backend.ts", "show.ts"],
  "models/": ["backend.ts", "data/", "show.ts"],
  "create_backend.ts": ["backend.ts", "assembly/", "gpu/", "models/", "show.ts"],
  "mod.ts": ["backend.ts", "create_backend.ts", "models/", "data/"],
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

Deno.test("choosing an engine knows one thing of models: who is told", () => {
  const known = library.filter(({ from }) => from === "create_backend.ts").map(targetOf);
  assertEquals(known.filter((path) => path.startsWith("models/")), ["models/default_backend.ts"]);
});

Deno.test("library code works from a plain URL: paths, exact npm versions and, on demand, node builtins", () => {
  for (const each of library) {
    const { from, specifier, isDynamic } = each;
    if (isRelative(each)) continue;
    if (specifier.startsWith("node:")) {
      assert(isDynamic, `${from} imports ${specifier} statically, which browsers refuse: use await import()`);
    } else {
      assert(
        /^npm:(@[\w-]+\/)?[\w.-]+@\d+\.\d+\.\d+(\/[\w./-]+)?$/.test(specifier),
        `${from} imports ${specifier}: expected a relative path or npm:name@exact.version`,
      );
    }
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

Deno.test("what ships can be parsed by Node 20: no `using` declarations", async () => {
  for (const file of new Set(library.map(({ from }) => from))) {
    const source = await Deno.readTextFile(new URL(file, ROOT));
    assert(!/^\s*(await )?using \w+ =/m.test(source), `${file} declares with \`using\``);
  }
});
