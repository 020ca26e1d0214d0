/**
 * WGSL of one specialization of a kernel: conditions resolved, snippets included, constants injected by name.
 *
 * A kernel file may hold lines `#include name`, `#if NAME`, `#if !NAME`, `#if NAME == value`, `#else` and `#endif`.
 * `#again name B` puts an included snippet in once more, over buffers of its own: what it declares has a B at the end
 * of its name.
 * Numbers and booleans become constants of that name, booleans also decide conditions; strings replace their name
 * wherever it stands as a word, so that `#include FORMAT` includes the snippet of a format.
 *
 * @module
 */

import { KERNELS } from "../generated/kernels.ts";

/** What a kernel is specialized for. */
export type Constants = Readonly<Record<string, number | boolean | string>>;

/** A buffer that a shader declares. */
export interface Declaration {
  readonly name: string;
  readonly binding: number;
  readonly type: GPUBufferBindingType;
}

/** A scalar of a shader's `Params`, in its order. */
export interface Field {
  readonly name: string;
  readonly type: "u32" | "i32" | "f32";
}

/** A specialized shader: its code, and what it must be given. */
export interface Shader {
  readonly code: string;
  /** Buffers other than the parameters. */
  readonly declarations: readonly Declaration[];
  /** Four bytes each. */
  readonly fields: readonly Field[];
}

/**
 * Specializes a kernel.
 *
 * @param kernel File name in `kernels/` without its ending.
 * @param constants Values for the names that the file leaves open.
 * @throws {Error} If there is no such kernel or snippet, or its conditions don't end.
 */
export function specialize(kernel: string, constants: Constants): Shader {
  const body = replaceWords(resolve(kernel, constants), constants);
  const enables = [constants.SUBGROUPS === true && "enable subgroups;", constants.F16 === true && "enable f16;"];
  const values = Object.entries(constants)
    .filter(([, value]) => typeof value !== "string")
    .map(([name, value]) => `const ${name} = ${value};`);
  const code = [...enables.filter((line) => line !== false), ...values, body].join("\n");
  return { code, declarations: declarationsOf(code), fields: fieldsOf(code) };
}

/** The text of a file with its conditions resolved and its includes in place, each once. */
function resolve(name: string, constants: Constants, included = new Map<string, string>()): string {
  if (included.has(name)) return "";
  included.set(name, "");
  const source = KERNELS[name];
  if (source === undefined) throw new Error(`Cannot find the kernel or snippet "${name}" in gpu/kernels`);
  const lines: string[] = [];
  const open: { readonly outer: boolean; readonly holds: boolean }[] = [];
  let active = true;
  for (const line of source.split("\n")) {
    const [, directive, rest = ""] = /^\s*#(\w+)\s*(.*)$/.exec(line) ?? [];
    if (directive === "if") {
      const holds = evaluate(rest, constants);
      open.push({ outer: active, holds });
      active &&= holds;
    } else if (directive === "else") {
      const condition = open.at(-1);
      active = condition !== undefined && condition.outer && !condition.holds;
    } else if (directive === "endif") {
      active = open.pop()?.outer ?? true;
    } else if (directive === "include") {
      if (active) lines.push(resolve(snippetOf(rest.trim(), constants), constants, included));
    } else if (directive === "again") {
      const [snippet = "", suffix = ""] = rest.trim().split(" ");
      if (active) lines.push(copyOf(included.get(snippet) ?? "", suffix));
    } else if (active) {
      lines.push(line);
    }
  }
  if (open.length > 0) throw new Error(`Cannot assemble the kernel "${name}": an #if has no #endif`);
  const text = lines.join("\n");
  included.set(name, text);
  return text;
}

/** Names that a snippet declares, those of its buffers among them. */
const DECLARED = /^(?:@group\(0\) @binding\(\d+\) +)?(?:fn|const|var(?:<[^>]*>)?) (\w+)/gm;
/** Bindings of a kernel without copies, at most. */
const BINDINGS = 16;

/** A snippet's text with other names and bindings for all that it declares. */
function copyOf(text: string, suffix: string): string {
  const names = Array.from(text.matchAll(DECLARED), ([, name = ""]) => name);
  const renamed = names.reduce(
    (code, name) => code.replaceAll(new RegExp(`(?<!\\.)\\b${name}\\b`, "g"), name + suffix),
    text,
  );
  const first = BINDINGS * (suffix.charCodeAt(0) - "A".charCodeAt(0));
  return renamed.replaceAll(/@binding\((\d+)\)/g, (_, binding) => `@binding(${first + Number(binding)})`);
}

/** What an include names: a snippet, or the constant whose value is its name. */
function snippetOf(name: string, constants: Constants): string {
  const constant = constants[name];
  return typeof constant === "string" ? constant : name;
}

function evaluate(condition: string, constants: Constants): boolean {
  const [, not, name = "", value] = /^(!?)(\w+)(?:\s*==\s*(\w+))?\s*$/.exec(condition) ?? [];
  const constant = constants[name];
  const holds = value === undefined ? constant === true : String(constant) === value;
  return not ? !holds : holds;
}

/** What may stand in the place of a word: names, fields and types of vectors. */
const WORD = /^\w+(\.\w+|<\w+>)?$/;

function replaceWords(text: string, constants: Constants): string {
  const words = Object.entries(constants).filter(([, value]) => typeof value === "string");
  const refused = words.find(([, value]) => !WORD.test(String(value)));
  if (refused) throw new Error(`Cannot write ${JSON.stringify(refused[1])} in the place of ${refused[0]} in a shader`);
  return words.reduce((code, [name, value]) => code.replaceAll(new RegExp(`\\b${name}\\b`, "g"), String(value)), text);
}

function declarationsOf(code: string): Declaration[] {
  const pattern = /@group\(0\) @binding\((\d+)\)\s+var<(uniform|storage, read_write|storage, read)> (\w+)/g;
  const types = {
    "uniform": "uniform",
    "storage, read_write": "storage",
    "storage, read": "read-only-storage",
  } as const;
  return Array.from(code.matchAll(pattern), ([, binding, space = "", name = ""]) => ({
    name,
    binding: Number(binding),
    type: types[space as keyof typeof types],
  })).filter(({ name }) => name !== "params");
}

function fieldsOf(code: string): Field[] {
  const [, body = ""] = /struct Params \{([^}]*)\}/.exec(code) ?? [];
  return Array.from(body.matchAll(/(\w+): (u32|i32|f32)/g), ([, name = "", type]) => ({
    name,
    type: type as Field["type"],
  }));
}
