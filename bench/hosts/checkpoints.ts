/**
 * The models that hosts load: the demo's, one of GPT-2's kind, and Llamas of any depth, with random weights.
 *
 * @module
 */

import { createBackend, Llama, Random, Transformer, type WeightFormat } from "../../mod.ts";
import { EXAMPLES } from "../../tests/hosts/package/project.ts";
import { CONFIG, SEED } from "../peers/gpt.ts";

/** Tokens of the vocabulary. */
const NUM_TOKENS = 32_000;
/** Characters of a token at most. */
const MOST_CHARACTERS = 12;

/** A checkpoint, and how it is used. */
export interface Checkpoint {
  readonly model: string;
  /** Path of its folder. */
  readonly folder: string;
  /** The format in which weights are stored and held. */
  readonly format: WeightFormat;
  readonly promptTokens: number;
}

const DEMO = `${EXAMPLES}/shakespeare`;

/** The demo's model. */
export const SHAKESPEARE: Checkpoint = {
  model: "the demo's, 4.7 million",
  folder: DEMO,
  format: "q8_0",
  promptTokens: 16,
};

/** Writes the model that is compared with other engines, 58 million parameters. */
export async function writeMiddle(folder: string): Promise<Checkpoint> {
  const format = "q8_0";
  await using stack = new AsyncDisposableStack();
  const backend = stack.adopt(await createBackend("wasm"), (backend) => backend.dispose());
  const model = await Transformer.create(CONFIG, { backend, dtype: format, seed: SEED });
  await model.save(folder);
  await writeTokenizer(folder);
  return { model: "dim 512, depth 8, 58 million", folder, format, promptTokens: 16 };
}

/** Sizes of a Llama whose depth is open. */
export interface LlamaSizes {
  readonly dim: number;
  readonly inner: number;
  readonly heads: number;
  readonly kvHeads: number;
}

/** Writes a Llama of some depth, whose logits share the table of embeddings. */
export async function writeLlama(
  folder: string,
  { dim, inner, heads, kvHeads }: LlamaSizes,
  depth: number,
  format: WeightFormat,
): Promise<Checkpoint> {
  await using stack = new AsyncDisposableStack();
  const backend = stack.adopt(await createBackend("wasm"), (backend) => backend.dispose());
  const model = await Llama.create({
    vocabSize: NUM_TOKENS,
    maxPositionEmbeddings: 2048,
    hiddenSize: dim,
    intermediateSize: inner,
    numHiddenLayers: depth,
    numAttentionHeads: heads,
    numKeyValueHeads: kvHeads,
    tieWordEmbeddings: true,
  }, { backend, dtype: format, seed: SEED });
  await model.save(folder);
  await writeTokenizer(folder);
  return { model: `Llama, dim ${dim}, depth ${depth}`, folder, format, promptTokens: 256 };
}

/** Writes the demo's tokenizer with as many tokens as the models have: pairs of its tokens, and pairs of those. */
async function writeTokenizer(folder: string): Promise<void> {
  const tokenizer = JSON.parse(await Deno.readTextFile(`${DEMO}/tokenizer.json`));
  const { vocab, merges }: { vocab: Record<string, number>; merges: string[] } = tokenizer.model;
  const tokens = Object.keys(vocab);
  const random = new Random(SEED, "tokenizer");
  const draw = () => tokens[Math.floor(random.uniform() * tokens.length)] ?? "";
  while (tokens.length < NUM_TOKENS) {
    const [left, right] = [draw(), draw()];
    const token = left + right;
    if (Object.hasOwn(vocab, token) || token.length > MOST_CHARACTERS) continue;
    vocab[token] = tokens.length;
    tokens.push(token);
    merges.push(`${left} ${right}`);
  }
  await Deno.writeTextFile(`${folder}/tokenizer.json`, JSON.stringify(tokenizer));
  await Deno.copyFile(`${DEMO}/tokenizer_config.json`, `${folder}/tokenizer_config.json`);
}
