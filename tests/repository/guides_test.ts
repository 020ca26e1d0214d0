/** The guides tell the truth: links lead somewhere, commands are tasks, messages are the library's. */

import { assert, assertEquals } from "@std/assert";
import { readCommandLine } from "../../cli/program.ts";
import { ROOT } from "../support/deno.ts";
import { markdownIn, sourcesIn } from "../support/sources.ts";

/** The guides and the examples' texts, by their paths. */
const texts = new Map<string, string>();
for (const path of [...await markdownIn("docs"), ...await markdownIn("examples")]) {
  texts.set(path, await Deno.readTextFile(new URL(path, ROOT)));
}

/** The anchors of a page: its headings, as VitePress and GitHub write them. */
function anchorsOf(text: string): Set<string> {
  const headings = [...text.matchAll(/^#{1,6} (.*)$/gm)].map(([, heading = ""]) => heading);
  return new Set(headings.map((heading) => heading.toLowerCase().replaceAll(/[^\w\s-]/g, "").replaceAll(/\s+/g, "-")));
}

Deno.test("links of guides lead to guides, to their headings, and to files of the repository", async () => {
  const broken: string[] = [];
  let count = 0;
  for (const [page, text] of texts) {
    for (const [, target = ""] of text.matchAll(/\]\((?![a-z]+:|\.\/api\/)([^)\s]+)\)/g)) {
      const url = new URL(target, new URL(page, ROOT));
      const anchor = url.hash.slice(1);
      url.hash = "";
      const path = url.href.slice(ROOT.href.length);
      const exists = await Deno.stat(url).then(() => true, () => false);
      if (!exists || (anchor !== "" && !anchorsOf(texts.get(path) ?? "").has(anchor))) {
        broken.push(`${page} links to ${target}`);
      }
      count += 1;
    }
  }
  assertEquals(broken, []);
  assert(count > 30, `${count} links were found`);
});

Deno.test("commands that guides give are tasks and files", async () => {
  const { tasks } = JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT)));
  const own = JSON.parse(await Deno.readTextFile(new URL("examples/deno-deploy/deno.json", ROOT))).tasks;
  for (const [page, text] of texts) {
    for (const [, task = ""] of text.matchAll(/deno(?:@[\d.]+)? task ([\w:-]+)/g)) {
      assert(task in tasks || task in own, `${page} starts the task ${task}`);
    }
    for (const [, path = ""] of text.matchAll(/deno (?:run|test) -A ([\w/.]+)/g)) {
      await Deno.stat(new URL(path, ROOT));
    }
  }
});

/** The words of a line for a shell. */
function wordsOf(line: string): string[] {
  return [...line.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare ?? "");
}

Deno.test("command lines of andromeda that guides give can be followed", async () => {
  const lines = [...texts].flatMap(([page, text]) =>
    [...text.matchAll(/^andromeda (?!completion)(.+)$/gm)].map(([, line = ""]) => ({ page, words: wordsOf(line) }))
  );
  const dockerfile = await Deno.readTextFile(new URL("examples/compose/Dockerfile", ROOT));
  const [, command = "[]"] = /^CMD (.*)$/m.exec(dockerfile) ?? [];
  lines.push({ page: "examples/compose/Dockerfile", words: JSON.parse(command).slice(1) });
  assert(lines.length > 8, `${lines.length} command lines were found`);
  for (const { page, words } of lines) {
    const read = await readCommandLine(words).catch((error) => `${page}: ${error.message}`);
    assert(typeof read === "object" && "command" in read, `${page}: ${words.join(" ")}: ${JSON.stringify(read)}`);
  }
});

/** Names of the members of an interface. */
async function membersOf(path: string, name: string): Promise<string[]> {
  const source = await Deno.readTextFile(new URL(path, ROOT));
  const [, body = ""] = RegExp(`export interface ${name} {\n(.*?)^}`, "ms").exec(source) ?? [];
  return [...body.matchAll(/^ {2}readonly (\w+)\??:/gm)].map(([, member = ""]) => member);
}

Deno.test("the guide on datasets names every option of a builder, and what is counted", async () => {
  const guide = texts.get("docs/guide/datasets.md") ?? "";
  const options = await membersOf("data/datasets/builder_options.ts", "DatasetBuilderOptions");
  const counts = await membersOf("data/datasets/filtering/text_counts.ts", "TextCounts");
  assert(options.length > 20 && counts.length > 5, "options and counts were found");
  assertEquals([...options, ...counts].filter((name) => !RegExp(`\\b${name}\\b`).test(guide)), []);
});

Deno.test("the guide on serving names every option of a handler and every field of a request", async () => {
  const guide = texts.get("docs/guide/serving.md") ?? "";
  const options = await membersOf("serve/options.ts", "HandlerOptions");
  const fields = await membersOf("serve/completions/completion_request.ts", "CompletionRequest");
  assert(options.length > 8 && fields.length > 15, "options and fields were found");
  assertEquals([...options, ...fields].filter((name) => !guide.includes(`\`${name}\``)), []);
});

Deno.test("messages in the guide on troubleshooting are the library's", async () => {
  let library = "";
  for (const room of ["assembly/machine", "assembly/memory", "assembly/backend.ts", "data", "gpu", "host", "models"]) {
    for await (const path of sourcesIn(room)) library += await Deno.readTextFile(new URL(path, ROOT));
  }
  // A message in several lines of code is one.
  library = library.replaceAll(/["`'] \+\s*\(?["`']/g, "").replaceAll("\\`", "`");
  const guide = texts.get("docs/guide/troubleshooting.md") ?? "";
  const messages = [...guide.matchAll(/^```text\n(.*?)\n```$/gms)].map(([, message = ""]) => message);
  const fragments = messages.flatMap((message) => message.split("…")).map((each) => each.trim())
    .filter((each) => each.length > 12);
  assert(fragments.length > 15, `${fragments.length} were found`);
  assertEquals(fragments.filter((fragment) => !library.includes(fragment)), []);
});
