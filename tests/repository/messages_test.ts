/**
 * Errors speak one language: "Cannot <do> <what>: <rule>; <what to do>". Every place in the library that makes an error
 * for its caller is found in the sources, and the text that it gives must begin so.
 */

import { assert, assertEquals } from "@std/assert";
import { ROOT } from "../support/deno.ts";
import { sourcesIn } from "../support/sources.ts";

/**
 * Folders that no engine or model runs: kernels, which are other languages, generated files, and the command line,
 * whose messages begin with the flag that they are about.
 */
const NOT_SOURCES = /^(cli\/|(assembly|data|gpu|host)\/(kernels|generated|build\.ts))/;

/**
 * Errors that their caller does not see: another place catches them, and quotes them in its own message. `SyntaxError`
 * ends the reading of a regular expression, and two are BullMQ's.
 */
const INTERNAL_CLASSES = [
  ...["NoAnswer", "RedirectFault", "CacheFault", "SyntaxError"],
  ...["UnrecoverableError", "WaitingError"],
];

/** The same, where the class does not say it. */
const INTERNAL_PLACES: Readonly<Record<string, string>> = {
  "assembly/machine/helpers.ts": "Error",
  "assembly/machine/instance.ts": "TypeError",
  "data/datasets/formats/zstd.ts": "Error",
  "data/files/expansion_limit.ts": "Error",
  "data/http/content_coding.ts": "Error",
  "data/http/http.ts": "Error",
  "data/http/received_chunks.ts": "Error",
  "gpu/dispatch/recorder.ts": "Error",
  "host/workers.ts": "Error",
  // It hands on what a worker has said.
  "data/datasets/jobs/job_failure.ts": "DatasetError",
  // Functions that are given the message, where `REFUSES` finds it.
  "serve/handler.ts": "ApiError",
  "serve/http/api_error.ts": "ApiError",
  "serve/http/api_key.ts": "ApiError",
  "serve/http/body.ts": "ApiError",
};

/** A place that makes an error. */
interface Place {
  readonly path: string;
  readonly line: number;
  /** The class, as it is written there. */
  readonly errorClass: string;
  /** The first argument, or the first item of a list of lines, to the end of its line. */
  readonly argument: string;
}

/** An error class, or a variable that holds one, as in `new this.#errorClass(` and `new (options.errorClass ?? X)(`. */
const MAKES_ERROR =
  /\bnew (\w*Error|(?:this\.#)?errorClass|\([\w. ]*errorClass[\w ?]*\)|NoAnswer|\w+Fault)\(\[?\s*([^\n]*)/g;

/** A function that makes an error from a field or a status and a message, other than that of an error. */
const REFUSES = /(?<!function )\b(wrongField|refused)\([^,\n]+,(?!\s*error\.message)\s*([^\n]*)/g;

async function placesIn(path: string): Promise<Place[]> {
  const source = await Deno.readTextFile(new URL(path, ROOT));
  readConstants(path, source);
  return [...source.matchAll(MAKES_ERROR), ...source.matchAll(REFUSES)].map((
    { index, 1: errorClass = "", 2: argument = "" },
  ) => ({
    path,
    line: source.slice(0, index).split("\n").length,
    errorClass,
    argument,
  }));
}

/** The texts that constants of the library hold, or begin with, by their names; those of one file by "path name". */
const constants = new Map<string, string>();

function readConstants(path: string, source: string): void {
  const found = source.matchAll(/\b(export )?(?:const|let) (\w+)(?:: string)? =\s*(["'`].*)/g);
  for (const [, exported, name = "", value = ""] of found) constants.set(exported ? name : `${path} ${name}`, value);
}

/**
 * The texts that an argument may stand for, without their quotes: a literal, a constant, and both sides of a condition.
 * A literal that begins with a constant stands for the constant's text.
 */
function textsOf(argument: string, path: string): string[] {
  const [, first, second] = /^[^"'`]*\? (.*) : (.*)$/.exec(argument) ?? [];
  if (first !== undefined && second !== undefined) return [...textsOf(first, path), ...textsOf(second, path)];
  const literal = /^["'`](.*)/.exec(argument)?.[1];
  const name = literal === undefined ? /^\w+/.exec(argument)?.[0] : /^\$\{(\w+)\}/.exec(literal)?.[1];
  if (name === undefined) return [literal ?? argument];
  const value = constants.get(`${path} ${name}`) ?? constants.get(name);
  return value === undefined ? [argument] : textsOf(value, path);
}

const { publish }: { publish: { include: readonly string[] } } = JSON.parse(
  await Deno.readTextFile(new URL("deno.json", ROOT)),
);
const rooms = publish.include.filter((name) => /^\w+$/.test(name) && name !== "LICENSE");
const places: Place[] = [];
for (const room of [...rooms, "create_backend.ts"]) {
  for await (const path of sourcesIn(room)) {
    if (!NOT_SOURCES.test(path)) places.push(...await placesIn(path));
  }
}

Deno.test("errors begin with what cannot be done", () => {
  assert(places.length > 200, `${places.length} places were found`);
  const seen = places.filter(({ path, errorClass }) =>
    !INTERNAL_CLASSES.includes(errorClass) && INTERNAL_PLACES[path] !== errorClass
  );
  const others = seen.filter(({ argument, path }) =>
    !textsOf(argument, path).every((text) => text.startsWith("Cannot "))
  );
  assertEquals(others.map(({ path, line, argument }) => `${path}:${line}: ${argument}`), []);
});
