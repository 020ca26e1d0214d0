/**
 * One engine in a process of its own, in Deno or Node: says what it can do, then runs a task for each line that it
 * reads.
 *
 *     node child.js <URL of the engine's module> <settings as JSON>
 *
 * @module
 */

import process from "node:process";
import { createInterface } from "node:readline";
import { ANSWER, type Engine, type Settings, type Task } from "./engine.ts";

const isTask = (name: string, engine: Engine): name is Task => name in engine.tasks;

async function serve(module: string, settings: Settings): Promise<void> {
  const say = (value: unknown) =>
    new Promise<void>((resolve) => process.stdout.write(`${ANSWER}${JSON.stringify(value)}\n`, () => resolve()));
  try {
    const { open }: { open(settings: Settings): Promise<Engine> } = await import(module);
    const engine = await open(settings);
    await say({ tasks: Object.keys(engine.tasks) });
    for await (const line of createInterface({ input: process.stdin })) {
      if (line === "answer") await say(await engine.answer?.() ?? null);
      else if (isTask(line, engine)) await say(await engine.tasks[line]?.());
      else throw new RangeError(`Cannot run ${line}: there is no such task`);
    }
  } catch (error) {
    await say({ error: error instanceof Error ? error.message : String(error) });
  }
  process.exit();
}

const [module, settings] = process.argv.slice(2);
if (module !== undefined && settings !== undefined) await serve(module, JSON.parse(settings));
