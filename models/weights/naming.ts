/**
 * What checkpoints call a model's parameters, as a table that is read in both directions: to load and to save.
 *
 * @module
 */

/** How the rows of a tensor of a checkpoint hold parameters, which are named by their paths. */
export type Arrangement =
  /** One parameter as it is. */
  | string
  /** The rows of several, one after another. */
  | { readonly join: readonly Arrangement[] }
  /** One of equal parts of a parameter's rows. */
  | { readonly part: number; readonly of: number; readonly path: string }
  /**
   * Rows or columns in groups of heads: the checkpoint's query head h reads key head floor(h / (heads / kvHeads)), the
   * engine's reads h mod kvHeads.
   */
  | { readonly grouped: "rows" | "columns"; readonly heads: number; readonly kvHeads: number; readonly path: string };

/** How a tensor of a checkpoint holds parameters; the other way round where it stores [in, out]. */
export type Holding = Arrangement | { readonly transposed: Arrangement };

/**
 * Tensors of a checkpoint and what they hold. `{i}` in a name and its paths is the number of a block, from 0; `{2i+1}`
 * counts as it says. Rows whose parameters a model does not have count for nothing.
 */
export type NamingTable = readonly (readonly [tensor: string, holds: Holding])[];

/** What a family's checkpoints call things. */
export interface NamingRules {
  readonly tensors: NamingTable;
  /** Blocks that `{i}` counts. */
  readonly blocks: number;
  /** Beginnings of names that stand for others: [as found, as in `tensors`]. */
  readonly aliases?: readonly (readonly [found: string, named: string])[] | undefined;
  /** Ends of names of tensors that checkpoints hold and nobody needs, such as "rotary_emb.inv_freq". */
  readonly ignored?: readonly string[] | undefined;
}

/** The rules with blocks counted, and indices of what they say. */
export interface Naming {
  /** Tensors that hold more or less than one parameter, or one in another arrangement, by name. */
  readonly arranged: ReadonlyMap<string, Exclude<Holding, string>>;
  /** The tensor that holds a parameter as it is, by path. */
  readonly names: ReadonlyMap<string, string>;
  /** All tensors that hold something of a parameter, by path. */
  readonly holders: ReadonlyMap<string, readonly string[]>;
  readonly aliases: readonly (readonly [found: string, named: string])[];
  readonly ignored: readonly string[];
}

/** Counts blocks, and makes indices. */
export function naming(...rules: readonly NamingRules[]): Naming {
  const arranged = new Map<string, Exclude<Holding, string>>();
  const names = new Map<string, string>();
  const holders = new Map<string, string[]>();
  for (const { tensors, blocks } of rules) {
    for (const [pattern, holds] of tensors) {
      for (let i = 0; i < (pattern.includes("{") ? blocks : 1); i++) {
        const name = counted(pattern, i);
        const holding = mapPaths(holds, (path) => counted(path, i));
        if (typeof holding === "string") names.set(holding, name);
        else arranged.set(name, holding);
        for (const path of pathsOf(holding)) holders.set(path, [...holders.get(path) ?? [], name]);
      }
    }
  }
  const aliases = rules.flatMap(({ aliases = [] }) => aliases);
  return { arranged, names, holders, aliases, ignored: rules.flatMap(({ ignored = [] }) => ignored) };
}

/** The naming of parameters that are called by their paths. */
export const NO_NAMES: Naming = naming();

/** The same table for a part of a larger model: its names and its paths begin with these. */
export function within(name: string, path: string, table: NamingTable): NamingTable {
  return table.map(([tensor, holds]) => [name + tensor, mapPaths(holds, (inner) => path + inner)]);
}

/** Consecutive groups of query heads; as it is where every order of heads is the same. */
export function grouped(
  what: "rows" | "columns",
  { heads, kvHeads }: { readonly heads: number; readonly kvHeads: number },
  path: string,
): Arrangement {
  return kvHeads === 1 || kvHeads === heads ? path : { grouped: what, heads, kvHeads, path };
}

/** The paths that a holding names. */
export function pathsOf(holding: Holding): string[] {
  const paths: string[] = [];
  mapPaths(holding, (path) => {
    paths.push(path);
    return path;
  });
  return paths;
}

function mapPaths(holding: Arrangement, map: (path: string) => string): Arrangement;
function mapPaths(holding: Holding, map: (path: string) => string): Holding;
function mapPaths(holding: Holding, map: (path: string) => string): Holding {
  if (typeof holding === "string") return map(holding);
  if ("transposed" in holding) return { transposed: mapPaths(holding.transposed, map) };
  if ("join" in holding) return { join: holding.join.map((part) => mapPaths(part, map)) };
  return { ...holding, path: map(holding.path) };
}

/** `{i}`, `{2i}` and `{2i+1}` for one i. */
function counted(pattern: string, i: number): string {
  return pattern.replace(
    /\{(\d*)i(?:\+(\d+))?\}/g,
    (_, times: string, more: string | undefined) => String(Number(times || 1) * i + Number(more ?? 0)),
  );
}
