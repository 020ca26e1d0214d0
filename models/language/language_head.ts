/**
 * Logits and loss of a transformer, from token ids in any form.
 *
 * @module
 */

import type { Backend } from "../../backend/backend.ts";
import type { Tensor } from "../../backend/memory.ts";
import { show } from "../../common/show.ts";
import { ConfigError, OutOfMemoryError, ShapeError } from "../../errors.ts";
import { type Fields, flag, optional, readFields, value } from "../config/fields.ts";
import type { NetInputs, TransformerNet } from "../network/transformer_net.ts";
import { contextFields, type ContextInput, placeContext } from "./context.ts";
import {
  checkTokenTensor,
  type HostTokens,
  isTensor,
  maskField,
  type MaskInput,
  maskTensor,
  readMask,
  readTokens,
  tensorField,
  type TokensInput,
} from "./tokens.ts";

/** The most logits in memory at a time while a loss or a score is computed. */
export const LOGITS_CHUNK = 1 << 23;

/** The most bytes that one tensor may take: those that 32-bit addresses reach. */
const MAX_TENSOR_BYTES = 2 ** 32;

/**
 * Options of `forward`.
 *
 * @category Models
 */
export interface ForwardOptions extends ContextInput {
  /** Positions to give: all of them, the last one, or from (included) to (excluded). Default "all". */
  readonly positions?: "all" | "last" | readonly [from: number, to: number] | undefined;
  /** Tokens to keep: true, or 1 in an int32 tensor [b, n]. Default: a batch's own mask, else all. */
  readonly mask?: MaskInput | undefined;
  /** Give hidden states after the final norm [b, n, dim] instead of logits. */
  readonly returnEmbeddings?: boolean | undefined;
  /** Embeddings in front of the tokens: [b, p, embDim]. The result covers them too. */
  readonly prependEmbeds?: Tensor | undefined;
  /** Added to the token embeddings: [b, n, embDim]. */
  readonly sumEmbeds?: Tensor | undefined;
  /** Ids of learned absolute positions: int32 [b or 1, n]. */
  readonly pos?: Tensor | undefined;
}

/**
 * Options of `loss`.
 *
 * @category Models
 */
export interface LossOptions extends ContextInput {
  /** Targets that don't count. Default -100. */
  readonly ignoreIndex?: number | undefined;
  /** Tokens to keep; targets that are not kept don't count. */
  readonly mask?: MaskInput | undefined;
  /** Tokens that attention may look at; those that are hidden here are predicted all the same. */
  readonly keyMask?: readonly (readonly boolean[])[] | undefined;
}

const forwardFields: Fields<ForwardOptions> = {
  positions: optional(
    value<ForwardOptions["positions"]>(
      (given) => given === "all" || given === "last" || (Array.isArray(given) && given.length === 2),
      'it must be "all", "last" or [from, to]',
    ),
  ),
  mask: maskField,
  ...contextFields,
  returnEmbeddings: optional(flag(false)),
  prependEmbeds: tensorField,
  sumEmbeds: tensorField,
  pos: tensorField,
};

const lossFields: Fields<LossOptions> = {
  ignoreIndex: optional(value<number>(Number.isSafeInteger, "it must be a whole number")),
  mask: maskField,
  keyMask: optional(value<readonly (readonly boolean[])[]>(Array.isArray, "it must be rows of true and false")),
  ...contextFields,
};

/** Tokens on the device. */
interface Placed {
  /** int32 [b, n]. */
  readonly ids: Tensor;
  /** int32 [b, n]. */
  readonly mask: Tensor | undefined;
  /** Ids of learned absolute positions: int32 [b or 1, n]. */
  readonly pos: Tensor | undefined;
}

/** Logits and loss of a network. */
export class LanguageHead {
  readonly #net: TransformerNet;

  /** @param net The network whose hidden states and logits they are. */
  constructor(net: TransformerNet) {
    this.#net = net;
  }

  /** See `LanguageModel.forward`. */
  forward(backend: Backend, tokens: TokensInput, given: ForwardOptions = {}): Tensor {
    const options = readFields<ForwardOptions>("forward", forwardFields, given);
    const { numTokens } = this.#net;
    return backend.scope(() => {
      const { ids, mask, pos } = this.#place(backend, tokens, options);
      const [b = 0, n = 0] = ids.shape;
      const inputs = this.#inputs(backend, options, b);
      this.#checkEmbeddings(options, b, n);
      const length = n + (options.prependEmbeds?.shape[1] ?? 0);
      const [from, to] = range(options.positions, length);
      if (!options.returnEmbeddings) checkLogitsSize(b, to - from, numTokens);
      const all = this.#net.hidden(backend, ids, { ...inputs, mask, pos }); // (b, n, dim)
      const hidden = to - from === length ? all : backend.slice(all, from, to);
      return options.returnEmbeddings ? hidden : this.#net.logits(backend, hidden);
    });
  }

