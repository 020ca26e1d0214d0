/** Naming tables are read in both directions. */

import { assertEquals, assertThrows } from "@std/assert";
import { ConfigError } from "../../errors.ts";
import { Parameters } from "../../models/network/parameters.ts";
import { constant } from "../../models/network/random.ts";
import { ArrangedTensor, arrangedTensors } from "../../models/weights/arranged_tensor.ts";
import { matchNames } from "../../models/weights/match.ts";
import { grouped, naming, type NamingTable, within } from "../../models/weights/naming.ts";
import { engineTest } from "../support/engines.ts";

Deno.test("a table counts blocks and names parameters, and a part of a model has it under prefixes", () => {
  const table: NamingTable = [["layers.{2i+1}.w", "blocks.{i}.a"], ["head", { join: ["b", "c"] }]];
  const { names, arranged, holders } = naming({ blocks: 2, tensors: within("net.", "text.", table) });
  assertEquals([...names], [["text.blocks.0.a", "net.layers.1.w"], ["text.blocks.1.a", "net.layers.3.w"]]);
  assertEquals([...arranged], [["net.head", { join: ["text.b", "text.c"] }]]);
  assertEquals(holders.get("text.c"), ["net.head"]);
});

Deno.test("parameters are called as checkpoints call them, and parts of a network by what their names have in common", () => {
  const tensors: NamingTable = [["h.{i}.attn.w", "blocks.{i}.q"], ["h.{i}.ln.g", "blocks.{i}.norm"]];
  const parameters = new Parameters(naming({ blocks: 1, tensors }));
  const block = parameters.in("blocks.0");
  block.values("q", [2], constant(0));
  block.values("norm", [2], constant(0));
  block.values("other", [2], constant(0));
  assertEquals([...parameters.byName.keys()], ["h.0.attn.w", "h.0.ln.g", "blocks.0.other"]);
  assertEquals([block.label, parameters.in("elsewhere").label], ["h.0", "elsewhere"]);
});

/** A matrix of 2 columns and a vector, arranged in every way. */
const tensors: NamingTable = [
  ["joined", { join: ["a", "b"] }],
  ["transposed", { transposed: "c" }],
  ["first", { part: 0, of: 2, path: "d" }],
  ["second", { part: 1, of: 2, path: "d" }],
  ["rows", grouped("rows", { heads: 6, kvHeads: 2 }, "e")],
  ["columns", grouped("columns", { heads: 6, kvHeads: 2 }, "f")],
  ["vector", { join: ["g", "h"] }],
];

function declare(): Parameters {
  const parameters = new Parameters(naming({ blocks: 0, tensors, ignored: ["attn.bias"] }));
  const shapes = { a: [1, 2], b: [2, 2], c: [2, 3], d: [4, 2], e: [6, 1], f: [1, 6] } as const;
  for (const [path, [rows, columns]] of Object.entries(shapes)) parameters.matrix(path, [rows, columns], constant(0));
  for (const path of ["g", "h"]) parameters.values(path, [2], constant(0));
  return parameters;
}

const shapes = { joined: [3, 2], transposed: [3, 2], first: [2, 2], second: [2, 2], rows: [6, 1], columns: [1, 6] };

/**
 * What each parameter holds after tensors of 1, 2, 3, ... were loaded; of `rows` and `columns` every other query head.
 */
const held = {
  ...{ a: [1, 2], b: [3, 4, 5, 6], c: [1, 3, 5, 2, 4, 6], d: [1, 2, 3, 4, 1, 2, 3, 4] },
  ...{ e: [1, 4, 2, 5, 3, 6], f: [1, 4, 2, 5, 3, 6], g: [1, 2], h: [3, 4] },
};

engineTest(
  "tensors become parameters in every arrangement, in chunks, and parameters the same tensors again",
  async (backend) => {
    const parameters = declare();
    for (const parameter of parameters.byName.values()) parameter.allocate(backend, "f32");
    const arranged = arrangedTensors(parameters);
    assertEquals(Object.fromEntries([...arranged].map(([name, { shape }]) => [name, shape])), {
      ...shapes,
      vector: [4],
    });
    for (
      const { shape, writer } of [...arranged.values()].map((tensor) => ({
        shape: tensor.shape,
        writer: tensor.writer(),
      }))
    ) {
      const size = shape.reduce((product, n) => product * n, 1);
      const width = shape[1] ?? 1;
      for (let at = 0; at < size; at += width) writer(at, Float32Array.from({ length: width }, (_, i) => at + i + 1));
    }
    for (const [path, values] of Object.entries(held)) {
      assertEquals([...await parameters.byPath.get(path)!.value.data()], values, path);
    }
    for (const tensor of arranged.values()) {
      const values = (await Array.fromAsync(tensor.values())).flatMap((chunk) => [...chunk]);
      assertEquals(values, Array.from(values, (_, i) => i + 1), tensor.name);
    }
    for (const parameter of parameters.byName.values()) parameter.dispose();
  },
);

Deno.test("a state dict may name parameters by themselves, and what nobody needs is passed over", () => {
  const parameters = declare();
  const shapesOf = (entries: Iterable<readonly [string, { readonly shape: readonly number[] }]>) => new Map(entries);
  const byThemselves = shapesOf(parameters.byName);
  assertEquals(matchNames(parameters, byThemselves, true).arranged.size, 0);
  const inCheckpoint = shapesOf([...arrangedTensors(parameters), ["h.0.attn.bias", { shape: [1] }]]);
  const { arranged, parameters: found } = matchNames(parameters, inCheckpoint, true);
  assertEquals([arranged.size, found.size], [7, 0]);
});

Deno.test("a table that arranges what is no matrix is refused", () => {
  const parameters = new Parameters();
  parameters.values("cube", [2, 2, 2], constant(0));
  assertThrows(() => new ArrangedTensor("t", { join: ["cube"] }, parameters.byPath), ConfigError, "cube in t");
});
