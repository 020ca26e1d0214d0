/**
 * A decoder that is no transformer: its hidden state is a leaky sum of token embeddings, h[t] = E[x[t]] + ½ h[t - 1],
 * and its logits are h Eᵀ. Of earlier tokens it keeps the last state, which can't go back.
 *
 * @module
 */

import type { Backend } from "../../backend/backend.ts";
import {
  type CacheUpdate,
  GenerativeModel,
  Model,
  type SequenceCache,
  type SequenceNetwork,
  type SequenceStep,
  type Tensor,
} from "../../mod.ts";
import { type Parameter, Parameters } from "../../models/network/parameters.ts";
import { normal } from "../../models/network/random.ts";

/** Share of a state that is left one token later. */
const LEAK = 0.5;
const NUM_TOKENS = 50;
const DIM = 8;

/** The state after each row's last token: [rows, 1, dim]. */
class StateCache implements SequenceCache {
  readonly canUndoSteps = false;
  lengths: number[];
  state: Tensor;

  constructor(readonly capacity: number, lengths: readonly number[], state: Tensor) {
    this.lengths = [...lengths];
    this.state = state;
  }

  get isEmpty(): boolean {
    return this.lengths.every((length) => length === 0);
  }

  commit({ state, counts }: StateUpdate): void {
    this.state.dispose();
    this.state = state;
    this.lengths = this.lengths.map((length, row) => length + counts[row]!);
  }

  canRewind(lengths: readonly number[]): boolean {
    return lengths.every((length, row) => length === this.lengths[row]);
  }

  rewind(): void {}

  fork(backend: Backend): StateCache {
    return new StateCache(this.capacity, this.lengths, backend.clone(this.state));
  }

  dispose(): void {
    this.state.dispose();
  }
}

class StateUpdate implements CacheUpdate {
  readonly kept: readonly Tensor[];

  constructor(readonly state: Tensor, readonly counts: readonly number[]) {
    this.kept = [state];
  }
}

class LeakySumNet implements SequenceNetwork<StateCache> {
  readonly numTokens = NUM_TOKENS;
  readonly maxSeqLen = Infinity;
  readonly contextDim = undefined;
  readonly prefixLength = 0;
  readonly isCausal = true;
  readonly slidingObstacle = undefined;

  constructor(readonly table: Parameter, readonly canCache: boolean) {}

  createCache(backend: Backend, rows: number, capacity: number): StateCache {
    return new StateCache(capacity, Array(rows).fill(0), backend.zeros([rows, 1, DIM], "f32"));
  }

  step(backend: Backend, tokens: Tensor, cache: StateCache, _: object, counts?: readonly number[]): SequenceStep {
    const [rows = 0, n = 0] = tokens.shape;
    const hidden = this.#scan(backend, tokens, cache.state);
    const all = backend.concat([cache.state, hidden]); // (rows, 1 + n, dim)
    const own = counts ?? Array<number>(rows).fill(n);
    const last = Int32Array.from(own, (count, row) => row * (1 + n) + count);
    const state = backend.reshape(backend.gatherRows(all, backend.tensor(last, [rows])), [rows, 1, DIM]);
    return { hidden, step: new StateUpdate(state, own) };
  }

  hidden(backend: Backend, tokens: Tensor): Tensor {
    return this.#scan(backend, tokens);
  }

  logits(backend: Backend, hidden: Tensor): Tensor {
    return backend.linear(hidden, this.table.value);
  }

  /** States after each token: (rows, n, dim). */
  #scan(backend: Backend, tokens: Tensor, state?: Tensor): Tensor {
    const x = backend.embedding(tokens, this.table.value);
    const states: Tensor[] = [];
    for (let i = 0; i < x.shape[1]!; i++) {
      const own = backend.slice(x, i, i + 1);
      state = state ? backend.add(own, state, { factor: LEAK }) : own;
      states.push(state);
    }
    return backend.concat(states);
  }
}

/** The model of it. */
export class LeakySum extends GenerativeModel<StateCache> {
  readonly modelType = "leaky_sum";
  readonly config = {};
  override readonly net: LeakySumNet;

  private constructor(canCache: boolean) {
    const parameters = new Parameters();
    super(parameters);
    this.net = new LeakySumNet(parameters.matrix("table", [NUM_TOKENS, DIM], normal(1)), canCache);
  }

  static async create(backend: Backend, canCache: boolean): Promise<LeakySum> {
    return await Model.initialize(new LeakySum(canCache), { backend, seed: 1 });
  }

  /** The most likely continuation of a text, computed on the host in float64. */
  async continuation(text: readonly number[], count: number): Promise<number[]> {
    const { backend, table } = { backend: this.backend, table: this.net.table };
    const rows = await backend.readRows(table.value, 0, NUM_TOKENS);
    const embedding = (token: number) => Array.from(rows.subarray(token * DIM, (token + 1) * DIM));
    const tokens = [...text];
    for (let i = 0; i < count; i++) {
      const state = tokens.reduce(
        (state, token) => embedding(token).map((value, j) => value + LEAK * state[j]!),
        Array<number>(DIM).fill(0),
      );
      const logits = Array.from(
        { length: NUM_TOKENS },
        (_, token) => embedding(token).reduce((sum, value, j) => sum + value * state[j]!, 0),
      );
      tokens.push(logits.indexOf(Math.max(...logits)));
    }
    return tokens.slice(text.length);
  }
}
