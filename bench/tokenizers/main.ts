/**
 * How fast tokenizers are, in megabytes of UTF-8 a second on one thread: this library's beside Hugging Face's in Rust
 * and in JavaScript and beside tiktoken, in turns, on English, code, CJK and mixed text; and in one and two workers.
 *
 *     deno task bench tokenizers [--rounds 5] [--write]
 *
 * Each round loads a tokenizer anew and encodes a text twice: the first time all of its words are new, the second time
 * those that a tokenizer remembers are known.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { median, writeReport } from "../support/report.ts";
import { enginesOf, installPackages, OURS, RUST, VERSIONS, vocabularies } from "./engines.ts";
import type { Engine, Vocabulary } from "./engines.ts";
import { makeTexts } from "./texts.ts";
import type { Text } from "./texts.ts";
import type { Message } from "./worker.ts";

/** The speed of one engine on one text. */
interface Speed {
  readonly engine: string;
  /** Megabytes a second, the median over the rounds: new words, and known ones. */
  readonly fresh: number;
  readonly again: number;
  /** The same as multiples of Rust's in the same round. */
  readonly freshOfRust: number;
  readonly againOfRust: number;
  /** Whether its ids are this library's. */
  readonly sameIds: boolean;
}

/** An engine, its milliseconds by round, and what it gave last. */
interface Run {
  readonly engine: Engine;
  readonly times: { readonly fresh: number[]; readonly again: number[]; ids: ArrayLike<number> };
}

/** One round of one engine on a text. */
async function timeRound({ engine, times }: Run, text: string): Promise<void> {
  const encode = await engine.load();
  for (const list of [times.fresh, times.again]) {
    const start = performance.now();
    times.ids = await encode(text);
    list.push(performance.now() - start);
  }
}

async function compare(engines: readonly Engine[], { text, bytes }: Text, rounds: number): Promise<Speed[]> {
  const begin = (engine: Engine): Run => ({ engine, times: { fresh: [], again: [], ids: [] } });
  // Not counted: V8 compiles hot code.
  for (const engine of engines) await timeRound(begin(engine), text);
  const runs = engines.map(begin);
  for (let round = 0; round < rounds; round++) {
    for (const run of runs) await timeRound(run, text);
  }
  const timesOf = (name: string) => runs.find(({ engine }) => engine.name === name)?.times;
  const [ours, rust] = [timesOf(OURS), timesOf(RUST)];
  return runs.map(({ engine, times: { fresh, again, ids } }) => {
    const ofRust = (times: readonly number[], theirs: readonly number[] = []) =>
      median(times.map((time, round) => (theirs[round] ?? NaN) / time));
    return {
      engine: engine.name,
      fresh: bytes / 1000 / median(fresh),
      again: bytes / 1000 / median(again),
      freshOfRust: ofRust(fresh, rust?.fresh),
      againOfRust: ofRust(again, rust?.again),
      sameIds: isSame(ids, ours?.ids ?? []),
    };
  });
}

function isSame(left: ArrayLike<number>, right: ArrayLike<number>): boolean {
  return left.length === right.length && Array.from(left).every((id, i) => id === right[i]);
}

/** Encodings of a worker in a round. */
const TIMES = 10;

/** Megabytes a second of so many workers together, and the ratio in the same round. */
async function timeWorkers({ path }: Vocabulary, { text, bytes }: Text, rounds: number) {
  const workers = [1, 2].map(() => new Worker(new URL("worker.ts", import.meta.url), { type: "module" }));
  const tell = (count: number, message: Message) =>
    Promise.all(
      workers.slice(0, count).map((worker) =>
        new Promise<void>((resolve) => {
          worker.onmessage = () => resolve();
          worker.postMessage(message);
        })
      ),
    );
  const speed = async (count: number): Promise<number> => {
    const start = performance.now();
    await tell(count, { times: TIMES });
    return count * TIMES * bytes / 1000 / (performance.now() - start);
  };
  try {
    await tell(2, { path, text });
    await tell(2, { times: TIMES });
    const speeds: [one: number, two: number][] = [];
    for (let round = 0; round < rounds; round++) speeds.push([await speed(1), await speed(2)]);
    return {
      one: median(speeds.map(([one]) => one)),
      two: median(speeds.map(([, two]) => two)),
      twoOfOne: median(speeds.map(([one, two]) => two / one)),
    };
  } finally {
    workers.forEach((worker) => worker.terminate());
  }
}

if (import.meta.main) {
  const args = parseArgs(Deno.args, { string: ["rounds"], boolean: ["write"], default: { rounds: "5" } });
  const rounds = Number(args.rounds);
  const modules = await installPackages();
  const texts = await makeTexts(modules);
  const speeds = [];
  const workers = [];
  for (const vocabulary of vocabularies(modules)) {
    const engines = await enginesOf(vocabulary, modules);
    for (const text of texts) {
      const { name } = text;
      for (const speed of await compare(engines, text, rounds)) {
        const figure = { vocabulary: vocabulary.name, text: name, bytes: text.bytes, ...speed };
        console.log(JSON.stringify(figure));
        speeds.push(figure);
      }
    }
    const [english] = texts;
    if (english === undefined) continue;
    const figure = {
      vocabulary: vocabulary.name,
      text: english.name,
      ...await timeWorkers(vocabulary, english, rounds),
    };
    console.log(JSON.stringify(figure));
    workers.push(figure);
  }
  if (args.write) await writeReport("tokenizers", { versions: VERSIONS, rounds, speeds, workers });
}
