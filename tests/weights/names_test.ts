import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { WeightsError } from "../../errors.ts";
import { checkNames, editDistance, nearest } from "../../models/weights/names.ts";

const expected = new Map([
  ["layers.0.to_q.weight", [64, 32]],
  ["layers.0.to_k.weight", [16, 32]],
  ["layers.0.norm.gamma", [32]],
]);

function messageOf(found: Map<string, number[]>, strict?: boolean): string {
  return assertThrows(() => checkNames(expected, found, strict, "model.safetensors"), WeightsError).message;
}

Deno.test("names that fit are accepted", () => {
  checkNames(expected, new Map(expected));
  checkNames(new Map(), new Map());
  assertEquals(checkNames(expected, new Map([["layers.0.norm.gamma", [32]], ["other", [1]]]), false), undefined);
});

Deno.test("one error lists what is missing, unexpected and misshapen with shapes and nearest names", () => {
  const message = messageOf(
    new Map([["layers.0.to_q.weight", [32, 64]], ["layers.0.to_k.weight", [16, 32]], ["layers.0.norm.g", [32]]]),
  );
  assertEquals(message.split("\n").slice(0, 4), [
    "Cannot load model.safetensors: it does not fit the model, which has 3 parameters: 1 missing, 1 unexpected, 1 misshapen",
    "  missing: layers.0.norm.gamma [32] (nearest: layers.0.norm.g [32])",
    "  unexpected: layers.0.norm.g [32] (nearest: layers.0.norm.gamma [32])",
    "  misshapen: layers.0.to_q.weight is [32, 64], expected [64, 32]",
  ]);
});

Deno.test("a wrong shape is refused even where names may differ", () => {
  const message = messageOf(new Map([["layers.0.norm.gamma", [33]], ["else", []]]), false);
  assert(message.includes("0 missing, 0 unexpected, 1 misshapen"));
  assert(message.includes("layers.0.norm.gamma is [33], expected [32]"));
});

Deno.test("long lists are cut, and comparing hostile names takes no time", () => {
  const found = new Map<string, number[]>(expected);
  for (let i = 0; i < 20_000; i++) found.set(`layers.${i}.to_v.weight`, [1]);
  found.delete("layers.0.to_k.weight");
  found.set("x".repeat(100_000), [1]);
  const begin = performance.now();
  const message = messageOf(found);
  assert(performance.now() - begin < 2000);
  assertEquals(message.split("\n").filter((line) => line.startsWith("  unexpected")).length, 11);
  assert(message.includes("  unexpected: and 19991 more"));
  assert(message.includes("missing: layers.0.to_k.weight [16, 32] (nearest: layers.0.to_v.weight [1], "));
});

Deno.test("edit distance is a metric that counts single edits", () => {
  assertEquals(editDistance("kitten", "sitting"), 3);
  assertEquals(editDistance("", "abc"), 3);
  const text = fc.string({ maxLength: 8 });
  fc.assert(fc.property(text, text, text, (a, b, c) => {
    assertEquals(editDistance(a, b), editDistance(b, a));
    assertEquals(editDistance(a, b) === 0, a === b);
    assert(editDistance(a, c) <= editDistance(a, b) + editDistance(b, c));
    assert(editDistance(a, a + b) <= b.length);
  }));
});

Deno.test("names that are not similar are not suggested", () => {
  assertEquals(nearest("to_q.weight", ["gamma", "beta", "to_logits.bias"]), []);
  assertEquals(nearest("to_q", ["to_qk", "to_k", "to_v", "to_q_"])[0]?.length, 5);
});
