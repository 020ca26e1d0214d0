/**
 * What x-transformers computes differently from version to version although the names in a state dict stay the same,
 * and how a checkpoint tells which version it needs: by its tensors, by an argument, or by `x_transformers_version` in
 * its configuration. Versions from 1.32.15 to 2.31.10 have been compared; kyegomez/zeta computes as the oldest of them.
 *
 * @module
 */

import { ConfigError } from "../../../errors.ts";
import type { AttentionStackConfig, TransformerConfig } from "../transformer_options.ts";

/** The newest version that this runtime has been compared with; fresh models are of this one. */
export const NEWEST = "2.31.10";

/** The oldest one. */
const OLDEST = "1.32.15";

/** The first version that does something differently from those before, in their order. */
const FIRST = {
  /** Rotary positions may turn fewer than 32 features of a head. */
  narrowRotary: "1.42.18",
  /** Values are no longer rotated by `attn_rotary_embed_values`. */
  unrotatedValues: "2.0.0",
  /** One head as wide as the model has no output projection. */
  bareHead: "2.17.0",
  /** Normalized queries and keys are each multiplied by `attn_qk_norm_scale` too, in place of learned scales. */
  cubedQkNorm: "2.17.1",
  /** Learned scales are back, and beside them the factor is that of plain attention. */
  learnedQkNorm: "2.25.5",
  /** The gate of `attn_gate_values` has no bias. */
  bareGate: "2.26.0",
  /** Tied logits are multiplied by `tie_embedding_scale`, by default dim^-0.5. */
  scaledLogits: "2.30.5",
} as const;

/** Names and shapes of a checkpoint's tensors. */
export type TensorShapes = ReadonlyMap<string, { readonly shape: readonly number[] }>;

/** A part of a configuration that has a version. */
type Versioned = Pick<AttentionStackConfig, "reference" | "xTransformersVersion">;

/** Layers, with or without what has to do with tokens. */
type AnyConfig = AttentionStackConfig & Partial<Pick<TransformerConfig, "tieEmbedding" | "tieEmbeddingScale">>;

/** How queries and keys are normalized, and by what their products are multiplied. */
export interface QkNorm {
  /** On queries and keys both. */
  readonly factor: number;
  /** On their products. */
  readonly scale: number;
  /** Whether the learned scales of `attn_qk_norm_dim_scale` take part, beyond memory keys. */
  readonly isLearned: boolean;
}

/** The formula of `attn_qk_norm`. */
export function qkNormOf(config: AttentionStackConfig): QkNorm {
  const { attnQkNormScale: scale, attnQkNormDimScale: isLearned, dimHead } = config;
  if (isBefore(config, FIRST.cubedQkNorm)) return { factor: 1, scale, isLearned };
  if (isBefore(config, FIRST.learnedQkNorm)) return { factor: scale, scale, isLearned: false };
  return { factor: 1, scale: isLearned ? dimHead ** -0.5 : scale, isLearned };
}

/** What a fresh learned scale of `attn_qk_norm_dim_scale` is. */
export function freshQkNormScale(config: AttentionStackConfig): number {
  return isBefore(config, FIRST.learnedQkNorm) ? 1 : config.dimHead ** 0.25;
}

/** The factor of logits by a tied token embedding. */
export function tiedLogitsScale(config: AnyConfig): number {
  return config.tieEmbeddingScale ?? (isBefore(config, FIRST.scaledLogits) ? 1 : config.dim ** -0.5);
}

/** Whether `attn_gate_values` adds a bias. */
export function hasGateBias(config: Versioned): boolean {
  return isBefore(config, FIRST.bareGate);
}

/** Whether attention ends in a projection. */
export function hasOutputProjection(config: Versioned & Pick<TransformerConfig, "heads">): boolean {
  return config.heads > 1 || isBefore(config, FIRST.bareHead);
}

/** The width R that rotary frequencies base^(-2i/R) are made for. */
export function rotaryWidth(config: Versioned & Pick<TransformerConfig, "dimHead" | "rotaryEmbDim">): number {
  const width = config.rotaryEmbDim ?? Math.floor(config.dimHead / 2);
  return isBefore(config, FIRST.narrowRotary) ? Math.max(width, 32) : width;
}

