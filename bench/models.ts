/**
 * Tokens a second of a model of GPT-2's kind with random weights, in each weight format and on one thread and two, beside the bound of a
 * decode: a token needs every weight once, so there are no more tokens a second than times that the weights can be read.
 *
 *     deno task bench models [--rounds 9]
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { WasmBackend } from "../assembly/backend.ts";
import type { WeightFormat } from "../backend.ts";
import { type Session, Transformer } from "../mod.ts";
import { type Limits, measureLimits } from "./limits.ts";
import { CONFIG, PROMPT, SEED, SIZES } from "./peers/gpt.ts";
import { type Case, medianRatio, medianTime, timeInTurns, writeReport } from "./report.ts";

const FORMATS = ["f32", "f16", "q8_0", "q4_0"] as const satisfies WeightFormat[];
const THREADS = [1, 2] as const;

/** Bytes of a weight; a block of 32 quantised ones has an f16 scale. */
const BYTES = { f32: 4, f16: 2, q8_0: 34 / 32, q4_0: 18 / 32 } as const;

/** Tokens that a decode makes behind the prompt. */
const NEW = 16;

/** What a format reached on a number of threads. */
interface Figure {
  readonly format: WeightFormat;
  readonly threads: number;
  /** Tokens of the prompt a second, with the logits of each. */
  readonly prefillAll: number;
  /** The same with the logits of the last one. */
  readonly prefillLast: number;
  /** New tokens a second, greedy, behind a prompt of 128. */
  readonly decode: number;
  /** Tokens a second that one thread's reading of the weights allows. */
  readonly bound: number;
  /** The decode as a share of that: the median over the rounds. */
  readonly ofBound: number;
}

/** A model on a backend of its own, and the three things that are timed. */
class Contender {
  readonly threads: number;
  readonly cases: Case[];
  readonly #backend: WasmBackend;
  readonly #model: Transformer;
  readonly #session: Session;

  private constructor(backend: WasmBackend, model: Transformer) {
    this.threads = backend.info.threads;
    this.#backend = backend;
    this.#model = model;
    this.#session = model.session().append(PROMPT);
    this.cases = [
      { name: `all ${this.threads}`, run: () => this.#prefill("all") },
      { name: `last ${this.threads}`, run: () => this.#prefill("last") },
      { name: `decode ${this.threads}`, run: () => this.#decode() },
    ];
  }

  static async create(format: WeightFormat, threads: number): Promise<Contender> {
    const backend = await WasmBackend.create({ threads });
    return new Contender(backend, await Transformer.create(CONFIG, { backend, dtype: format, seed: SEED }));
  }

  dispose(): void {
    this.#session.dispose();
    this.#model.dispose();
    this.#backend.dispose();
  }

  async #prefill(positions: "all" | "last"): Promise<void> {
    const logits = this.#model.forward(PROMPT, { positions });
    await logits.data();
    logits.dispose();
  }

  /** Steps of one token: the first one computes the prompt's last token again. */
  async #decode(): Promise<void> {
    this.#session.rewind(PROMPT.length);
    await Array.fromAsync(this.#session.generate({ maxNewTokens: NEW, temperature: 0 }));
  }
}

/** Weights that one token needs: of all products, the logits' included; of the token and position tables it needs a row. */
function weightsOfToken(): number {
  const { dim, depth, inner, vocabulary } = SIZES;
  return depth * (4 * dim * dim + 2 * dim * inner) + vocabulary * dim;
}

async function measure(format: WeightFormat, limits: Limits, rounds: number): Promise<Figure[]> {
  const contenders: Contender[] = [];
  for (const threads of THREADS) contenders.push(await Contender.create(format, threads));
  const bytes = weightsOfToken() * BYTES[format];
  const read: Case = { name: "read", run: () => void limits.read(bytes) };
  const timings = await timeInTurns([read, ...contenders.flatMap(({ cases }) => cases)], rounds, 3);
  for (const contender of contenders) contender.dispose();
  return contenders.map(({ threads }) => ({
    format,
    threads,
    prefillAll: PROMPT.length * 1000 / medianTime(timings, `all ${threads}`),
    prefillLast: PROMPT.length * 1000 / medianTime(timings, `last ${threads}`),
    decode: NEW * 1000 / medianTime(timings, `decode ${threads}`),
    bound: 1000 / medianTime(timings, "read"),
    ofBound: NEW * medianRatio(timings, "read", `decode ${threads}`),
  }));
}

function print({ format, threads, prefillAll, prefillLast, decode, bound, ofBound }: Figure): void {
  const prefill = `prefill ${prefillAll.toFixed(0)} (all logits), ${prefillLast.toFixed(0)} (last)`;
  const share = `${(100 * ofBound).toFixed(0)} % of ${bound.toFixed(0)} by reading`;
  console.log(`${format}, threads: ${threads}: ${prefill}, decode ${decode.toFixed(0)} tokens/s (${share})`);
}

if (import.meta.main) {
  const args = parseArgs(Deno.args, { string: ["rounds"], default: { rounds: "9" } });
  const limits = await measureLimits("relaxed-simd");
  const figures: Figure[] = [];
  for (const format of FORMATS) {
    const some = await measure(format, limits, Number(args.rounds));
    some.forEach(print);
    figures.push(...some);
  }
  await writeReport("models", { sizes: SIZES, prompt: PROMPT.length, figures });
}
