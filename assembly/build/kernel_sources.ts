/**
 * The kernels as their sources declare them: exported functions of `kernels/<folder>/*.ts` with the parameters of a
 * kernel, and the structures of their arguments.
 *
 * @module
 */

/** A field of a structure of arguments. */
export interface Field {
  readonly name: string;
  /** `Tensor`, `Address`, `Flag`, `List`, `i32`, `u32`, `f32`, or an enum of `records/kernel_id.ts`. */
  readonly type: string;
  /** The comment above it, without its signs; empty: none. */
  readonly comment: string;
}

/** A structure of arguments: an `@unmanaged` class, whose fields lie in a record one word after another. */
export interface Structure {
  readonly name: string;
  readonly fields: readonly Field[];
}

/** A kernel. */
export interface KernelSource {
  readonly name: string;
  /** Its file, from `kernels/` on. */
  readonly path: string;
  /** What it reads its arguments through; none: it loads them one by one. */
  readonly structure: Structure | undefined;
  /** The file of the structure, if the kernel's parameter has it as its type. */
  readonly structurePath: string | undefined;
}

const KERNEL = /^export function (\w+)\(\s*(\w+): (\w+), thread: i32, threads: i32, scratch: usize,?\s*\): void \{/gm;
const STRUCTURE = /^@unmanaged\nexport class (\w+) \{\n(.*?)^\}/gms;
const FIELD = /^(?: {2}\/\*\* (.*) \*\/\n)? {2}(\w+): (\w+);\n/gm;

/**
 * Finds the kernels in sources, ordered by name.
 *
 * @param sources Text by path from `kernels/` on.
 * @throws {Error} If two kernels have one name, or a structure can't be read.
 */
export function findKernels(sources: ReadonlyMap<string, string>): KernelSource[] {
  const structures = new Map<string, { readonly structure: Structure; readonly path: string }>();
  for (const [path, text] of sources) {
    for (const [, name = "", body = ""] of text.matchAll(STRUCTURE)) {
      if (name.endsWith("Arguments")) structures.set(name, { structure: { name, fields: fieldsOf(name, body) }, path });
    }
  }
  const kernels = new Map<string, KernelSource>();
  for (const [path, text] of sources) {
    for (const { 1: name = "", 2: parameter = "", 3: type = "", index } of text.matchAll(KERNEL)) {
      const other = kernels.get(name);
      if (other) {
        throw new Error(`Cannot number the kernels: ${other.path} and ${path} both export ${name}; rename one`);
      }
      const isTyped = type !== "usize";
      const body = text.slice(index, text.indexOf("\n}", index));
      const own = isTyped ? type : body.match(new RegExp(`changetype<(\\w+)>\\(${parameter}\\)`))?.[1];
      const found = own === undefined ? undefined : structures.get(own);
      if (own !== undefined && !found) {
        throw new Error(`Cannot find the arguments of ${name}: ${path} names ${own}, which is no @unmanaged class`);
      }
      kernels.set(name, { name, path, structure: found?.structure, structurePath: isTyped ? found?.path : undefined });
    }
  }
  return [...kernels.values()].sort((a, b) => a.name < b.name ? -1 : 1);
}

/**
 * The fields of a class.
 *
 * @throws {Error} If it has anything else.
 */
function fieldsOf(structure: string, body: string): Field[] {
  const fields = [...body.matchAll(FIELD)].map(([, comment = "", name = "", type = ""]) => ({ name, type, comment }));
  const rest = body.replaceAll(FIELD, "").trim();
  if (rest !== "") {
    throw new Error(
      `Cannot read the fields of ${structure}: expected lines "name: type;", got ${JSON.stringify(rest)}`,
    );
  }
  const list = fields.findIndex(({ type }) => type === "List");
  if (list >= 0 && list < fields.length - 1) {
    throw new Error(
      `Cannot lay out ${structure}: what follows it belongs to its last field, and ${fields[list]?.name} is not`,
    );
  }
  return fields;
}

/**
 * Whether the structure's fields are those of the command of its kernel's operation, so that its encoder can be
 * generated: all addresses are tensors.
 *
 * @throws {Error} If only some are.
 */
export function isDerivable({ name, fields }: Structure): boolean {
  const tensors = fields.filter(({ type }) => type === "Tensor").length;
  const addresses = fields.filter(({ type }) => type === "Address").length;
  if (tensors > 0 && addresses > 0) {
    throw new Error(
      `Cannot encode ${name}: it has fields of both Tensor and Address; if one is written by hand, all are`,
    );
  }
  return tensors > 0;
}
