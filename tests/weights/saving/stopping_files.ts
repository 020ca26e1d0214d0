/**
 * Takes the place of the host's `node:fs/promises`: file operations that change something are counted, and from a given
 * one on nothing happens any more, as if the process had been killed, or that one fails.
 *
 * @module
 */

import * as host from "node:fs/promises";
import process from "node:process";

/** The fate of an operation. */
export type Outcome = "works" | "is the last" | "fails";

let outcomeOf: (step: number) => Outcome = () => "works";
let steps = 0;
let stopped = () => {};

/** Counts from 0 on; gives a promise that is kept when everything stands still. */
export function beginSteps(outcome: (step: number) => Outcome): Promise<void> {
  outcomeOf = outcome;
  steps = 0;
  return new Promise((resolve) => stopped = resolve);
}

/** How many there have been. */
export function stepsDone(): number {
  return steps;
}

/** An operation of which `some` can be seen where the process is killed in the middle of it. */
async function step<T>(all: () => Promise<T>, some: () => Promise<unknown> = () => Promise.resolve()): Promise<T> {
  const outcome = outcomeOf(steps++);
  if (outcome === "works") return await all();
  await some();
  if (outcome === "fails") throw Object.assign(new Error("ENOSPC: no space left on device"), { code: "ENOSPC" });
  outcomeOf = () => "is the last";
  stopped();
  return await new Promise<T>(() => {});
}

const mkdir = (path: string, options?: { recursive: boolean }): Promise<string | undefined> =>
  step(() => host.mkdir(path, { recursive: false, ...options }));
const rename: typeof host.rename = (from, to) => step(() => host.rename(from, to));
const rmdir: typeof host.rmdir = (path) => step(() => host.rmdir(path));

/** Removing a folder takes several operations of the system: half of its files may be gone. */
const rm: typeof host.rm = (path, options) =>
  step(() => host.rm(path, options), async () => {
    const inside = await host.readdir(path).catch(() => []);
    for (const name of inside.slice(0, inside.length / 2)) await host.rm(`${path}/${name}`, options);
  });

const open: typeof host.open = async (path, flags) => {
  if (flags !== "wx") return await host.open(path, flags);
  const handle = await step(() => host.open(path, flags));
  return new Proxy(handle, {
    get: (_, key) => {
      // Where a process ends but not the machine, everything that was written stays.
      if (key === "sync") return () => step(() => Promise.resolve());
      if (key === "write") {
        return (bytes: Uint8Array, start: number, length: number) =>
          step(() => handle.write(bytes, start, length), () => handle.write(bytes, start, length >> 1));
      }
      const value = Reflect.get(handle, key);
      return typeof value === "function" ? value.bind(handle) : value;
    },
  });
};

const stopping = { ...host, mkdir, rename, rmdir, rm, open };
const { getBuiltinModule } = process;
Object.assign(process, {
  getBuiltinModule: (name: string) => name === "node:fs/promises" ? stopping : getBuiltinModule(name),
});
