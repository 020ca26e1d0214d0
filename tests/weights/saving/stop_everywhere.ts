/**
 * Replaces a model by another, again and again, each time stopped at the next of its file operations; prints what the
 * folder held then, and the files that a further save did not put in order.
 *
 * @module
 */

import { filesOf, type Generation, loadGeneration, saveGeneration } from "./generations.ts";
import { beginSteps, type Outcome, stepsDone } from "./stopping_files.ts";

/** The results for a change from one number of shards to another. */
export interface Findings {
  /** The change, and how it was stopped. */
  readonly name: string;
  /** For each operation that was the last, or that failed: the generation that the folder held then, 1 or 2. */
  readonly held: number[];
  readonly faults: string[];
}

const OLD = 1;
const NEW = 2;
const KILLED = [[1, 1], [1, 3], [3, 1], [3, 2]] as const;
const FAILING = [[1, 3], [3, 1]] as const;

/** Files that saving has nothing to do with. */
const others = { "tokenizer.json": "{}", "README.md": "mine" };

function namesIn(folder: string): string {
  return [...Deno.readDirSync(folder)].map(({ name }) => name).sort().join(" ");
}

function namesOf(generation: Generation): string {
  return [...filesOf(generation), ...Object.keys(others)].sort().join(" ");
}

/** Makes the leftovers in a folder so old that no process can be writing them any more. */
function age(folder: string): void {
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    if (isDirectory) age(`${folder}/${name}`);
    Deno.utimeSync(`${folder}/${name}`, 1, 1);
  }
}

/**
 * Stops a save at one operation. Gives the generation that the folder holds then; nothing if there are no more
 * operations.
 */
async function stopAt(
  stop: number,
  outcome: Outcome,
  [from, to]: readonly [number, number],
  fault: (text: string) => void,
): Promise<number | undefined> {
  const folder = await Deno.makeTempDir();
  try {
    for (const [name, text] of Object.entries(others)) await Deno.writeTextFile(`${folder}/${name}`, text);
    beginSteps(() => "works");
    await saveGeneration(folder, { number: OLD, shards: from });

    const stopped = beginSteps((step) => step === stop ? outcome : "works");
    const saved = saveGeneration(folder, { number: NEW, shards: to }).then(() => "saved", (error: Error) => error.name);
    const ended = await Promise.race([saved, stopped]);
    const wasReached = stepsDone() > stop;
    beginSteps(() => "works");
    const held = await loadGeneration(folder);
    if (!wasReached) return undefined;
    if (ended === "saved" ? held !== NEW : ended !== undefined && ended !== "WeightsError") fault(`it ended: ${ended}`);
    const isTidy =
      namesIn(folder) === namesOf(held === OLD ? { number: OLD, shards: from } : { number: NEW, shards: to });
    if (outcome === "fails" && held === OLD && !isTidy) fault(`the failed save left ${namesIn(folder)}`);

    age(folder);
    const next = { number: 3, shards: 2 };
    await saveGeneration(folder, next);
    if (await loadGeneration(folder) !== next.number) fault("the next save was not loaded");
    if (namesIn(folder) !== namesOf(next)) fault(`the next save left ${namesIn(folder)}`);
    for (const [name, text] of Object.entries(others)) {
      if (await Deno.readTextFile(`${folder}/${name}`) !== text) fault(`${name} was changed`);
    }
    return held;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const all: Findings[] = [];
for (const [outcome, changes] of [["is the last", KILLED], ["fails", FAILING]] as const) {
  for (const change of changes) {
    const findings: Findings = { name: `${change.join(" to ")} shards, an operation ${outcome}`, held: [], faults: [] };
    for (let stop = 0;; stop++) {
      const fault = (text: string) => findings.faults.push(`operation ${stop}: ${text}`);
      try {
        const held = await stopAt(stop, outcome, change, fault);
        if (held === undefined) break;
        findings.held.push(held);
      } catch (error) {
        fault(String(error));
      }
    }
    all.push(findings);
  }
}
console.log(JSON.stringify(all));
