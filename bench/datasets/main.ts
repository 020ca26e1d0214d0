/**
 * Megabytes of text a second from JSON lines to rows of tokens on the disk, with one and two workers, and beside them
 * Python's `datasets` with two processes, in turns on the same machine.
 *
 *     deno task bench datasets [--megabytes 16] [--rounds 3] [--python /opt/pt/bin/python] [--write]
 *
 * Python needs the packages datasets and tokenizers.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { fromFileUrl } from "@std/path";
import { median, writeReport } from "../support/report.ts";
import { writeTexts } from "./texts.ts";

const TOKENIZERS = {
  "gpt-neox-20b": new URL("../../../shared/tokenizers/gpt-neox-20b/", import.meta.url),
  "shakespeare": new URL("../../examples/shakespeare/", import.meta.url),
} as const;
const END = "<|endoftext|>";
const SEQ_LEN = 2048;

/** What a process prints. */
interface Run {
  readonly seconds: number;
  readonly rows: number;
}

async function run(command: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Run> {
  const { success, stdout, stderr } = await new Deno.Command(command, { args: [...args], env }).output();
  if (!success) throw new Error(`Cannot build a dataset with ${command}: ${new TextDecoder().decode(stderr)}`);
  return JSON.parse(new TextDecoder().decode(stdout).trim().split("\n").at(-1) ?? "");
}

/** Builds in an empty folder, which is removed then. */
async function inFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = await Deno.makeTempDir({ prefix: "andromeda_bench_" });
  try {
    return await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function here(source: string, tokenizer: URL, workers: number): Promise<Run> {
  const script = fromFileUrl(new URL("build.ts", import.meta.url));
  const [place, ...numbers] = [fromFileUrl(tokenizer), String(workers), String(SEQ_LEN)];
  return inFolder((folder) => run(Deno.execPath(), ["run", "-A", script, source, `${folder}/out`, place, ...numbers]));
}

function inPython(python: string, source: string, tokenizer: URL): Promise<Run> {
  const script = fromFileUrl(new URL("reference.py", import.meta.url));
  const file = fromFileUrl(new URL("tokenizer.json", tokenizer));
  const env = { HF_HUB_OFFLINE: "1", HF_DATASETS_DISABLE_PROGRESS_BARS: "1" };
  return inFolder((folder) => run(python, [script, source, folder, file, "2", String(SEQ_LEN), END], env));
}

const args = parseArgs(Deno.args, {
  string: ["megabytes", "rounds", "python"],
  boolean: ["write"],
  default: { megabytes: "16", rounds: "3", python: Deno.env.get("ANDROMEDA_PYTHON") ?? "python3" },
});
await inFolder(async (folder) => {
  const source = `${folder}/texts.jsonl`;
  const megabytes = await writeTexts(source, Number(args.megabytes) * 1e6) / 1e6;
  const figures = [];
  for (const [tokenizer, place] of Object.entries(TOKENIZERS)) {
    const speeds: Record<string, number[]> = { "1 worker": [], "2 workers": [], "Python, 2 processes": [] };
    for (let round = 0; round < Number(args.rounds); round++) {
      const runs = {
        "1 worker": await here(source, place, 1),
        "2 workers": await here(source, place, 2),
        "Python, 2 processes": await inPython(args.python, source, place),
      };
      for (const [name, { seconds }] of Object.entries(runs)) speeds[name]?.push(megabytes / seconds);
    }
    /** The middle of the ratios of each round, whose runs saw the same machine. */
    const ratio = (above: string, below: string) =>
      median((speeds[above] ?? []).map((speed, round) => speed / (speeds[below]?.[round] ?? NaN)));
    const figure = {
      tokenizer,
      megabytesPerSecond: Object.fromEntries(Object.entries(speeds).map(([name, each]) => [name, median(each)])),
      twoWorkersToOne: ratio("2 workers", "1 worker"),
      twoWorkersToPython: ratio("2 workers", "Python, 2 processes"),
    };
    figures.push(figure);
    console.log(figure);
  }
  if (args.write) await writeReport("datasets", { megabytes, rounds: Number(args.rounds), seqLen: SEQ_LEN, figures });
});
