/**
 * Helpers that all benchmarks share: timing in turns, and a report that says where, when and by which command its
 * figures were measured.
 *
 * @module
 */

/** Something to time. */
export interface Case {
  readonly name: string;
  /** One run, of a few milliseconds at least. */
  run(): void | Promise<void>;
}

/** Milliseconds of each round, by the name of the case. */
export type Timings = ReadonlyMap<string, readonly number[]>;

/** Where and how figures were measured. */
export interface Origin {
  readonly command: string;
  readonly commit: string;
  readonly machine: string;
  readonly runtime: string;
  readonly date: string;
}

/**
 * Times cases in turns, so that what else the machine does falls on all of them alike.
 *
 * @param warmUp Runs of each case before the first round: V8 compiles hot code for good in the background.
 */
export async function timeInTurns(cases: readonly Case[], rounds: number, warmUp = 10): Promise<Timings> {
  const timings = new Map<string, number[]>(cases.map(({ name }) => [name, []]));
  for (const { run } of cases) {
    for (let i = 0; i < warmUp; i++) await run();
  }
  for (let round = 0; round < rounds; round++) {
    for (const { name, run } of cases) {
      const start = performance.now();
      await run();
      timings.get(name)?.push(performance.now() - start);
    }
  }
  return timings;
}

/** The middle one of some values. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const [low = NaN, high = NaN] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]];
  return (low + high) / 2;
}

/** Median over the rounds of one case's time divided by another's: both saw the same machine in a round. */
export function medianRatio(timings: Timings, numerator: string, denominator: string): number {
  const below = timings.get(denominator) ?? [];
  return median((timings.get(numerator) ?? []).map((time, round) => time / (below[round] ?? NaN)));
}

/** Median milliseconds of a case. */
export function medianTime(timings: Timings, name: string): number {
  return median(timings.get(name) ?? []);
}

/**
 * Writes figures as JSON with their origin to `bench/results/<name>.json`.
 *
 * @param host The family of the host, where results of several stand side by side: `<name>_<host>.json`.
 */
export async function writeReport(name: string, figures: unknown, host?: string): Promise<void> {
  const folder = new URL("../results/", import.meta.url);
  await Deno.mkdir(folder, { recursive: true });
  const report = { origin: await origin(name), figures };
  const file = host === undefined ? name : `${name}_${host}`;
  await Deno.writeTextFile(new URL(`${file}.json`, folder), JSON.stringify(report, undefined, 2) + "\n");
}

/** The maker of this host's processor, "amd" or "intel"; of others their architecture. */
export async function hostFamily(): Promise<string> {
  return (await processor()).match(/\b(?:amd|intel)\b/i)?.[0].toLowerCase() ?? Deno.build.arch;
}

/** Says where figures are measured. */
export async function origin(name: string): Promise<Origin> {
  const [commit, changes] = [
    await git("rev-parse", "HEAD"),
    await git("status", "--porcelain", "--untracked-files=no"),
  ];
  const { deno, v8 } = Deno.version;
  return {
    command: ["deno task bench", name, ...Deno.args].join(" "),
    commit: changes === "" ? commit : `${commit} with changes`,
    machine: `${await processor()}, ${navigator.hardwareConcurrency} cores, ${Deno.build.os}`,
    runtime: `Deno ${deno} (V8 ${v8})`,
    date: new Date().toISOString().slice(0, 10),
  };
}

async function git(...args: string[]): Promise<string> {
  const { stdout, success } = await new Deno.Command("git", { args, cwd: new URL(".", import.meta.url) }).output();
  return success ? new TextDecoder().decode(stdout).trim() : "unknown";
}

async function processor(): Promise<string> {
  if (Deno.build.os !== "linux") return Deno.build.arch;
  const text = await Deno.readTextFile("/proc/cpuinfo");
  return text.match(/^model name\s*: (.*)$/m)?.[1] ?? Deno.build.arch;
}
