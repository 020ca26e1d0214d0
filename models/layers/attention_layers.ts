/**
 * The stack of attention and feed-forward sublayers: encoder, decoder and cross attender are this with other settings.
 *
 * @module
 */

import type { Backend } from "../../backend/backend.ts";
import type { Tensor } from "../../backend/memory.ts";
import { alibiHeadsOf, type TransformerConfig } from "../config/transformer_config.ts";
import type { Parameter, Parameters } from "../network/parameters.ts";
import { constant } from "../network/random.ts";
import { alibiSlopes } from "./alibi.ts";
import { Attention } from "./attention.ts";
import { deepnormResidual } from "./deepnorm.ts";
import { FeedForward } from "./feed_forward.ts";
import { blockNorm, type Norm } from "./norm.ts";
import type { Pass } from "./pass.ts";
import { segmentShifts, shiftTokens } from "./shift_tokens.ts";

/** What a sublayer does. */
export type SublayerKind = "selfAttention" | "crossAttention" | "feedForward";

interface Sublayer {
  readonly kind: SublayerKind;
  readonly preNorm: Norm | undefined;
  readonly branch: { forward(pass: Pass, x: Tensor, layer: number): Tensor };
  readonly postBranchNorm: Norm | undefined;
  readonly residualScale: Parameter | undefined;
  readonly postMainNorm: Norm | undefined;
}

/**
 * The sublayers; parameters `layers.{i}.0.*` (norms), `layers.{i}.1` (the branch), `layers.{i}.2` (the residual),
 * `final_norm`.
 */
export class AttentionLayers {
  readonly #config: TransformerConfig;
  readonly #sublayers: readonly Sublayer[];
  readonly #finalNorm: Norm | undefined;
  /** Shifts of feature segments; empty without token shift. */
  readonly #shifts: readonly number[];

  /** @param order the sublayers of one block */
  constructor(parameters: Parameters, config: TransformerConfig, order: readonly SublayerKind[]) {
    this.#config = config;
    this.#shifts = config.shiftTokens > 0 ? segmentShifts(config) : [];
    const kinds = Array.from({ length: config.depth }, () => order).flat();
    this.#sublayers = kinds.map((kind, i) => sublayer(parameters.in(`layers.${i}`), config, kind));
    if (isPreNorm(config)) this.#finalNorm = blockNorm(parameters.in("final_norm"), config);
  }

  /** What each sublayer does, in order. */
  get kinds(): SublayerKind[] {
    return this.#sublayers.map(({ kind }) => kind);
  }

  /** x (b, n, dim) to hidden states of the same shape, after the final norm. */
  forward(pass: Pass, x: Tensor): Tensor {
    const { backend, cache } = pass;
    let stream = x;
    for (const [layer, sublayer] of this.#sublayers.entries()) {
      const before = stream;
      // Of a long sequence there is room for what one sublayer makes, not for what all do.
      const { out } = backend.scope(() => ({ out: this.#run(sublayer, pass, before, layer), kept: cache?.kept }));
      if (layer > 0) before.dispose();
      stream = out;
      pass.watch?.(`attn_layers.layers.${layer} (${sublayer.kind})`, stream);
    }
    if (!this.#finalNorm) return stream;
    const normed = this.#finalNorm.forward(backend, stream);
    pass.watch?.("attn_layers.final_norm", normed);
    return normed;
  }

  #run({ kind, branch, residualScale, ...norms }: Sublayer, pass: Pass, stream: Tensor, layer: number): Tensor {
    const { backend } = pass;
    const normed = norms.preNorm?.forward(backend, stream) ?? stream;
    const made = branch.forward(pass, this.#shift(pass, normed, kind, layer), layer);
    const out = norms.postBranchNorm?.forward(backend, made) ?? made;
    const sum = backend.add(out, stream, { scale: residualScale?.value, factor: deepnormResidual(this.#config) });
    return norms.postMainNorm?.forward(backend, sum) ?? sum;
  }

  /** Attention hides padded tokens from their neighbors; the feed forward does not know them, as in the references. */
  #shift(pass: Pass, x: Tensor, kind: SublayerKind, layer: number): Tensor {
    if (this.#shifts.length === 0) return x;
    const visible = pass.mask && kind !== "feedForward" ? pass.backend.maskRows(x, pass.mask) : x;
    return shiftTokens(pass, visible, this.#shifts, layer);
  }
}

/** ALiBi slopes of a configuration [heads], 0 for heads without; undefined without ALiBi. */
export function slopesOf(backend: Backend, config: TransformerConfig): Tensor | undefined {
  const count = alibiHeadsOf(config);
  if (count === 0) return undefined;
  const slopes = new Float32Array(config.heads);
  slopes.set(alibiSlopes(count));
  return backend.tensor(slopes, [config.heads]);
}

function isPreNorm(config: TransformerConfig): boolean {
  return config.preNorm && !config.deepnorm;
}

function sublayer(parameters: Parameters, config: TransformerConfig, kind: SublayerKind): Sublayer {
  const norm = (place: number) => blockNorm(parameters.in(`0.${place}`), config);
  const branchParameters = parameters.in(config.shiftTokens > 0 ? "1.fn" : "1");
  const hasScale = config.scaleResidual || config.deepnorm;
  return {
    kind,
    preNorm: isPreNorm(config) ? norm(0) : undefined,
    postBranchNorm: config.sandwichNorm ? norm(1) : undefined,
    postMainNorm: isPreNorm(config) ? undefined : norm(2),
    branch: kind === "feedForward"
      ? new FeedForward(branchParameters, config)
      : new Attention(branchParameters, config, kind === "selfAttention" ? "self" : "cross"),
    residualScale: hasScale ? parameters.values("2.residual_scale", [config.dim], constant(1)) : undefined,
  };
}
