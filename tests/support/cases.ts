/**
 * Reference cases: a configuration, the weights and what PyTorch computed with them.
 *
 * @module
 */

import { assert } from "@std/assert";
import type { Backend } from "../../backend/backend.ts";
import { Andromeda, type AnyModel, loadModel, readSafetensors } from "../../mod.ts";
import type { HostTensor } from "../../models/weights/host_tensor.ts";
import { goldenFolders, goldenUrl, readGoldenJson } from "./golden.ts";

/** The contents of a case beside its tensors. */
export interface CaseDescription {
  readonly model: "Andromeda" | "GPT4" | "PalmE" | "ViT" | "Decoder" | "Encoder";
  readonly config: Record<string, unknown>;
}

/** A case that was read. */
export interface GoldenCase {
  readonly description: CaseDescription;
  /** Inputs and outputs. */
  readonly io: Map<string, HostTensor>;
  /** A model with the case's weights; the caller disposes of it. */
  load(backend: Backend): Promise<AnyModel>;
}

const modelTypes = {
  Andromeda: "andromeda",
  GPT4: "gpt4",
  PalmE: "palme",
  ViT: "vit",
  Decoder: "transformer",
  Encoder: "transformer",
};

/** Names of the inference cases; none where the reference data are absent. */
export async function caseNames(): Promise<string[]> {
  return (await goldenFolders("golden/")).filter((name) => name !== "train" && name !== "sampling");
}

/** Reads a case. */
export async function readCase(name: string): Promise<GoldenCase> {
  const folder = `golden/${name}`;
  const description = await readGoldenJson<CaseDescription>(`${folder}/case.json`);
  const { layers, ...options } = description.config;
  const attnLayers = layers === "Encoder" ? { attn_layers: "encoder" } : {};
  const version = { x_transformers_version: "1.40.11" };
  const config = { model_type: modelTypes[description.model], ...version, ...options, ...attnLayers };
  return {
    description,
    io: await readSafetensors(goldenUrl(`${folder}/io.safetensors`)),
    load: (backend) => loadModel({ config, weights: goldenUrl(`${folder}/weights.safetensors`) }, { backend }),
  };
}

/** The trained checkpoint; its x-transformers was 1.40.11, which its own configuration does not say. */
export async function loadCheckpoint(backend: Backend): Promise<Andromeda> {
  const config = await readGoldenJson<Record<string, unknown>>("checkpoint/config.json");
  const version = { x_transformers_version: "1.40.11" };
  const weights = goldenUrl("checkpoint/model.safetensors");
  return await Andromeda.load({ config: { ...config, ...version }, weights }, { backend });
}

/** The ids of an int32 tensor of a case. */
export function idsOf(tensor: HostTensor): Int32Array {
  assert(tensor.dtype === "I32", `expected ids, found ${tensor.dtype}`);
  return new Int32Array(tensor.bytes.slice().buffer);
}

/** The rows of ids of an int32 tensor of a case. */
export function rowsOf(tensor: HostTensor): number[][] {
  const ids = idsOf(tensor);
  const width = tensor.shape.at(-1) ?? 1;
  return Array.from({ length: ids.length / width }, (_, row) => [...ids.subarray(row * width, (row + 1) * width)]);
}

/** Asserts that values agree with the reference within 1e-4, absolute or relative to the largest magnitude. */
export function assertAgrees(
  what: string,
  actual: Float32Array | Int32Array,
  expected: Float32Array,
  tolerance = 1e-4,
) {
  assert(actual.length === expected.length, `${what}: ${actual.length} values, expected ${expected.length}`);
  const largest = expected.reduce((max, value) => Math.max(max, Math.abs(value)), 1);
  let worst = 0;
  for (const [i, value] of expected.entries()) {
    const difference = Math.abs((actual[i] ?? NaN) - value);
    worst = difference <= worst ? worst : difference; // NaN counts as worse
  }
  assert(worst <= tolerance * largest, `${what}: off by ${worst} of ${largest}, allowed ${tolerance * largest}`);
}
