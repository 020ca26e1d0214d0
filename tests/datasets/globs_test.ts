/** Patterns of paths, as dataset cards have them. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { globTest } from "../../data/datasets/sources/globs.ts";
import { DatasetError } from "../../mod.ts";

Deno.test("patterns mean what shells mean by them", () => {
  const cases: readonly [pattern: string, fits: readonly string[], others: readonly string[]][] = [
    ["data/train-*", ["data/train-", "data/train-0.parquet"], ["data/train-0/a", "data/trail-0", "x/data/train-0"]],
    ["./data/a.csv", ["data/a.csv"], ["data/a_csv"]],
    ["**/*.json", ["a.json", "b/c/a.json"], ["a.jsonl"]],
    ["a/**/b", ["a/b", "a/x/b", "a/x/y/b"], ["a/xb", "ab", "a/x/y"]],
    ["en/**", ["en/a", "en/a/b"], ["de/a", "en"]],
    ["**", ["a", "a/b"], []],
    ["?.txt", ["a.txt", "é.txt", "😀.txt"], ["ab.txt", ".txt"]],
    ["[a-c]/[!a-c]", ["a/d", "c/x"], ["d/d", "a/a"]],
    ["{a,b/{c,d}}.txt", ["a.txt", "b/c.txt", "b/d.txt"], ["c.txt", "b.txt"]],
    ["a.b+(c)$", ["a.b+(c)$"], ["aXb+(c)$"]],
  ];
  for (const [pattern, fits, others] of cases) {
    const test = globTest(pattern);
    assertEquals(fits.filter(test), fits, pattern);
    assertEquals(others.filter(test), [], pattern);
  }
});

Deno.test("no pattern takes long", () => {
  const began = performance.now();
  assert(!globTest("a*".repeat(100))(`${"a".repeat(1000)}b/`));
  assert(!globTest(`${"**".repeat(100)}x`)("a/".repeat(1000)));
  assertThrows(() => globTest("{a,b}".repeat(40)), DatasetError, "it stands for too many patterns");
  assertThrows(() => globTest("**/".repeat(40)), DatasetError, "it stands for too many patterns");
  assert(performance.now() - began < 10_000);
});