/** Rotated features of a head: as many as the width, or one more where that is odd. */
export function rotatedFeatures(config: Parameters<typeof rotaryWidth>[0]): number {
  return 2 * Math.ceil(rotaryWidth(config) / 2);
}

/**
 * Completes a configuration by the version that a checkpoint needs, and by what its tensors alone tell; without a
 * checkpoint, by the newest version that has the options.
 *
 * @param tensors The checkpoint's.
 * @throws {ConfigError} Where the version is needed and not told, or contradicts the tensors.
 */
export function resolveVersion<C extends AnyConfig>(what: string, config: C, tensors?: TensorShapes): C {
  const { reference, xTransformersVersion: told } = config;
  if (reference === "zeta") return { ...config, xTransformersVersion: undefined };
  const evidence = evidenceOf(config, tensors);
  if (possibleStarts(evidence).length === 0) {
    const signs = evidence.map(({ sign, from, before }) =>
      `${sign} (${from ? `from ${from} on` : `before ${before}`})`
    );
    throw new ConfigError(`Cannot configure ${what}: no version of x-transformers has all of ${signs.join(", ")}`);
  }
  if (told !== undefined) checkVersion(what, told, evidence);
  else if (tensors) refuseGuess(what, config, evidence, tensors);
  const complete = { ...config, xTransformersVersion: told ?? newestOf(evidence) };
  const [half] = (tensors && shapeOf(tensors, "rotary_pos_emb.inv_freq")) ?? [];
  const isTold = half === undefined || config.rotaryEmbDim !== undefined || rotatedFeatures(complete) === 2 * half;
  return isTold ? complete : { ...complete, rotaryEmbDim: 2 * half };
}

/** Something that only versions of an interval have. */
interface Evidence {
  readonly sign: string;
  readonly from?: string;
  readonly before?: string;
}

function evidenceOf(config: AnyConfig, tensors: TensorShapes | undefined): Evidence[] {
  const evidence: Evidence[] = [];
  if (config.rotaryEmbedValues) evidence.push({ sign: "attn_rotary_embed_values", before: FIRST.unrotatedValues });
  if (config.heads === 1 && config.dimHead !== config.dim) {
    evidence.push({ sign: "one head whose width is not the model's", before: FIRST.bareHead });
  }
  if (!tensors) return evidence;
  const [half] = shapeOf(tensors, "rotary_pos_emb.inv_freq") ?? [];
  if (half !== undefined && half < 16) {
    evidence.push({ sign: `rotary_pos_emb.inv_freq [${half}]`, from: FIRST.narrowRotary });
  }
  if (config.attnGateValues) {
    evidence.push(
      shapeOf(tensors, "to_v_gate.bias")
        ? { sign: "to_v_gate.bias", before: FIRST.bareGate }
        : { sign: "to_v_gate without a bias", from: FIRST.bareGate },
    );
  }
  if (config.heads === 1) {
    evidence.push(
      shapeOf(tensors, "to_out.weight")
        ? { sign: "to_out beside one head", before: FIRST.bareHead }
        : { sign: "one head without to_out", from: FIRST.bareHead },
    );
  }
  return evidence;
}

/** The shape of the first tensor whose name ends so. */
function shapeOf(tensors: TensorShapes, ending: string): readonly number[] | undefined {
  for (const [name, { shape }] of tensors) if (name === ending || name.endsWith(`.${ending}`)) return shape;
  return undefined;
}

function agrees(version: string, { from, before }: Evidence): boolean {
  return (from === undefined || !isOlder(version, from)) && (before === undefined || isOlder(version, before));
}

/** The first version of each stretch of versions that compute alike, as far as the evidence leaves them. */
function possibleStarts(evidence: readonly Evidence[]): string[] {
  return [OLDEST, ...Object.values(FIRST)].filter((version) => evidence.every((sign) => agrees(version, sign)));
}

function newestOf(evidence: readonly Evidence[]): string {
  const isNewest = evidence.every((sign) => agrees(NEWEST, sign));
  return isNewest ? NEWEST : possibleStarts(evidence).at(-1) ?? NEWEST;
}

