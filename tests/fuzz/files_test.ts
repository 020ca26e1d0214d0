/**
 * Files that were changed a little are read, or refused by an error of a named class, in bounded time and memory,
 * whatever the change.
 */

import { FILE_KINDS } from "./file_cases.ts";
import { FIRST_SEED, SECONDS } from "./run.ts";

/** What a worker does. */
export interface FileRun {
  readonly name: string;
  readonly seconds: number;
  readonly firstSeed: number;
  readonly fewest: number;
}

/** What it says: the case that begins, or how it all ended. */
interface Report {
  readonly seed: number;
  readonly ended?: boolean;
  readonly fault?: string | undefined;
}

/** Milliseconds after which a case counts as one that never ends; most take less than one. */
const CASE_TIME = 30_000;

for (const name of Object.keys(FILE_KINDS)) {
  Deno.test(`a changed file is read or refused by name: ${name}`, async () => {
    const run: FileRun = { name, seconds: SECONDS, firstSeed: FIRST_SEED, fewest: 100 };
    const worker = new Worker(new URL("files_worker.ts", import.meta.url), {
      type: "module",
      name: JSON.stringify(run),
    });
    let timer: ReturnType<typeof setTimeout> | undefined;
    let last = "before the first case";
    try {
      await new Promise<void>((resolve, reject) => {
        const fail = (fault: string) =>
          reject(new Error(`${last} failed (ANDROMEDA_FUZZ_SEED with its number begins with it): ${fault}`));
        const wait = () => {
          clearTimeout(timer);
          timer = setTimeout(() => fail(`it has not ended after ${CASE_TIME} ms`), CASE_TIME);
        };
        worker.onmessage = ({ data: { seed, ended, fault } }: MessageEvent<Report>) => {
          last = `Case ${seed}`;
          if (fault !== undefined) fail(fault);
          else if (ended) resolve();
          else wait();
        };
        worker.onerror = (event) => {
          event.preventDefault();
          fail(event.message);
        };
        wait();
      });
    } finally {
      clearTimeout(timer);
      worker.terminate();
    }
  });
}
