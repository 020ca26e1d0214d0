/**
 * The default Andromeda in f32, 10 GB, through files and back: made from a seed, saved in shards, loaded, and its
 * logits compared with NumPy's, which reads the same files layer by layer.
 *
 *     deno task bench large_check [--folder /tmp/andromeda-f32] [--python python3] [--depth 32]
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { Andromeda, createBackend } from "../../mod.ts";
import { writeReport } from "../support/report.ts";

const flags = parseArgs(Deno.args, {
  string: ["folder", "python", "depth"],
  default: { folder: "/tmp/andromeda-f32", python: "python3", depth: "32" },
});
const TOKENS = [11, 4242, 50431, 7, 1999, 30000, 3, 512];
const GIB = 2 ** 30;

const backend = await createBackend("wasm");
const seconds = async <T>(work: () => Promise<T>): Promise<[number, T]> => {
  const began = performance.now();
  const result = await work();
  return [(performance.now() - began) / 1000, result];
};

const [secondsToCreate, made] = await seconds(() =>
  Andromeda.create({ depth: Number(flags.depth) }, { backend, seed: 1 })
);
const [secondsToSave] = await seconds(() => made.save(flags.folder, { shardBytes: 2 * GIB }));
made.dispose();
const [secondsToLoad, model] = await seconds(() => Andromeda.load(flags.folder, { backend }));
const [secondsToRun, logits] = await seconds(async () => {
  const last = model.forward(TOKENS, { positions: "last" });
  const values = await last.data();
  last.dispose();
  return values;
});

const script = new URL("large_reference.py", import.meta.url).pathname;
const args = [script, flags.folder, ...TOKENS.map(String)];
const { stdout, success } = await new Deno.Command(flags.python, { args, stderr: "inherit" }).output();
if (!success) throw new Error("The reference did not run");
const expected: number[] = JSON.parse(new TextDecoder().decode(stdout));
const difference = Math.max(...expected.map((value, i) => Math.abs(value - (logits[i] ?? NaN))));
const largest = Math.max(...expected.map(Math.abs));

await writeReport("large_check", {
  parameters: model.parameterCount,
  weightBytes: backend.memory().bytesInUse,
  secondsToCreate,
  secondsToSave,
  secondsToLoad,
  secondsToRun,
  largestLogit: largest,
  largestDifference: difference,
});
console.log(
  `${(backend.memory().bytesInUse / GIB).toFixed(1)} GiB; logits up to ${largest} differ by at most ${difference}`,
);
if (!(difference < 1e-3)) Deno.exit(1);