  /** See `LanguageModel.loss`. */
  loss(backend: Backend, tokens: TokensInput, given: LossOptions = {}): Tensor {
    const options = readFields<LossOptions>("loss", lossFields, given);
    return backend.scope(() => {
      const { inputs, targets, count, ...places } = this.#shiftedTokens(backend, tokens, options);
      const b = inputs.shape[0] ?? 0;
      const hidden = this.#net.hidden(backend, inputs, { ...this.#inputs(backend, options, b), ...places });
      const sum = this.#crossEntropy(backend, hidden, targets, options.ignoreIndex ?? -100);
      return backend.add(backend.tensor(Float32Array.of(0), []), sum, { factor: 1 / Math.max(count, 1) });
    });
  }

  /** Sum over all positions, a chunk of logits at a time. */
  #crossEntropy(backend: Backend, hidden: Tensor, targets: Tensor, ignoreIndex: number): Tensor {
    const rows = targets.shape[0] ?? 0;
    const flat = backend.reshape(hidden, [1, rows, this.#net.architecture.layers.dim]);
    const ids = backend.reshape(targets, [1, rows, 1]);
    const step = Math.max(1, Math.floor(LOGITS_CHUNK / this.#net.numTokens));
    let sum = backend.tensor(Float32Array.of(0), []);
    for (let from = 0; from < rows; from += step) {
      const to = Math.min(from + step, rows);
      sum = backend.scope(() => {
        const logits = this.#net.logits(backend, backend.slice(flat, from, to));
        const part = backend.crossEntropy(
          backend.reshape(logits, [to - from, this.#net.numTokens]),
          backend.reshape(backend.slice(ids, from, to), [to - from]),
          ignoreIndex,
        );
        return backend.add(sum, part);
      });
    }
    return sum;
  }

  #place(backend: Backend, tokens: TokensInput, { mask, pos }: ForwardOptions): Placed {
    const { numTokens, maxSeqLen } = this.#net;
    if (isTensor(tokens)) checkTokenTensor(tokens, maxSeqLen);
    const host = isTensor(tokens) ? undefined : readTokens(tokens, numTokens, maxSeqLen);
    const [b = 0, n = 0] = host?.shape ?? (isTensor(tokens) ? tokens.shape : []);
    const ids = host ? backend.tensor(withoutPadding(host), host.shape) : tokens;
    if (!isTensor(ids)) throw new ShapeError("Cannot run on no tokens: give rows of token ids");
    if (isTensor(mask)) {
      if (this.#skipsPadding && !pos) {
        throw new ConfigError(
          "Cannot count positions by a mask on the device: give rows of booleans, or pos beside it",
        );
      }
      return { ids, mask: maskTensor(backend, mask, [b, n]), pos };
    }
    const keep = mask ? readMask(mask, [b, n]) : host?.mask;
    return { ids, mask: maskTensor(backend, keep, [b, n]), pos: pos ?? this.#positions(backend, keep, [b, n]) };
  }

  get #skipsPadding(): boolean {
    return this.#net.architecture.embedding.positions?.skipsPadding ?? false;
  }

  /** Ids of positions that count kept tokens, where the network's do: int32 [b, n]. */
  #positions(backend: Backend, keep: Int32Array | undefined, [b, n]: readonly [number, number]): Tensor | undefined {
    if (!keep || !this.#skipsPadding) return undefined;
    const ids = new Int32Array(b * n);
    for (let i = 0, count = 0; i < ids.length; i++) {
      if (i % n === 0) count = 0;
      ids[i] = count;
      count += keep[i] ?? 0;
    }
    return backend.tensor(ids, [b, n]);
  }

  #inputs(backend: Backend, options: ForwardOptions, batch: number): NetInputs {
    const { prependEmbeds, sumEmbeds } = options;
    return { ...placeContext(backend, this.#net.contextDim, batch, options), prependEmbeds, sumEmbeds };
  }

  /** @throws {ShapeError} For embeddings and positions that don't go with tokens [b, n]. */
  #checkEmbeddings({ prependEmbeds, sumEmbeds, pos }: ForwardOptions, b: number, n: number): void {
    const { width } = this.#net.architecture.embedding;
    const expect = (name: string, tensor: Tensor | undefined, isRight: boolean, expected: string) => {
      if (!tensor || isRight) return;
      throw new ShapeError(`Cannot use ${name} of ${tensor.dtype} [${tensor.shape}]: expected ${expected}`);
    };
    const isEmbedding = (tensor: Tensor | undefined) =>
      tensor?.dtype === "f32" && tensor.shape.length === 3 && tensor.shape[2] === width;
    const isOfBatch = (tensor: Tensor | undefined) => tensor?.shape[0] === b;
    expect(
      "prependEmbeds",
      prependEmbeds,
      isEmbedding(prependEmbeds) && isOfBatch(prependEmbeds),
      `[${b}, p, ${width}]`,
    );
    const isSum = isEmbedding(sumEmbeds) && isOfBatch(sumEmbeds) && sumEmbeds?.shape[1] === n;
    expect("sumEmbeds", sumEmbeds, isSum, `[${b}, ${n}, ${width}]`);
    const isPos = pos?.dtype === "i32" && pos.shape.length === 2 && pos.shape[1] === n;
    expect("pos", pos, isPos && (isOfBatch(pos) || pos.shape[0] === 1), `int32 [${b} or 1, ${n}]`);
  }

  /** tokens[:-1], tokens[1:] and how many targets count. */
  #shiftedTokens(backend: Backend, tokens: TokensInput, { mask, keyMask, ignoreIndex = -100 }: LossOptions) {
    const [b = 0, n = 0] = isTensor(tokens) ? tokens.shape : [];
    if (isTensor(tokens)) {
      checkTokenTensor(tokens, this.#net.maxSeqLen + 1);
      checkTargets(n);
      if (mask) {
        throw new ConfigError("Cannot take a loss of tokens on the device with a mask: give lists of token ids");
      }
      const ids = backend.reshape(tokens, [b, n, 1]);
      const part = (from: number, to: number) => backend.slice(ids, from, to);
      const targets = backend.reshape(part(1, n), [b * (n - 1)]);
      const inputs = backend.reshape(part(0, n - 1), [b, n - 1]);
      const keys = keyMask && shiftedKeyMask(backend, keyMask, undefined, [b, n]);
      return { inputs, targets, mask: undefined, keyMask: keys, count: b * (n - 1) };
    }
    return this.#shiftedHostTokens(backend, tokens, mask, keyMask, ignoreIndex);
  }

  #shiftedHostTokens(
    backend: Backend,
    tokens: Exclude<TokensInput, Tensor>,
    mask: MaskInput | undefined,
    keyMask: LossOptions["keyMask"],
    ignoreIndex: number,
  ) {
    const { numTokens, maxSeqLen } = this.#net;
    const host = readTokens(tokens, numTokens, maxSeqLen + 1, ignoreIndex);
    const [b, n] = host.shape;
    checkTargets(n);
    if (isTensor(mask)) throw new ConfigError("Cannot take a loss with a mask on the device: give rows of booleans");
    const keep = mask ? readMask(mask, host.shape) : host.mask;
    const without = (skip: number, values: Int32Array) => values.filter((_, i) => i % n !== skip);
    const isIgnored = (i: number) => host.ids[i] === ignoreIndex || keep?.[i] === 0;
    const targets = without(0, host.ids.map((id, i) => isIgnored(i) ? ignoreIndex : id));
    const inputs = without(n - 1, host.ids.map((id, i) => isIgnored(i) ? 0 : id));
    const seen = keep && without(n - 1, keep);
    return {
      inputs: backend.tensor(inputs, [b, n - 1]),
      targets: backend.tensor(targets, [b * (n - 1)]),
      mask: seen && backend.tensor(seen, [b, n - 1]),
      pos: this.#positions(backend, seen, [b, n - 1]),
      keyMask: keyMask && shiftedKeyMask(backend, keyMask, keep, [b, n]),
      count: targets.reduce((count, id) => count + (id === ignoreIndex ? 0 : 1), 0),
    };
  }
}

/** The ids, 0 for what the mask hides. */
function withoutPadding({ ids, mask }: HostTokens): Int32Array {
  return mask ? ids.map((id, i) => mask[i] === 0 ? 0 : id) : ids;
}

/** Keys that are visible and kept, of all but the last token: int32 [b, n - 1]. */
function shiftedKeyMask(
  backend: Backend,
  visible: readonly (readonly boolean[])[],
  keep: Int32Array | undefined,
  [b, n]: readonly [number, number],
): Tensor {
  const both = readMask(visible, [b, n], "keyMask").map((isVisible, i) => keep?.[i] === 0 ? 0 : isVisible);
  return backend.tensor(both.filter((_, i) => i % n !== n - 1), [b, n - 1]);
}

/** @throws {ShapeError} If positions reach beyond the sequence. */
function range(positions: ForwardOptions["positions"], n: number): readonly [from: number, to: number] {
  if (positions === undefined || positions === "all") return [0, n];
  if (positions === "last") return [n - 1, n];
  const [from, to] = positions;
  if (!(from >= 0 && from < to && to <= n && Number.isInteger(from) && Number.isInteger(to))) {
    throw new ShapeError(
      `Cannot give positions ${show(from)} to ${show(to)} of ${n}: expected whole numbers 0 <= from < to <= ${n}`,
    );
  }
  return positions;
}

/** @throws {ShapeError} For rows of one token. */
function checkTargets(n: number): void {
  if (n < 2) throw new ShapeError("Cannot take the loss of rows of one token: there is no target; give at least two");
}

function checkLogitsSize(b: number, n: number, numTokens: number): void {
  const bytes = 4 * b * n * numTokens;
  if (bytes < MAX_TENSOR_BYTES) return;
  throw new OutOfMemoryError(
    `Cannot hold the logits of ${b} × ${n} positions over ${numTokens} tokens, ${(bytes / 2 ** 30).toFixed(1)} GiB: ` +
      `ask for fewer with positions ("last" or [from, to]), or use loss() or score(), which never hold them`,
  );
}
