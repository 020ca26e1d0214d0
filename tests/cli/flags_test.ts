/** Command lines as people type them. */

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { CACHE_FORMATS, WEIGHT_FORMATS } from "../../mod.ts";
import { RELEASE } from "../../data/datasets/jobs/job.ts";
import { UsageError } from "../../cli/flags/usage_error.ts";
import { readCommandLine } from "../../cli/program.ts";
import { assertFails } from "./andromeda.ts";

/** The values of the flags of a command line. */
async function readValues(args: readonly string[]): Promise<Readonly<Record<string, unknown>>> {
  const line = await readCommandLine(args);
  if ("values" in line) return line.values;
  throw new Error(`${args.join(" ")} asks for a text`);
}

/** The values of the flags of `generate`, which needs a prompt. */
async function readFlags(args: readonly string[]): Promise<Readonly<Record<string, unknown>>> {
  return await readValues(["generate", "--prompt", "hi", ...args]);
}

/** The text that a command line asks for. */
async function readText(args: readonly string[]): Promise<string> {
  const line = await readCommandLine(args);
  if ("text" in line) return line.text;
  throw new Error(`${args.join(" ")} asks for no text`);
}

/** Asserts that a command line is refused in one short line that has certain parts. */
async function assertRefused(args: readonly string[], ...parts: string[]): Promise<string> {
  const { message } = await assertRejects(() => readCommandLine(args), UsageError);
  for (const part of parts) assertStringIncludes(message, part);
  assert(!message.includes("\n") && message.length < 250, message);
  return message;
}

Deno.test("a value may begin with a dash", async () => {
  for (const prompt of ["- a list\n- of things", "-5", "-x", "-", "--- title", "-- a comment", "—dash", "---"]) {
    assertEquals((await readFlags(["--prompt", prompt])).prompt, prompt);
    assertEquals((await readFlags([`--prompt=${prompt}`, "--seed", "1"])).prompt, prompt);
  }
  for (const prompt of ["--seed", "--seed=1", "--no-such-flag", "--", "-h", "--help", "a=b", "=", "--a\n--b"]) {
    assertEquals((await readFlags([`--prompt=${prompt}`])).prompt, prompt);
  }
});

Deno.test("a text that looks like a flag is no value, but stands where one was forgotten", async () => {
  await assertRefused(["generate", "--prompt", "--seed", "4"], "--prompt needs a value", '"--seed"', "--prompt=");
  await assertRefused(["generate", "--prompt", "--json"], "--prompt needs a value", '"--json"');
  await assertRefused(["generate", "--prompt", "--", "-x"], "--prompt needs a value", "--prompt=");
  await assertRefused(["generate", "--prompt", "hi", "--seed"], "--seed needs a value");
});

Deno.test("empty values are refused by their flag", async () => {
  for (const flag of ["--prompt", "--model", "--seed", "--temperature", "--backend"]) {
    await assertRefused(["generate", flag, ""], `${flag} needs a value`, "empty");
    await assertRefused(["generate", `${flag}=`], `${flag} needs a value`, "empty");
    await assertRefused(["generate", flag], `${flag} needs a value`);
  }
});

Deno.test("numbers out of their range are refused by their flag, before a model is loaded", async () => {
  const wrong: Readonly<Record<string, readonly string[]>> = {
    "--temperature": ["-1", "abc", "NaN", "Infinity", "1,5", "1.2.3", " "],
    "--seed": ["-1", "1.5", "1e300", "0x"],
    "--max-new-tokens": ["0", "-3", "2.5", "many"],
    "--top-k": ["0", "-1", "2.5"],
    "--top-p": ["0", "1.01", "-0.5", "7"],
    "--min-p": ["-0.1", "1.1"],
    "--repetition-penalty": ["0", "-1"],
    "--threads": ["0", "1.5", "65"],
  };
  for (const [flag, values] of Object.entries(wrong)) {
    for (const value of values) {
      await assertRefused(["generate", "--prompt", "hi", flag, value], flag, JSON.stringify(value));
    }
  }
  for (const port of ["-1", "65536", "http"]) await assertRefused(["serve", "--port", port], "--port", port);
  const flags = await readFlags(["--temperature", "0", "--seed", "0", "--top-p", "1", "--min-p", "0", "--top-k", "1"]);
  assertEquals([flags.temperature, flags.seed, flags.topP, flags.minP, flags.topK], [0, 0, 1, 0, 1]);
  assertEquals((await readFlags(["--temperature=1e-1", "--repetition-penalty", ".5"])).repetitionPenalty, 0.5);
});