/** @throws {ConfigError} Where the versions that a checkpoint may be of compute differently. */
function refuseGuess(
  what: string,
  config: AnyConfig,
  evidence: readonly Evidence[],
  tensors: TensorShapes,
): void {
  for (const { option, isAsked, formula } of questions) {
    if (!isAsked(config, tensors)) continue;
    const answers: string[] = [];
    for (const version of possibleStarts(evidence)) {
      const answer = formula({ ...config, xTransformersVersion: version });
      if (!answers.at(-1)?.endsWith(`: ${answer}`)) answers.push(`from ${version} on: ${answer}`);
    }
    if (answers.length < 2) continue;
    throw new ConfigError(
      `Cannot load ${what} with ${option}: versions of x-transformers compute it differently, ${answers.join("; ")}. ` +
        `Add "x_transformers_version" to its configuration, the version that made the checkpoint`,
    );
  }
}

/** What the tensors of a checkpoint don't tell. */
const questions: readonly {
  readonly option: string;
  readonly isAsked: (config: AnyConfig, tensors: TensorShapes) => boolean;
  readonly formula: (config: AnyConfig) => string;
}[] = [{
  option: "attn_qk_norm and no x_transformers_version",
  isAsked: ({ qkNorm, attnQkNorm }) => qkNorm && attnQkNorm,
  formula: (config) => {
    const { factor, scale, isLearned } = qkNormOf(config);
    return `q·k times ${shown(factor ** 2 * scale)}${isLearned ? " and learned scales" : ""}`;
  },
}, {
  option: "tie_embedding and neither tie_embedding_scale nor x_transformers_version",
  isAsked: ({ tieEmbedding, tieEmbeddingScale }) => tieEmbedding === true && tieEmbeddingScale === undefined,
  formula: (config) => `logits times ${shown(tiedLogitsScale(config))}`,
}, {
  option: "rotary positions and neither rotary_pos_emb.inv_freq, rotary_emb_dim nor x_transformers_version",
  isAsked: (config, tensors) =>
    (config.rotaryPosEmb || config.rotaryXpos) && !shapeOf(tensors, "rotary_pos_emb.inv_freq"),
  formula: (config) => `${rotatedFeatures(config)} rotated features`,
}];

function shown(factor: number): string {
  return String(Number(factor.toPrecision(4)));
}

/** @throws {ConfigError} Unless a version can be compared and agrees with the evidence. */
function checkVersion(what: string, version: string, evidence: readonly Evidence[]): void {
  const refuse = (rule: string) => {
    throw new ConfigError(`Cannot configure ${what} with x_transformers_version = "${version}": ${rule}`);
  };
  const [major] = parse(version) ?? [];
  const [newest = 0] = parse(NEWEST) ?? [];
  if (major === undefined) {
    refuse(`write it as Python's importlib.metadata.version("x-transformers") gives it, such as "${NEWEST}"`);
  } else if (major > newest || isOlder(version, OLDEST)) {
    refuse(`versions from ${OLDEST} to ${newest}.x are known`);
  }
  const other = evidence.find((sign) => !agrees(version, sign));
  if (!other) return;
  const { sign, from, before } = other;
  refuse(
    `${sign} is of a version ${from === undefined ? `before ${before}` : `from ${from} on`}; ` +
      "write the version that made the checkpoint",
  );
}

/** Whether a model computes as versions before `version` do. */
function isBefore({ reference, xTransformersVersion }: Versioned, version: string): boolean {
  return reference === "zeta" || isOlder(xTransformersVersion ?? NEWEST, version);
}

/** Whether a version is older than another. */
export function isOlder(version: string, other: string): boolean {
  const [a, b] = [parse(version) ?? [], parse(other) ?? []];
  const different = b.findIndex((part, i) => part !== a[i]);
  return different >= 0 && (a[different] ?? 0) < (b[different] ?? 0);
}

/** The numbers of "2.31.10", "2.31.10+cpu" or "2.32.0rc1". */
function parse(version: string): number[] | undefined {
  return /^v?(\d+)\.(\d+)\.(\d+)/.exec(version)?.slice(1).map(Number);
}
