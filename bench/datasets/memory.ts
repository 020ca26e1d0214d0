/**
 * The resident memory of a process through which a gigabyte of text goes, second by second.
 *
 *     deno task bench datasets_memory [--megabytes 1000] [--workers 2] [--write]
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { fromFileUrl } from "@std/path";
import { writeReport } from "../support/report.ts";
import { writeTexts } from "./texts.ts";

const TOKENIZER = new URL("../../../shared/tokenizers/gpt-neox-20b/", import.meta.url);
const SEQ_LEN = 2048;
/** Points of the curve that is kept. */
const POINTS = 40;

/** Megabytes that a process holds; nothing when it has ended. */
async function residentMegabytes(pid: number): Promise<number | undefined> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`).catch(() => "");
  const found = /^VmRSS:\s*(\d+) kB$/m.exec(status)?.[1];
  return found === undefined ? undefined : Number(found) * 1024 / 1e6;
}

const args = parseArgs(Deno.args, {
  string: ["megabytes", "workers"],
  boolean: ["write"],
  default: { megabytes: "1000", workers: "2" },
});
const folder = await Deno.makeTempDir({ prefix: "andromeda_bench_" });
try {
  const megabytes = await writeTexts(`${folder}/texts.jsonl`, Number(args.megabytes) * 1e6) / 1e6;
  const script = fromFileUrl(new URL("build.ts", import.meta.url));
  const places = [`${folder}/texts.jsonl`, `${folder}/out`, fromFileUrl(TOKENIZER)];
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", script, ...places, args.workers, String(SEQ_LEN)],
    stdout: "piped",
  }).spawn();
  const curve: number[] = [];
  const timer = setInterval(async () => {
    const resident = await residentMegabytes(child.pid);
    if (resident !== undefined) curve.push(Math.round(resident));
  }, 1000);
  const { success, stdout } = await child.output();
  clearInterval(timer);
  if (!success) throw new Error("Cannot build the dataset: see above");
  const { seconds, rows } = JSON.parse(new TextDecoder().decode(stdout));
  const step = Math.max(1, Math.ceil(curve.length / POINTS));
  const figures = {
    ...{ megabytes, workers: Number(args.workers), seqLen: SEQ_LEN, rows, seconds },
    megabytesPerSecond: megabytes / seconds,
    largestResidentMegabytes: Math.max(...curve),
    secondsBetweenPoints: step,
    residentMegabytes: curve.filter((_, second) => second % step === 0),
  };
  console.log(figures);
  if (args.write) await writeReport("datasets_memory", figures);
} finally {
  await Deno.remove(folder, { recursive: true });
}
