/**
 * The references' `AutoregressiveWrapper`: a language model that predicts its own next tokens.
 *
 * @module
 */

import type { Tensor } from "../../backend/memory.ts";
import { show } from "../../common/show.ts";
import { ConfigError } from "../../errors.ts";
import { camelCase } from "../config/case.ts";
import { checkOptions, type Fields, readFields, value } from "../config/fields.ts";
import type { GenerateOptions } from "../generation/options.ts";
import { type FilterLogitsFn, strategies, topK } from "../generation/sampling/filters.ts";
import { emptyPrompt, readPrompt, readPrompts } from "../generation/sequences/prompts.ts";
import { strategyFields } from "../generation/settings.ts";
import { isTextModel } from "../generation/text_model.ts";
import { Random } from "../../common/random.ts";
import type { ForwardOptions, LossOptions } from "./language_head.ts";
import type { LanguageModel } from "./language_model.ts";
import { largest } from "./largest.ts";
import { shapeOfTokens, type TokensInput } from "./tokens.ts";

/**
 * Parameters of the wrapper.
 *
 * @category Generation
 */
export interface AutoregressiveWrapperOptions {
  /** Targets that don't count in the loss. Default -100. */
  readonly ignoreIndex?: number;
  /** The token that fills rows of a batch after their eos token. Default 0. */
  readonly padValue?: number;
  /** Share of the earlier tokens that are hidden from attention while training (arXiv 2210.13432). Default 0. */
  readonly maskProb?: number;
  /** Seed of the hidden tokens. Default 0. */
  readonly seed?: number;
}

/**
 * Options of the wrapper's `generate`: the documented ones and the models'.
 *
 * @category Generation
 */
export interface WrapperGenerateOptions
  extends Omit<GenerateOptions, "maxNewTokens" | "topK" | "topP" | "minP" | "topA"> {
  /** Makes a filter from the thresholds. Default: `topK`, or the strategy's. */
  readonly filterLogitsFn?: FilterLogitsFn | undefined;
}

const whole = (fallback: number) => ({ ...value<number>(Number.isSafeInteger, "it must be a whole number"), fallback });
const fields: Fields<Required<AutoregressiveWrapperOptions>> = {
  ignoreIndex: whole(-100),
  padValue: whole(0),
  maskProb: {
    ...value<number>((share) => typeof share === "number" && share >= 0 && share < 1, "it must be >= 0 and < 1"),
    fallback: 0,
  },
  seed: whole(0),
};

/** The most solutions of one call. */
const MOST_SOLUTIONS = 65536;

/**
 * Predicts and generates with a language model.
 *
 * @example
 * ```ts
 * import { AutoregressiveWrapper, topP, Transformer } from "../../mod.ts";
 *
 * const net = await Transformer.create({ numTokens: 256, maxSeqLen: 64, dim: 64, depth: 2, heads: 2 });
 * const wrapper = new AutoregressiveWrapper(net);
 * const texts = await wrapper.generate([[1, 2, 3], [4, 5, 6]], 8, {
 *   filterLogitsFn: topP,
 *   filterThres: 0.9,
 *   seed: 1,
 * });
 * console.log(texts.map((tokens) => tokens.length)); // [ 8, 8 ]
 * net.dispose();
 * ```
 *
 * @category Generation
 */
export class AutoregressiveWrapper {
  /** The model. */
  readonly net: LanguageModel;
  readonly #ignoreIndex: number;
  readonly #padValue: number;
  readonly #maskProb: number;
  readonly #random: Random;

  /**
   * Wraps a model. The caller still disposes of it.
   *
   * @throws {ConfigError} For options that can't work.
   */
  constructor(net: LanguageModel, options: AutoregressiveWrapperOptions = {}) {
    if (!isTextModel(net)) throw new ConfigError(`Cannot wrap ${show(net)}: give a language model`);
    const { ignoreIndex, padValue, maskProb, seed } = readFields("AutoregressiveWrapper", fields, options);
    this.net = net;
    this.#ignoreIndex = ignoreIndex;
    this.#padValue = padValue;
    this.#maskProb = maskProb;
    this.#random = new Random(seed, "maskProb");
  }

