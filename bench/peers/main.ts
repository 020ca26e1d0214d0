/**
 * Compares this engine with other ones, on WebAssembly and native, on the same sizes and where a format allows it on
 * the same weights: all of them in turns, each in a process of its own.
 *
 *     deno task bench --peers [--rounds 9] [--only q8_0]
 *
 * Results of several hosts stand side by side: a run writes those of its own, as `results/peers_intel.json`, and draws
 * the chart of all. `--only` runs the groups whose names have the text, and writes nothing.
 *
 * @module
 */

// @ts-types="../support/parse_args.d.ts"
import { parseArgs } from "@std/cli/parse-args";
import { createBackend, Transformer, WEIGHT_FORMATS } from "../../mod.ts";
import { hostFamily, median, writeReport } from "../support/report.ts";
import { drawPeers } from "./chart.ts";
import type { Agreement, Comparison, Figure } from "./comparison.ts";
import { type Answer, LINEAR_SIZE, LINEAR_TASKS, MODEL_TASKS, type Task } from "./engine.ts";
import { ggufModel } from "./gguf.ts";
import { CONFIG, PROMPT, SEED, SIZES, weightsOf } from "./gpt.ts";
import { AIMS, type Contender, ENGINES, type Group, GROUPS } from "./groups.ts";
import { bundle, type Places, type Running, start } from "./hosts.ts";
import { installNative, installPeers, NATIVE, NATIVE_VERSIONS, VERSIONS } from "./install.ts";
import { onnxLinear, onnxModel } from "./onnx.ts";

/** Runs of each task before the first round. */
const WARM_UP = 3;

/** Writes the model as each peer reads it. */
async function writeModels(folder: URL): Promise<void> {
  const backend = await createBackend("wasm", { threads: 1 });
  const model = await Transformer.create(CONFIG, { backend, seed: SEED });
  const weights = await weightsOf(model);
  backend.dispose();
  const write = async (name: string, pieces: readonly Uint8Array[]) => {
    const blob = new Blob(pieces.map((piece) => new Uint8Array(piece)));
    await Deno.writeFile(new URL(name, folder), blob.stream());
  };
  await write("gpt.onnx", onnxModel(SIZES, weights));
  await write("linear.onnx", onnxLinear(LINEAR_SIZE, LINEAR_SIZE));
  for (const format of WEIGHT_FORMATS) {
    await write(`gpt.${format}.gguf`, ggufModel(SIZES, weights, format, PROMPT));
  }
}

/** The URL of each engine's packages, where it has packages of its own. */
type Packages = ReadonlyMap<Contender["engine"], string>;

