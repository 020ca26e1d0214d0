/**
 * The results of the comparison with other engines.
 *
 * @module
 */

import type { Task } from "./engine.ts";
import type { Contender } from "./groups.ts";
import type { Native } from "./install.ts";

/** The figure of one contender in one task. */
export interface Figure extends Contender {
  readonly group: string;
  readonly task: Task;
  /** Median over the rounds; of one token in a decode. */
  readonly milliseconds: number;
  /** Tokens or multiplications and additions. */
  readonly rate: number;
  readonly unit: "tokens/s" | "GFLOP/s";
}

/** How many times as fast this engine is: the median over the rounds. */
export interface Ratio {
  readonly task: Task;
  readonly ours: Contender;
  readonly than: Contender;
  readonly times: number;
  /** The aim, where there is one. */
  readonly aim?: number;
}

/** Whether a peer runs the same model: its logits and its greedy tokens beside ours. */
export interface Agreement {
  readonly than: Contender;
  /** Largest difference of the last logits, where the peer gives them. */
  readonly maxLogitDifference?: number;
  /** Greedy tokens that are the same before the first that differs. */
  readonly sameTokens: number;
  readonly tokens: number;
}

/** A contender that did not run. */
export interface Failure extends Contender {
  readonly group: string;
  readonly error: string;
}

/** A native peer that this machine can't install. */
export interface LeftOut {
  readonly engine: Native;
  readonly reason: string;
}

/** How busy the machine was when a group began: processes that wanted to run, over the last minute. */
export interface Load {
  readonly group: string;
  readonly load: number;
}

/** All results. */
export interface Comparison {
  readonly leftOut: LeftOut[];
  readonly loads: Load[];
  readonly figures: Figure[];
  readonly ratios: Ratio[];
  readonly agreements: Agreement[];
  readonly failures: Failure[];
}