Deno.test("an unknown flag is answered with the one that was meant, if one is like it", async () => {
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
    const message = await assertRefused(
      ["generate", flag],
      "Unknown flag",
      JSON.stringify(flag.replace(/=.*/, "")),
      "--help",
    );
    assertEquals(/did you mean (\S+)\?/.exec(message)?.[1] ?? "", suggestion, message);
  }
});

Deno.test("an unknown command is answered with the one that was meant, if one is like it", async () => {
  const meant = { "generat": "generate", "Serve": "serve", "self-test": "selftest", "evaluate": "", "--prompt": "" };
  for (const [name, suggestion] of Object.entries(meant)) {
    const message = await assertRefused([name, "x"], name);
    assertEquals(/did you mean (\S+)\?/.exec(message)?.[1] ?? "", suggestion, message);
  }
});

Deno.test("flags without a value take none, and texts belong behind flags", async () => {
  await assertRefused(["generate", "--json=true"], "--json takes no value", '"true"');
  await assertRefused(["generate", "ROMEO:"], '"ROMEO:"', "--prompt");
  await assertRefused(["generate", "--", "ROMEO:"], '"ROMEO:"', "--prompt");
  await assertRefused(["generate", "--json", "true"], '"true"', "--prompt");
  await assertRefused(["generate", "a".repeat(10_000)], "--prompt");
  await assertRefused(["generate", "two\nlines"], "two\\nlines");
});

Deno.test("a model may stand without its flag where nothing else does", async () => {
  for (const args of [["inspect", "./mine"], ["inspect", "--", "./mine"], ["inspect", "--json", "./mine"]]) {
    assertEquals((await readValues(args)).model, "./mine");
  }
  await assertRefused(["inspect", "./mine", "./yours"], '"./yours"', "--model");
  await assertRefused(["inspect", "./mine/model.safetensors"], "--model", "folder");
});

Deno.test("what a command can't do without is asked for", async () => {
  await assertRefused(["generate"], "--prompt <text>");
  await assertRefused(["quantize", "./mine", "--dtype", "q8_0"], "--output <folder>");
  await assertRefused(["quantize", "./mine", "--output", "x"], "--dtype <format>");
  await assertRefused(["eval"], "--text <file>");
});

Deno.test("formats can be asked for by the names that the library gives them", async () => {
  for (const format of WEIGHT_FORMATS) assertEquals((await readFlags(["--dtype", format])).dtype, format);
  for (const format of CACHE_FORMATS) assertEquals((await readFlags(["--cache-dtype", format])).cacheDtype, format);
  await assertRefused(["generate", "--prompt", "hi", "--dtype", "q5_1"], WEIGHT_FORMATS.join(", "));
});

Deno.test("the last value counts of a flag that is given twice", async () => {
  assertEquals((await readFlags(["--prompt", "a", "--seed", "1", "--prompt", "b"])).prompt, "b");
  assertEquals((await readFlags(["--json", "--json"])).json, true);
});

Deno.test("help is given wherever it is asked for, and whatever else is wrong", async () => {
  const wanted = await readText(["generate", "--help"]);
  assertStringIncludes(wanted, "Usage: andromeda generate");
  for (const args of [["-h"], ["--prompt", "hi", "-h"], ["--bogus", "--help"], ["--prompt", "--help"]]) {
    assertEquals(await readText(["generate", ...args]), wanted, args.join(" "));
  }
  assertEquals(await readText(["help", "generate"]), wanted);
  assertStringIncludes(await readText([]), "Commands:");
  assertEquals(await readText([]), await readText(["--bogus", "-h"]));
  await assertRefused(["generate", "--", "--help"], '"--help"');
});

Deno.test("a dataset needs its texts and a folder, and a worker neither", async () => {
  await assertFails(["dataset", "--out", "blocks"], 2, "Missing --dataset <place>");
  await assertFails(["dataset", "books"], 2, "Missing --out <folder>");
  await assertFails(["dataset", "books", "--worker", "redis://queue"], 2, "leave --dataset out");
  await assertFails(["dataset", "--worker", "queue"], 2, "redis://host:6379");
});

Deno.test("the version is the package's", async () => {
  const { version } = JSON.parse(await Deno.readTextFile(new URL("../../deno.json", import.meta.url)));
  assertEquals(await readText(["--version"]), `${version}\n`);
  assertEquals(RELEASE, version);
});
