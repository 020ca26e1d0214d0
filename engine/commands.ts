/**
 * The commands that operations are recorded as. Every tensor is checked and every result allocated when a command is made:
 * an engine has only to run it.
 *
 * @module
 */

import type { Activation, LogitsFilter } from "../backend/operations.ts";

/** Fields that the three attention commands share. */
export interface AttentionCommand<T> {
  readonly heads: number;
  readonly kvHeads: number;
  /** Width of a head. */
  readonly dim: number;
  readonly scale: number;
  readonly causal: boolean;
  readonly positions: T | undefined;
  readonly slopes: T | undefined;
  readonly mask: T | undefined;
  readonly memoryKeys: T | undefined;
  readonly memoryValues: T | undefined;
  readonly decay: T | undefined;
}

/** One recorded operation over tensors of type `T`; fields are named as in `Backend`, `out` is the result. */
export type Command<T> =
  | { readonly op: "embedding"; readonly tokens: T; readonly weight: T; readonly out: T }
  | {
    readonly op: "linear";
    readonly x: T;
    readonly weight: T;
    readonly bias: T | undefined;
    readonly activation: Activation | undefined;
    readonly out: T;
  }
  | {
    readonly op: "layerNorm";
    readonly x: T;
    readonly gain: T | undefined;
    readonly gainOffset: number;
    readonly bias: T | undefined;
    readonly eps: number;
    readonly out: T;
  }
  | {
    readonly op: "l2Norm";
    readonly x: T;
    readonly groups: number;
    readonly gain: T | undefined;
    readonly gainOffset: number;
    readonly factor: number;
    readonly eps: number;
    readonly squareEps: number;
    readonly out: T;
  }
  | {
    readonly op: "rotary";
    readonly x: T;
    readonly table: T;
    readonly heads: number;
    readonly pairs: "adjacent" | "halves";
    readonly out: T;
  }
  | AttentionCommand<T> & { readonly op: "attention"; readonly q: T; readonly k: T; readonly v: T; readonly out: T }
  | AttentionCommand<T> & { readonly op: "attentionScores"; readonly q: T; readonly k: T; readonly out: T }
  | AttentionCommand<T> & {
    readonly op: "attentionValues";
    readonly probabilities: T;
    readonly v: T;
    readonly out: T;
  }
  | {
    readonly op: "appendCache";
    readonly cache: T;
    readonly x: T;
    readonly positions: T;
    readonly lengths: T | undefined;
  }
  | { readonly op: "activate"; readonly x: T; readonly activation: Activation; readonly out: T }
  | { readonly op: "glu"; readonly x: T; readonly activation: Activation; readonly out: T }
  | {
    readonly op: "add";
    readonly x: T;
    readonly y: T;
    readonly scale: T | undefined;
    readonly factor: number;
    readonly out: T;
  }
  | {
    readonly op: "multiply";
    readonly x: T;
    readonly y: T;
    /** Factors of one row: x's width, or the number of heads. */
    readonly factors: number;
    readonly activation: Activation | undefined;
    readonly out: T;
  }
  | { readonly op: "maskRows"; readonly x: T; readonly mask: T; readonly out: T }
  | {
    readonly op: "shiftTokens";
    readonly x: T;
    readonly shifts: readonly number[];
    readonly previous: T | undefined;
    readonly out: T;
  }
  | { readonly op: "gatherRows"; readonly x: T; readonly indices: T; readonly out: T }
  | { readonly op: "concat"; readonly parts: readonly T[]; readonly out: T }
  | { readonly op: "clone"; readonly x: T; readonly out: T }
  | { readonly op: "slice"; readonly x: T; readonly from: number; readonly out: T }
  | { readonly op: "meanPool"; readonly x: T; readonly out: T }
  | { readonly op: "patches"; readonly images: T; readonly patchSize: number; readonly out: T }
  | { readonly op: "softmax"; readonly x: T; readonly out: T }
  | { readonly op: "logSoftmax"; readonly x: T; readonly out: T }
  | {
    readonly op: "crossEntropy";
    readonly logits: T;
    readonly targets: T;
    readonly ignoreIndex: number;
    readonly out: T;
  }
  | {
    readonly op: "repetitionPenalty";
    readonly logits: T;
    readonly history: T;
    readonly penalty: number;
    readonly out: T;
  }
  | { readonly op: "filterLogits"; readonly logits: T; readonly filter: LogitsFilter; readonly out: T }
  | {
    readonly op: "sample";
    readonly logits: T;
    readonly temperature: number;
    readonly seed: number;
    readonly counter: number;
    readonly out: T;
  }
  | {
    readonly op: "acceptDraft";
    readonly target: T;
    readonly draft: T;
    readonly tokens: T;
    readonly temperature: number;
    readonly seed: number;
    readonly counter: number;
    readonly out: T;
  };

/** The command of one operation. */
export type CommandOf<T, Op extends Command<T>["op"]> = Extract<Command<T>, { readonly op: Op }>;
