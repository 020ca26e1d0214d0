/**
 * How one row reads a weight that no cache holds, as at every token: a panel after the other, or several in turns, so
 * that more reads are under way at once. The values are the same. An Intel Xeon (Emerald Rapids) reads 13.2 GB/s in
 * four streams and 10.1 in one; on an AMD EPYC (Zen 4) turns are 0.8 times as fast in q4_0 and 1.1 times in f16
 * (`deno task bench row`). So each process measures it in the first tokens that it writes. A measurement at the start
 * would take longer than those: V8 first runs slow code of its baseline compiler, and memory beyond the caches would
 * have to be filled.
 *
 * @module
 */

import type { ReadingInTurns } from "../../backend/backend.ts";
import { InTurns } from "../records/team_layout.ts";
import type { ListWork } from "./machine.ts";

/** Lists that are not counted, while V8 compiles the kernels for good. */
const WARM_UP = 8;
/** Lists of each way that are counted. */
const COUNTED = 16;
/** Work of one row, as `../records/work.ts` counts it, that makes a list worth measuring: 8 million weights. */
const LEAST_WORK = 2 ** 20;
/** Its least share of the list's work. */
const LEAST_SHARE = 0.75;
/** Turns are taken if they cost at most this share of the other way: more than chance. */
const WORTH_TURNS = 0.95;

/** The choice for weights of one kind, and its measurement. */
class Choice {
  /** Whether rows read in turns; undefined until it is measured. */
  inTurns: boolean | undefined;
  #lists = 0;
  /** Milliseconds for a unit of work, of the lists that read in turns and of the others. */
  readonly #costs = { inTurns: new Array<number>(), inOrder: new Array<number>() };

  constructor(inTurns: boolean | undefined) {
    this.inTurns = inTurns;
  }

  /** The way of the next list that is measured. */
  next(): boolean {
    // Two lists each: neither way always follows the other, nor always falls on the same half of a step.
    return (this.#lists++ & 2) !== 0;
  }

  /** @param cost Milliseconds for a unit of work. */
  learn(inTurns: boolean, cost: number): void {
    if (this.#lists <= WARM_UP) return;
    const { inTurns: turns, inOrder } = this.#costs;
    (inTurns ? turns : inOrder).push(cost);
    if (Math.min(turns.length, inOrder.length) < COUNTED) return;
    this.inTurns = median(turns) <= WORTH_TURNS * median(inOrder);
  }
}

/** The choices, for weights of values and for those of blocks: what is faster for one may be slower for the other. */
export class Reading {
  readonly #values: Choice;
  readonly #blocks: Choice;

  /** @param inTurns The choice, if it is not to be measured. */
  constructor(inTurns?: boolean) {
    this.#values = new Choice(inTurns);
    this.#blocks = new Choice(inTurns);
  }

  /** Whether rows read in turns; undefined until it is measured. */
  get inTurns(): ReadingInTurns {
    return { values: this.#values.inTurns, blocks: this.#blocks.inTurns };
  }

  /**
   * Runs a list.
   *
   * @param run Is told which weights are to be read in turns, as `InTurns` says.
   */
  run({ shared, values, blocks }: ListWork, run: (inTurns: number) => void): void {
    const [choice, work] = values > blocks ? [this.#values, values] : [this.#blocks, blocks];
    if (choice.inTurns !== undefined || work < LEAST_WORK || work < LEAST_SHARE * shared) {
      return run(bitsOf(this.#values.inTurns, this.#blocks.inTurns));
    }
    const inTurns = choice.next();
    const start = performance.now();
    run(choice === this.#values ? bitsOf(inTurns, this.#blocks.inTurns) : bitsOf(this.#values.inTurns, inTurns));
    choice.learn(inTurns, (performance.now() - start) / work);
  }
}

function bitsOf(values = false, blocks = false): number {
  return (values ? InTurns.values : 0) | (blocks ? InTurns.blocks : 0);
}

/** The upper of the two middle values, or the one. */
function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Infinity;
}

/** What this process has measured, for all its engines of a number of threads: several read in streams enough. */
const measured = new Map<number, Reading>();

/** The choices of this process for so many threads. */
export function processReading(threads: number): Reading {
  const reading = measured.get(threads) ?? new Reading();
  measured.set(threads, reading);
  return reading;
}
