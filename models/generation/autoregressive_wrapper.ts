/**
 * The references' `AutoregressiveWrapper`: a language model that predicts its own next tokens.
 *
 * @module
 */
import { ConfigError, type Tensor } from "../../backend.ts";
import type { ForwardOptions, LossOptions } from "../language_head.ts";
import type { LanguageModel } from "../language_model.ts";
import { Random } from "../random.ts";
import type { TokensInput } from "../tokens.ts";
import { type FilterLogitsFn, strategies, topK } from "./filters.ts";
import type { GenerateOptions } from "./options.ts";
import { emptyPrompt, readPrompts } from "./prompts.ts";

/** Parameters of the wrapper. */
export interface AutoregressiveWrapperOptions {
  /** Targets that don't count in the loss. Default -100. */
  readonly ignoreIndex?: number;
  /** What follows an eos token in a batch. Default 0. */
  readonly padValue?: number;
  /** Share of the earlier tokens that are hidden from attention while training (arXiv 2210.13432). Default 0. */
  readonly maskProb?: number;
  /** Seed of the hidden tokens. Default 0. */
  readonly seed?: number;
}

/** Options of the wrapper's `generate`: the documented ones, and those of the models' own. */
export interface WrapperGenerateOptions
  extends Omit<GenerateOptions, "maxNewTokens" | "topK" | "topP" | "minP" | "topA"> {
  /** Makes the filter of the thresholds. Default: `topK`, or the strategy's. */
  readonly filterLogitsFn?: FilterLogitsFn | undefined;
}

/** Predicts and generates with a language model. */
export class AutoregressiveWrapper {
  /** The model. */
  readonly net: LanguageModel;
  readonly #ignoreIndex: number;
  readonly #padValue: number;
  readonly #maskProb: number;
  readonly #random: Random;

  /**
   * Wraps a model, which stays its giver's.
   *
   * @throws {ConfigError} for a maskProb that is no share
   */
  constructor(net: LanguageModel, options: AutoregressiveWrapperOptions = {}) {
    const { ignoreIndex = -100, padValue = 0, maskProb = 0, seed = 0 } = options;
    if (!(maskProb >= 0 && maskProb < 1)) {
      throw new ConfigError(`Cannot use maskProb = ${maskProb}: it must be >= 0 and < 1`);
    }
    this.net = net;
    this.#ignoreIndex = ignoreIndex;
    this.#padValue = padValue;
    this.#maskProb = maskProb;
    this.#random = new Random(seed, "maskProb");
  }

  /**
   * Mean cross entropy of predicting x[1:] from x[:-1], in nats; with `returnLoss` false, the logits of all of x.
   *
   * @returns a scalar or [b, n, numTokens]; the caller disposes of it
   */
  forward(x: TokensInput, options: LossOptions & ForwardOptions & { readonly returnLoss?: boolean } = {}): Tensor {
    const { returnLoss = true, ...rest } = options;
    if (!returnLoss) return this.net.forward(x, rest);
    const isHiding = this.net.isTraining && this.#maskProb > 0;
    const keyMask = isHiding ? this.#hideSome(x) : undefined;
    return this.net.loss(x, { ignoreIndex: this.#ignoreIndex, keyMask, ...rest });
  }

  /**
   * Continues one text or several.
   *
   * @param startTokens token ids of a text, or of each
   * @param seqLen tokens to make
   * @returns the new tokens; of several texts as many for each, filled with `padValue` after an eos token
   */
  generate(startTokens: readonly number[], seqLen: number, options?: WrapperGenerateOptions): Promise<number[]>;
  /** The same for several texts. */
  generate(
    startTokens: readonly (readonly number[])[],
    seqLen: number,
    options?: WrapperGenerateOptions,
  ): Promise<number[][]>;
  async generate(
    startTokens: readonly number[] | readonly (readonly number[])[],
    seqLen: number,
    options: WrapperGenerateOptions = {},
  ): Promise<number[] | number[][]> {
    const [first] = startTokens;
    if (first === undefined) throw emptyPrompt();
    const prompts = await readPrompts(startTokens, this.net.netConfig.numTokens);
    const rows = await this.net.generateBatch(prompts, this.#readOptions(seqLen, options));
    if (!Array.isArray(first)) return rows[0] ?? [];
    const longest = Math.max(0, ...rows.map((row) => row.length));
    return rows.map((row) => [...row, ...Array<number>(longest - row.length).fill(this.#padValue)]);
  }

  /** `n` continuations of one text, each drawn by itself. */
  async generateNSolutions(
    startTokens: readonly number[],
    n: number,
    seqLen: number,
    options: WrapperGenerateOptions = {},
  ): Promise<number[][]> {
    if (!(Number.isInteger(n) && n >= 1)) {
      throw new ConfigError(`Cannot generate n = ${n} solutions: n must be a whole number >= 1`);
    }
    return await this.net.generateBatch(Array(n).fill(startTokens), this.#readOptions(seqLen, options));
  }

  /**
   * The index of the solution with the largest reward, the first of equals.
   *
   * @throws {ConfigError} without solutions
   */
  evaluateAndSelectBestSolution(
    solutions: readonly (readonly number[])[],
    reward: (solution: readonly number[]) => number,
  ): number {
    if (solutions.length === 0) throw new ConfigError("Cannot select the best of no solutions: generate some first");
    const rewards = solutions.map((solution) => reward(solution));
    return rewards.indexOf(Math.max(...rewards));
  }

  /** The models' own options; unlike those, the wrapper filters with top_k unless told otherwise. */
  #readOptions(seqLen: number, options: WrapperGenerateOptions): GenerateOptions {
    const { filterLogitsFn, strategy, filterThres, minPPow = 2, minPRatio = 0.02, ...rest } = options;
    const makesFilter = filterLogitsFn ?? (strategy && strategy !== "temperature" ? strategies[strategy] : topK);
    const { numTokens } = this.net.netConfig;
    const filter = makesFilter({ filterThres, minPPow, minPRatio, numTokens });
    return { ...rest, ...filter, maxNewTokens: seqLen };
  }

  /** Hides ⌊n · maskProb⌋ of the n tokens before the last from attention, never the first. */
  #hideSome(x: TokensInput): boolean[][] {
    const [b, n] = shapeOf(x);
    const hidden = Math.min(Math.floor((n - 1) * this.#maskProb), n - 2);
    return Array.from({ length: b }, () => {
      const order = Array.from({ length: n - 2 }, (_, i) => ({ position: i + 1, key: this.#random.uniform() }));
      order.sort((one, other) => one.key - other.key);
      const row = Array<boolean>(n).fill(true);
      for (const { position } of order.slice(0, Math.max(0, hidden))) row[position] = false;
      return row;
    });
  }
}

function shapeOf(x: TokensInput): readonly [b: number, n: number] {
  if ("shape" in x) return [x.shape[0] ?? 0, x.shape[1] ?? 0];
  if (x instanceof Int32Array) return [1, x.length];
  const [first] = x;
  return Array.isArray(first) ? [x.length, first.length] : [1, x.length];
}
