/** Command lines as people type them. */

import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { readFlags, UsageError } from "../../cli/flags.ts";

/** Asserts that a command line is refused in one short line that has certain parts. */
function assertRefused(args: readonly string[], ...parts: string[]): void {
  const { message } = assertThrows(() => readFlags(args), UsageError);
  for (const part of parts) assertStringIncludes(message, part);
  assert(!message.includes("\n") && message.length < 250, message);
}

Deno.test("a value may begin with a dash", () => {
  for (const prompt of ["- a list\n- of things", "-5", "-x", "-", "--- title", "-- a comment", "—dash", "---"]) {
    assertEquals(readFlags(["--prompt", prompt]).prompt, prompt);
    assertEquals(readFlags([`--prompt=${prompt}`, "--seed", "1"]).prompt, prompt);
  }
  for (const prompt of ["--seed", "--seed=1", "--no-such-flag", "--", "-h", "--help", "a=b", "=", "--a\n--b"]) {
    assertEquals(readFlags([`--prompt=${prompt}`]).prompt, prompt);
  }
});

Deno.test("a text that looks like a flag is no value, but stands where one was forgotten", () => {
  assertRefused(["--prompt", "--seed", "4"], "--prompt needs a value", '"--seed"', "--prompt=");
  assertRefused(["--prompt", "--json"], "--prompt needs a value", '"--json"');
  assertRefused(["--prompt", "--", "-x"], "--prompt needs a value", "--prompt=");
  assertRefused(["--prompt", "hi", "--seed"], "--seed needs a value");
});

Deno.test("empty values are refused by their flag", () => {
  for (const flag of ["--prompt", "--model", "--seed", "--temperature", "--backend"]) {
    assertRefused([flag, ""], `${flag} needs a value`, "empty");
    assertRefused([`${flag}=`], `${flag} needs a value`, "empty");
    assertRefused([flag], `${flag} needs a value`);
  }
});

Deno.test("numbers out of their range are refused by their flag, before a model is loaded", () => {
  const wrong: Readonly<Record<string, readonly string[]>> = {
    "--temperature": ["-1", "abc", "NaN", "Infinity", "1,5", "1.2.3", " "],
    "--seed": ["-1", "1.5", "1e300", "0x"],
    "--max-new-tokens": ["0", "-3", "2.5", "many"],
    "--top-k": ["0", "-1", "2.5"],
    "--top-p": ["0", "1.01", "-0.5", "7"],
    "--min-p": ["-0.1", "1.1"],
    "--repetition-penalty": ["0", "-1"],
  };
  for (const [flag, values] of Object.entries(wrong)) {
    for (const value of values) assertRefused(["--prompt", "hi", flag, value], flag, JSON.stringify(value));
  }
  const flags = readFlags(["--temperature", "0", "--seed", "0", "--top-p", "1", "--min-p", "0", "--top-k", "1"]);
  assertEquals([flags.temperature, flags.seed, flags.topP, flags.minP, flags.topK], [0, 0, 1, 0, 1]);
  assertEquals(readFlags(["--temperature=1e-1", "--repetition-penalty", ".5"]).repetitionPenalty, 0.5);
});

Deno.test("an unknown flag is answered with the one that was meant, if one is like it", () => {
  const meant: Readonly<Record<string, string>> = {
    "--promt": "--prompt",
    "--max-tokens": "--max-new-tokens",
    "--max_new_tokens=5": "--max-new-tokens",
    "--temp": "--temperature",
    "--Temperature": "--temperature",
    "--top_p": "--top-p",
    "--penalty-repetition": "",
    "--foo": "",
    "--no-json": "",
    "--constructor": "",
    "--__proto__": "",
    "-x": "",
    "-p": "--prompt",
    "--foo\nbar": "",
  };
  for (const [flag, suggestion] of Object.entries(meant)) {
    assertRefused([flag], "Unknown flag", JSON.stringify(flag.replace(/=.*/, "")), "--help");
    const { message } = assertThrows(() => readFlags([flag]), UsageError);
    assertEquals(/did you mean (\S+)\?/.exec(message)?.[1] ?? "", suggestion, message);
  }
});

Deno.test("flags without a value take none, and texts belong behind flags", () => {
  assertRefused(["--json=true"], "--json takes no value", '"true"');
  assertRefused(["ROMEO:"], '"ROMEO:"', "--prompt");
  assertRefused(["--", "ROMEO:"], '"ROMEO:"', "--prompt");
  assertRefused(["--json", "true"], '"true"', "--prompt");
  assertRefused(["a".repeat(10_000)], "--prompt");
  assertRefused(["two\nlines"], "two\\nlines");
});

Deno.test("the last value counts of a flag that is given twice", () => {
  assertEquals(readFlags(["--prompt", "a", "--seed", "1", "--prompt", "b"]).prompt, "b");
  assertEquals(readFlags(["--json", "--json"]).json, true);
});

Deno.test("help is given wherever it is asked for, and whatever else is wrong", () => {
  for (const args of [["-h"], ["--help"], ["--prompt", "hi", "-h"], ["--bogus", "--help"], ["--prompt", "--help"]]) {
    assertEquals(readFlags(args).help, true, args.join(" "));
  }
  assertEquals(readFlags(["--prompt=--help"]).help, false);
  assertRefused(["--", "--help"], '"--help"');
});
