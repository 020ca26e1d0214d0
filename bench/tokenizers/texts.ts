/**
 * Texts of a megabyte: English, this repository's code, Chinese with Japanese and Korean, and all of it with other
 * languages. The languages are the messages of the TypeScript compiler, which its package has in thirteen.
 *
 * @module
 */

import { fromFileUrl, join } from "@std/path";

/** Bytes of a text at most. */
const MOST = 1_000_000;

const ENGLISH = new URL("../../../shared/data/tinyshakespeare.txt", import.meta.url);
const ROOT = fromFileUrl(new URL("../../", import.meta.url));
const FOLDERS = ["data", "engine", "models", "serve"];
const CJK = ["zh-cn", "ja", "ko", "zh-tw"];
const OTHERS = ["cs", "de", "es", "fr", "it", "pl", "pt-br", "ru", "tr"];

/** A text to encode. */
export interface Text {
  readonly name: string;
  readonly text: string;
  /** Bytes of its UTF-8. */
  readonly bytes: number;
}

/**
 * Makes the texts.
 *
 * @param modules Path of `node_modules` with the package typescript.
 */
export async function makeTexts(modules: string): Promise<Text[]> {
  const english = await Deno.readTextFile(ENGLISH);
  const code = (await Array.fromAsync(sources())).join("\n");
  const cjk = await messages(modules, CJK);
  const others = await messages(modules, OTHERS);
  const mixed = inTurns([...cjk, ...others, code.split("\n\n"), english.split("\n\n")]);
  return [
    textOf("English", english),
    textOf("code", code),
    textOf("CJK", inTurns(cjk).join("\n")),
    textOf("mixed", mixed.join("\n")),
  ];
}

/** A text cut to a megabyte. */
function textOf(name: string, whole: string): Text {
  const { read } = new TextEncoder().encodeInto(whole, new Uint8Array(MOST));
  const text = whole.slice(0, read);
  return { name, text, bytes: new TextEncoder().encode(text).length };
}

/** The sources of this repository. */
async function* sources(folders: readonly string[] = FOLDERS): AsyncGenerator<string> {
  for (const folder of folders) {
    const entries = await Array.fromAsync(Deno.readDir(join(ROOT, folder)));
    for (const { name, isDirectory } of entries.toSorted((a, b) => a.name < b.name ? -1 : 1)) {
      if (isDirectory) yield* sources([join(folder, name)]);
      else if (name.endsWith(".ts")) yield await Deno.readTextFile(join(ROOT, folder, name));
    }
  }
}

/** The compiler's messages in some languages. */
async function messages(modules: string, languages: readonly string[]): Promise<string[][]> {
  return await Promise.all(languages.map(async (language) => {
    const file = join(modules, "typescript", "lib", language, "diagnosticMessages.generated.json");
    return Object.values<string>(JSON.parse(await Deno.readTextFile(file)));
  }));
}

/** One item of each list, then the next of each, until all lists end. */
function inTurns(lists: readonly (readonly string[])[]): string[] {
  const longest = Math.max(...lists.map(({ length }) => length));
  return Array.from({ length: longest }, (_, i) => lists.flatMap((list) => list.slice(i, i + 1))).flat();
}
