/**
 * The stack of attention and feed-forward sublayers: encoder, decoder and cross attender are this with other plans.
 *
 * @module
 */

import type { Tensor } from "../../backend/memory.ts";
import { attentionsOf, type LayersPlan, type RotaryPlan, type SublayerPlan } from "../network/architecture.ts";
import type { Parameter, Parameters } from "../network/parameters.ts";
import { constant } from "../network/random.ts";
import { Attention } from "./attention.ts";
import { FeedForward } from "./feed_forward.ts";
import { type Norm, norm } from "./norm.ts";
import type { Pass, PassInputs } from "./pass.ts";
import { declareRotary, type RotaryTables, rotaryTables } from "./rotary.ts";
import { shiftTokens } from "./shift_tokens.ts";

interface Sublayer {
  readonly plan: SublayerPlan;
  readonly parameters: Parameters;
  readonly preNorm: Norm | undefined;
  readonly branch: { forward(pass: Pass, x: Tensor, layer: number): Tensor };
  readonly branchNorm: Norm | undefined;
  readonly residualScale: Parameter | undefined;
  readonly postNorm: Norm | undefined;
}

/**
 * The sublayers; parameters `blocks.{i}.{kind}.*`, where a branch has its own, its norms `preNorm`, `branchNorm` and
 * `postNorm`, and `residualScale`; and `norm` behind them all.
 */
export class AttentionLayers {
  /** Each rotary plan, and the width of the heads that it turns. */
  readonly #rotaries: ReadonlyMap<RotaryPlan, number>;
  readonly #slopes: ReadonlySet<readonly number[]>;
  readonly #sublayers: readonly Sublayer[];
  readonly #norm: Norm | undefined;
  readonly #parameters: Parameters;

  constructor(parameters: Parameters, plan: LayersPlan) {
    this.#parameters = parameters;
    const attentions = attentionsOf(plan);
    this.#rotaries = new Map(attentions.flatMap(({ rotary, dimHead }) => rotary ? [[rotary, dimHead]] : []));
    this.#slopes = new Set(attentions.flatMap(({ slopes }) => slopes ? [slopes] : []));
    for (const rotary of this.#rotaries.keys()) declareRotary(parameters.in("rotary"), rotary);
    this.#sublayers = plan.blocks.flatMap(({ sublayers }, block) =>
      sublayers.map((each) => sublayer(parameters.in(`blocks.${block}.${each.kind}`), each, plan.dim))
    );
    this.#norm = norm(parameters.in("norm"), plan.norm, plan.dim);
  }

  /** x (b, n, dim) to hidden states of the same shape, after the final norm. */
  forward(inputs: PassInputs, x: Tensor): Tensor {
    const { backend, cache, watch } = inputs;
    const pass = this.#begin(inputs, x.shape[1] ?? 0);
    let stream = x;
    for (const [layer, sublayer] of this.#sublayers.entries()) {
      const before = stream;
      // Of a long sequence there is room for what one sublayer makes, not for what all do.
      const { out } = backend.scope(() => ({ out: run(sublayer, pass, before, layer), kept: cache?.kept }));
      if (layer > 0) before.dispose();
      stream = out;
      watch?.(`${sublayer.parameters.label} (${sublayer.plan.kind})`, stream);
    }
    if (!this.#norm) return stream;
    const normed = this.#norm.forward(backend, stream);
    watch?.(this.#parameters.in("norm").label, normed);
    return normed;
  }

  /** Makes what layers share, once for all that have the same plan. */
  #begin(inputs: PassInputs, n: number): Pass {
    const { backend, starts = [0] } = inputs;
    const rotary = new Map<RotaryPlan, RotaryTables>();
    for (const [plan, dimHead] of this.#rotaries) rotary.set(plan, rotaryTables(backend, plan, dimHead, starts, n));
    const slopes = new Map<readonly number[], Tensor>();
    for (const plan of this.#slopes) slopes.set(plan, backend.tensor(Float32Array.from(plan), [plan.length]));
    return { ...inputs, rotary, slopes };
  }
}

function sublayer(parameters: Parameters, plan: SublayerPlan, dim: number): Sublayer {
  const { kind } = plan;
  return {
    plan,
    preNorm: norm(parameters.in("preNorm"), plan.preNorm, dim),
    branchNorm: norm(parameters.in("branchNorm"), plan.branchNorm, dim),
    postNorm: norm(parameters.in("postNorm"), plan.postNorm, dim),
    branch: kind === "feedForward"
      ? new FeedForward(parameters, plan.feedForward, dim)
      : new Attention(parameters, plan.attention, kind === "selfAttention" ? "self" : "cross", dim),
    residualScale: plan.residual?.isLearned ? parameters.values("residualScale", [dim], constant(1)) : undefined,
    parameters,
  };
}

function run({ plan, branch, residualScale, ...norms }: Sublayer, pass: Pass, stream: Tensor, layer: number): Tensor {
  const { backend } = pass;
  const normed = norms.preNorm?.forward(backend, stream) ?? stream;
  const made = branch.forward(pass, shiftTokens(pass, normed, plan.kind, layer, plan.shifts), layer);
  const out = norms.branchNorm?.forward(backend, made) ?? made;
  const sum = backend.add(out, stream, { scale: residualScale?.value, factor: plan.residual?.factor });
  return norms.postNorm?.forward(backend, sum) ?? sum;
}
