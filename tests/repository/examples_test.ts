/** Examples in the documentation are code: they are there, they run, and they print what they say. */

import { assert, assertEquals } from "@std/assert";
import { deno, ROOT } from "../support/deno.ts";
import { markdownIn } from "../support/sources.ts";

/** A tag of a doc comment, as `deno doc --json` gives it. */
interface Tag {
  readonly kind: string;
  readonly doc?: string;
}

/** An export of an entry. */
interface Export {
  readonly kind: string;
  readonly name: string;
  /** From the root of the repository. */
  readonly path: string;
  readonly tags: readonly Tag[];
}

/** The part of `deno doc --json` that is read here. */
interface Documentation {
  readonly nodes: Readonly<
    Record<string, {
      readonly symbols: readonly {
        readonly name: string;
        readonly declarations: readonly {
          readonly kind: string;
          readonly location: { readonly filename: string };
          readonly jsDoc?: { readonly tags?: readonly Tag[] };
        }[];
      }[];
    }>
  >;
}

const { exports: entries }: { exports: Readonly<Record<string, string>> } = JSON.parse(
  await Deno.readTextFile(new URL("deno.json", ROOT)),
);
const MODULES = Object.values(entries).map((path) => path.replace("./", ""));
const CATEGORIES = ["Models", "Generation", "Weights", "Data", "Backends", "Errors", "Serving"];

async function readExports(module: string): Promise<Export[]> {
  const { code, stdout, stderr } = await deno(["doc", "--json", module]);
  assertEquals(code, 0, stderr);
  const { nodes }: Documentation = JSON.parse(stdout);
  return Object.values(nodes).flatMap(({ symbols }) =>
    symbols.flatMap(({ name, declarations }) =>
      declarations.map(({ kind, location, jsDoc }) => ({
        kind,
        name,
        path: location.filename.slice(ROOT.href.length),
        tags: jsDoc?.tags ?? [],
      }))
    )
  );
}

const exports = (await Promise.all(MODULES.map(readExports))).flat();
const guides = await markdownIn("docs");
const sources = [...new Set(["README.md", ...guides, ...MODULES, ...exports.map(({ path }) => path)])];

Deno.test("every public class has an example", () => {
  const classes = exports.filter(({ kind }) => kind === "class");
  assert(classes.length > 20, `${classes.length} classes were found`);
  const without = classes.filter(({ tags }) => !tags.some(({ kind }) => kind === "example"));
  assertEquals(without.map(({ name, path }) => `${name} in ${path}`), []);
});

Deno.test("every export has the subject under which the documentation lists it", () => {
  const without = exports.filter(({ tags }) => {
    const categories = tags.filter(({ kind }) => kind === "category").map(({ doc = "" }) => doc.trim());
    return categories.length !== 1 || !CATEGORIES.includes(categories[0] ?? "");
  });
  assertEquals(without.map(({ name, path }) => `${name} in ${path}`), []);
});

/** The code of an example by where it stands, `path:line`, without what a comment puts before each line. */
async function examplesOf(path: string): Promise<Map<string, string>> {
  const text = await Deno.readTextFile(new URL(path, ROOT));
  const blocks = text.matchAll(/^( *\* |)```ts\n(.*?)\n *(?:\* )?```$/gms);
  return new Map(
    [...blocks].map(({ index, 1: prefix = "", 2: code = "" }) => {
      const line = text.slice(0, index).split("\n").length;
      const lines = code.split("\n").map((each) => each.startsWith(prefix) ? each.slice(prefix.length) : "");
      return [`${path}:${line}`, `${lines.join("\n")}\n`];
    }),
  );
}

const examples = new Map((await Promise.all(sources.map(examplesOf))).flatMap((found) => [...found]));

Deno.test("examples are formatted as code is, and import what they use", async () => {
  const folder = await Deno.makeTempDir();
  try {
    for (const [place, code] of examples) {
      await Deno.writeTextFile(`${folder}/${place.replaceAll(/[/:]/g, "_")}.ts`, code);
      // Guides say it as their readers do, by the name of the package.
      const entry = place.startsWith("docs/") ? "@andromeda/runtime" : "(?:\\./|(?:\\.\\./)+)(?:mod|main)\\.ts";
      const isComplete = RegExp(`^import .* from "${entry}";$`, "ms").test(code);
      assert(isComplete, `${place} imports nothing from an entry`);
    }
    const { code, stderr } = await deno(["fmt", "--check", "--line-width", "115", folder]);
    assertEquals(code, 0, stderr);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

/** Examples run on the CPU, because software adapters are slow and some drivers crash when their process ends. */
const NO_ADAPTER = { VK_ICD_FILENAMES: "/nonexistent", DENO_WEBGPU_BACKEND: "vulkan" };

/** The texts that an example says it prints: the comments behind its calls of `console.log`. */
function promisedBy(code: string): string[] {
  return [...code.matchAll(/console\.log\(.*\); \/\/ (.*)$/gm)].map(([, text = ""]) => text);
}

Deno.test("examples of README.md, of the guides and of the public documentation run and print what they say", async () => {
  const { code, stdout, stderr } = await deno(["test", "-A", "--doc", ...sources], { env: NO_ADAPTER });
  assertEquals(code, 0, stdout + stderr);
  // Deno names an example by its file and lines, and its output comes between two marks.
  const outputs = new Map(
    [...stdout.matchAll(/^running 1 test from \.\/([^\n]*?)[#$](\d+)-\d+\.ts\n(.*?)(?=^running |^ok \|)/gms)]
      .map(([, path, line, output = ""]) => [`${path}:${line}`, output]),
  );
  assertEquals([...outputs.keys()].sort(), [...examples.keys()].sort());
  for (const [place, code] of examples) {
    for (const promised of promisedBy(code)) {
      assert(outputs.get(place)?.includes(`\n${promised}\n`), `${place} does not print ${promised}`);
    }
  }
});