/** Installs the native peers; those that this machine can't install are left out. */
async function installNatives(found: Comparison): Promise<Packages> {
  const packages = new Map<Contender["engine"], string>();
  for (const engine of NATIVE) {
    try {
      packages.set(engine, await installNative(engine));
    } catch (error) {
      // npm says what is wrong in the first line after its codes.
      const message = messageOf(error);
      const reason = message.match(/^npm error (?!code |syscall |errno )(.+)$/m)?.[1] ?? message;
      console.log(`${engine} is left out: ${reason}`);
      found.leftOut.push({ engine, reason });
    }
  }
  return packages;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Runs the contenders of a group in turns. */
async function runGroup(
  group: Group,
  places: Places,
  native: Packages,
  rounds: number,
  found: Comparison,
): Promise<void> {
  const running = new Map<Contender, Running>();
  found.loads.push({ group: group.name, load: Deno.loadavg()[0] ?? NaN });
  try {
    for (const contender of group.contenders) {
      const { engine, host } = contender;
      if (found.leftOut.some((each) => each.engine === engine)) continue;
      try {
        const packages = native.get(engine) ?? places.packages;
        running.set(contender, await start(engine, host, { ...contender, what: group.what }, { ...places, packages }));
      } catch (error) {
        const message = messageOf(error);
        console.log(`${group.name}: ${title(contender)} does not run: ${message}`);
        found.failures.push({ ...contender, group: group.name, error: message });
      }
    }
    for (const task of group.what === "model" ? MODEL_TASKS : LINEAR_TASKS) {
      const able = [...running].filter(([, { tasks }]) => tasks.includes(task));
      const times = await timeContenders(able, task, rounds);
      report(group, task, times, found);
    }
    if (group.what === "model") found.agreements.push(...await compareAnswers(running));
  } finally {
    for (const each of running.values()) await each.stop();
  }
}

type Times = ReadonlyMap<Contender, readonly number[]>;

/** Milliseconds of each round. */
async function timeContenders(
  contenders: readonly (readonly [Contender, Running])[],
  task: Task,
  rounds: number,
): Promise<Times> {
  const times = new Map<Contender, number[]>(contenders.map(([contender]) => [contender, []]));
  for (let round = -WARM_UP; round < rounds; round++) {
    for (const [contender, running] of contenders) {
      const milliseconds = await running.run(task);
      if (round >= 0) times.get(contender)?.push(milliseconds);
    }
  }
  return times;
}

function report(group: Group, task: Task, times: Times, found: Comparison): void {
  for (const [contender, milliseconds] of times) {
    const figure = { ...contender, group: group.name, task, ...rateOf(task, median(milliseconds)) };
    found.figures.push(figure);
    console.log(`${task}, ${title(contender)}: ${figure.rate.toFixed(1)} ${figure.unit}`);
  }
  for (const [ours, ourTimes] of times) {
    for (const [than, theirTimes] of times) {
      if (ours.engine !== "andromeda" || !isWorthComparing(ours, than)) continue;
      const ratio = median(theirTimes.map((time, round) => time / (ourTimes[round] ?? NaN)));
      const aim = AIMS.find((aim) =>
        aim.task === task && aim.format === ours.format && aim.threads === ours.threads && aim.than === than.engine
      )?.times;
      found.ratios.push({ task, ours, than, times: ratio, ...(aim === undefined ? {} : { aim }) });
      const aimed = aim === undefined ? "" : ` (aim ${aim})`;
      console.log(`  ${title(ours)} is ${ratio.toFixed(2)} times as fast as ${title(than)}${aimed}`);
    }
  }
}

/** With a peer of the same format on as many threads; with our own f32 on one thread, in the same host. */
function isWorthComparing(ours: Contender, than: Contender): boolean {
  if (than.engine === "andromeda") {
    return ours.host === than.host && than.format === "f32" && than.threads === 1 && ours !== than;
  }
  return ours.format === than.format && ours.threads === than.threads;
}

function rateOf(task: Task, milliseconds: number): Pick<Figure, "milliseconds" | "rate" | "unit"> {
  if (task === "decode") return { milliseconds, rate: 1000 / milliseconds, unit: "tokens/s" };
  if (MODEL_TASKS.includes(task)) return { milliseconds, rate: PROMPT.length * 1000 / milliseconds, unit: "tokens/s" };
  const rows = task === "1×2560×2560" ? 1 : 128;
  return { milliseconds, rate: 2 * rows * LINEAR_SIZE ** 2 / milliseconds / 1e6, unit: "GFLOP/s" };
}

/** Compares what each peer makes of the prompt with what we make of it in the same format. */
async function compareAnswers(running: ReadonlyMap<Contender, Running>): Promise<Agreement[]> {
  const agreements: Agreement[] = [];
  for (const [than, peer] of running) {
    if (than.engine === "andromeda") continue;
    const ours = [...running].find(([{ engine, format, threads }]) =>
      engine === "andromeda" && format === than.format && threads === than.threads
    );
    const [theirs, own] = [await peer.answer(), await ours?.[1].answer()];
    if (!theirs || !own) continue;
    const agreement = { than, ...agreementOf(own, theirs) };
    const logits = agreement.maxLogitDifference === undefined
      ? ""
      : `, largest difference of logits ${agreement.maxLogitDifference.toExponential(1)}`;
    console.log(`${title(than)}: the first ${agreement.sameTokens} of ${agreement.tokens} tokens are ours${logits}`);
    agreements.push(agreement);
  }
  return agreements;
}

function agreementOf(own: Answer, theirs: Answer): Omit<Agreement, "than"> {
  const differs = own.tokens.findIndex((token, i) => token !== theirs.tokens[i]);
  const sameTokens = differs < 0 ? own.tokens.length : differs;
  if (theirs.logits.length === 0) return { sameTokens, tokens: own.tokens.length };
  const maxLogitDifference = Math.max(...own.logits.map((value, i) => Math.abs(value - (theirs.logits[i] ?? NaN))));
  return { maxLogitDifference, sameTokens, tokens: own.tokens.length };
}

function title({ engine, host, format, threads }: Contender): string {
  return `${engine} ${format} on ${threads} thread${threads === 1 ? "" : "s"} (${host})`;
}

if (import.meta.main) {
  const args = parseArgs(Deno.args, { string: ["rounds", "only"] });
  const [rounds, only] = [Number(args["rounds"] ?? 9), String(args["only"] ?? "")];
  const found: Comparison = { leftOut: [], loads: [], figures: [], ratios: [], agreements: [], failures: [] };
  const installed = await installPeers();
  const native = await installNatives(found);
  const files = new URL("../files/", installed.packages);
  await Deno.mkdir(files, { recursive: true });
  const places = { ...installed, files: files.href };
  await bundle(["child", ...ENGINES.map((name) => `engines/${name}`)], files.href);
  await writeModels(files);
  for (const group of GROUPS) if (group.name.includes(only)) await runGroup(group, places, native, rounds, found);
  if (new Set(found.figures.map(({ engine }) => engine)).size < 3) throw new Error("Fewer than two peers ran");
  if (only === "") {
    const versions = Object.assign({}, VERSIONS, ...NATIVE.map((engine) => NATIVE_VERSIONS[engine]));
    await writeReport("peers", { versions, sizes: SIZES, prompt: PROMPT.length, ...found }, await hostFamily());
    await drawPeers();
  }
}