  /**
   * Mean cross entropy of predicting x[1:] from x[:-1], in nats; with `returnLoss` false, the logits of all of x.
   *
   * @returns A scalar or [b, n, numTokens]; the caller disposes of it.
   */
  forward(x: TokensInput, options: LossOptions & ForwardOptions & { readonly returnLoss?: boolean } = {}): Tensor {
    const { returnLoss = true, ...rest } = checkOptions("forward", options);
    if (typeof returnLoss !== "boolean") {
      throw new ConfigError(`Cannot use returnLoss = ${show(returnLoss)}: it must be true or false`);
    }
    if (!returnLoss) return this.net.forward(x, rest);
    const isHiding = this.net.isTraining && this.#maskProb > 0;
    const keyMask = isHiding ? this.#hideSome(x) : undefined;
    return this.net.loss(x, { ignoreIndex: this.#ignoreIndex, keyMask, ...rest });
  }

  /**
   * Continues one text or several.
   *
   * @param startTokens Token ids of a text, or of each.
   * @param seqLen Tokens to make.
   * @returns The new tokens; several texts get as many each, filled with `padValue` after an eos token.
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
    const prompts = await readPrompts(startTokens, this.net.net.numTokens);
    if (prompts.length === 0) throw emptyPrompt();
    const rows = await this.net.generateBatch(prompts, this.#readOptions(seqLen, options));
    if (typeof startTokens[0] === "number") return rows[0] ?? [];
    const longest = largest(rows.map((row) => row.length), 0);
    return rows.map((row) => [...row, ...Array<number>(longest - row.length).fill(this.#padValue)]);
  }

  /** `n` continuations of one text, each drawn by itself. */
  async generateNSolutions(
    startTokens: readonly number[],
    n: number,
    seqLen: number,
    options: WrapperGenerateOptions = {},
  ): Promise<number[][]> {
    if (!(Number.isInteger(n) && n >= 1 && n <= MOST_SOLUTIONS)) {
      throw new ConfigError(
        `Cannot generate n = ${show(n)} solutions: n must be a whole number >= 1 and up to ${MOST_SOLUTIONS}`,
      );
    }
    const prompt = await readPrompt(startTokens, this.net.net.numTokens);
    return await this.net.generateBatch(Array(n).fill(prompt), this.#readOptions(seqLen, options));
  }

  /**
   * The index of the solution with the largest reward, the first of equals.
   *
   * @throws {ConfigError} Without solutions.
   */
  evaluateAndSelectBestSolution(
    solutions: readonly (readonly number[])[],
    reward: (solution: readonly number[]) => number,
  ): number {
    if (!Array.isArray(solutions)) throw new ConfigError(`Cannot select the best of ${show(solutions)}: give a list`);
    if (solutions.length === 0) throw new ConfigError("Cannot select the best of no solutions: generate some first");
    if (typeof reward !== "function") {
      throw new ConfigError(`Cannot select the best solution by ${show(reward)}: reward must be a function`);
    }
    let [best, most] = [0, -Infinity];
    for (const [i, solution] of solutions.entries()) {
      const value = reward(solution);
      if (typeof value !== "number" || Number.isNaN(value)) {
        throw new ConfigError(
          `Cannot compare solutions by reward = ${show(value)} (solution ${i}): it must be a number`,
        );
      }
      if (value > most) [best, most] = [i, value];
    }
    return best;
  }

  /** Options of the model's generation. The default filter is top_k, and not none as the model's. */
  #readOptions(seqLen: number, options: WrapperGenerateOptions): GenerateOptions {
    if (!(Number.isSafeInteger(seqLen) && seqLen >= 0)) {
      throw new ConfigError(`Cannot generate seqLen = ${show(seqLen)} tokens: it must be a whole number >= 0`);
    }
    const { filterLogitsFn, strategy, filterThres, minPPow, minPRatio, ...rest } = inCamelCase(options);
    if (filterLogitsFn !== undefined && typeof filterLogitsFn !== "function") {
      throw new ConfigError(`Cannot use filterLogitsFn = ${show(filterLogitsFn)}: it must be a function`);
    }
    const given = readFields("generate", strategyFields, { strategy, filterThres, minPPow, minPRatio });
    const named = given.strategy ?? "temperature";
    const makesFilter = filterLogitsFn ?? (named === "temperature" ? topK : strategies[named]);
    const filter = makesFilter({
      ...given,
      filterThres: given.filterThres,
      numTokens: this.net.net.numTokens,
    });
    return { ...rest, ...filter, maxNewTokens: seqLen };
  }

  /** Hides ⌊n · maskProb⌋ of the n tokens before the last from attention, never the first. */
  #hideSome(x: TokensInput): boolean[][] {
    const [b, n] = shapeOfTokens(x);
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

/** Options under their names in camelCase, whether they were given in that or in snake_case. */
function inCamelCase<T extends object>(options: T): T {
  const entries = Object.entries(checkOptions("generate", options));
  return Object.fromEntries(entries.map(([name, value]) => [camelCase(name), value])) as T;
}
