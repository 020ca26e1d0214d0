/**
 * Cases of files that were changed a little: for each kind of file, one that draws a file and gives what reads it.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { crc32 } from "node:zlib";
import { decodeImage } from "../../data/image/decode.ts";
import type { Draw } from "../../engine/self_test/call.ts";
import {
  AndromedaTokenizer,
  type Backend,
  createBackend,
  GPT2,
  HostTensor,
  Llama,
  loadModel,
  type ModelSource,
  PalmE,
  readSafetensors,
  Transformer,
  ViTransformerWrapper,
  writeSafetensors,
} from "../../mod.ts";
import { saveSafetensors } from "../../models/weights/safetensors/write.ts";
import { openSafetensors } from "../../models/weights/safetensors/read.ts";
import { answers, fileOf } from "../tokenizer/rust_answers.ts";
import { bertJson, byteFallbackJson, byteLevelJson } from "../tokenizer/tiny_tokenizers.ts";
import { mutateBytes, mutateJson, mutateJsonFile } from "./mutations.ts";

/** A case: bytes of its file, and what reads it. */
export interface FileCase {
  readonly size: number;
  read(): Promise<unknown>;
}

/** A kind of file. */
export interface FileKind {
  /** Draws a case. */
  draw(draw: Draw): Promise<FileCase>;
  /** Frees what the cases share. */
  close?(): Promise<void>;
}

const fixtures = new URL("../fixtures/", import.meta.url);

const tensors: [string, HostTensor][] = [
  ["layers.0.weight", HostTensor.from(Float32Array.from({ length: 64 }, (_, i) => i), [2, 32])],
  ["layers.1.weight", HostTensor.from(new Float32Array(64), [2, 32], "BF16")],
  ["norm", HostTensor.from(new Float32Array(5), [5])],
  ["empty", HostTensor.from(new Float32Array(0), [0, 3])],
];

/** A safetensors file whose header was changed, and is as long as it says. */
function withHeader(draw: Draw, file: Uint8Array): Uint8Array<ArrayBuffer> {
  const length = Number(new DataView(file.buffer, file.byteOffset).getBigUint64(0, true));
  const header: unknown = JSON.parse(new TextDecoder().decode(file.subarray(8, 8 + length)));
  const changed = new TextEncoder().encode(JSON.stringify(mutateJson(draw, header)));
  const begin = new Uint8Array(8);
  new DataView(begin.buffer).setBigUint64(0, BigInt(changed.length), true);
  return Uint8Array.from([...begin, ...changed, ...file.subarray(8 + length)]);
}

function safetensors(): Promise<FileKind> {
  const file = writeSafetensors(tensors, { metadata: { format: "pt", step: "1" } });
  return Promise.resolve({
    draw: (draw) => {
      const bytes = draw.once(2) ? withHeader(draw, file) : mutateBytes(draw, file);
      const source = draw.once(3) ? new Blob([bytes]).stream() : bytes;
      const read = async () => {
        const reader = await openSafetensors(source);
        for await (const { values } of reader.chunks()) values.at(0);
      };
      return Promise.resolve({ size: bytes.length, read });
    },
  });
}

/** A folder for the cases of a kind. */
async function inFolder(make: (folder: string) => Promise<FileKind["draw"]>): Promise<FileKind> {
  const folder = await Deno.makeTempDir();
  return { draw: await make(folder), close: () => Deno.remove(folder, { recursive: true }) };
}

function shardIndex(): Promise<FileKind> {
  return inFolder(async (folder) => {
    await saveSafetensors(folder, tensors, { shardBytes: 200 });
    const path = `${folder}/model.safetensors.index.json`;
    const index: unknown = JSON.parse(await Deno.readTextFile(path));
    return async (draw) => {
      const bytes = mutateJsonFile(draw, index);
      await Deno.writeFile(path, bytes);
      return { size: bytes.length, read: () => readSafetensors(folder) };
    };
  });
}

const TEXTS = ["hello the world", "ROMEO: 你佟 🙂 <s> a</s>", "", "\u0000\ud800 a\n\n  b", "aaaa".repeat(50)];

async function tokenizer(): Promise<FileKind> {
  const shakespeare = new URL("../../examples/shakespeare/tokenizer.json", import.meta.url);
  const files: unknown[] = [
    ...[byteLevelJson(), byteFallbackJson(), bertJson()],
    JSON.parse(await Deno.readTextFile(shakespeare)),
    ...answers.kinds.map(fileOf),
  ];
  const config = { eos_token: "</s>", pad_token: { content: "<pad>" }, model_max_length: 64 };
  return {
    draw: (draw) => {
      const bytes = mutateJsonFile(draw, draw.pick(files));
      const given = draw.once(2) ? {} : mutateJson(draw, config);
      const read = async () => {
        const tokenizer = await AndromedaTokenizer.load({ tokenizer: bytes, config: given as Record<string, unknown> });
        for (const text of TEXTS) tokenizer.decode(tokenizer.encode(text, { truncation: true, padding: true }));
        tokenizer.tokenizeTexts(TEXTS);
      };
      return Promise.resolve({ size: bytes.length, read });
    },
  };
}

/** A configuration and its weights. */
interface Parts {
  readonly config: Readonly<Record<string, unknown>>;
  readonly weights: Uint8Array;
}

/** The files of small models of every class, and of checkpoints of other libraries. */
async function smallModels(backend: Backend): Promise<Parts[]> {
  const text = { numTokens: 20, maxSeqLen: 16, dim: 32, depth: 1, heads: 2, dimHead: 16 };
  const image = { imageSize: 8, patchSize: 4, dim: 16, depth: 1, heads: 1, numClasses: 3 };
  const pair = { imageSize: 8, patchSize: 4, encoderDim: 16, encoderDepth: 1, encoderHeads: 1, numTokens: 20 };
  const makers = [
    () => Transformer.create(text, { backend }),
    () => ViTransformerWrapper.create(image, { backend }),
    () =>
      PalmE.create({ ...pair, maxSeqLen: 16, decoderDim: 16, decoderDepth: 1, decoderHeads: 1, alibiNumHeads: 1 }, {
        backend,
      }),
    () =>
      Llama.create({ vocabSize: 20, hiddenSize: 32, intermediateSize: 32, numHiddenLayers: 1, numAttentionHeads: 2 }, {
        backend,
      }),
    () => GPT2.create({ vocabSize: 20, nPositions: 16, nEmbd: 32, nLayer: 1, nHead: 2 }, { backend }),
  ];
  const parts: Parts[] = [];
  const folder = await Deno.makeTempDir();
  for (const make of makers) {
    const model = await make();
    await model.save(folder);
    model.dispose();
    parts.push(await partsIn(folder));
  }
  await Deno.remove(folder, { recursive: true });
  for (const name of ["qk-norm-2.25.5", "rotary-1.42.18"]) {
    parts.push(await partsIn(new URL(`x_transformers/${name}`, fixtures).pathname));
  }
  return parts;
}

async function partsIn(folder: string): Promise<Parts> {
  return {
    config: JSON.parse(await Deno.readTextFile(`${folder}/config.json`)),
    weights: await Deno.readFile(`${folder}/model.safetensors`),
  };
}

async function config(): Promise<FileKind> {
  const backend = await createBackend("wasm");
  const models = await smallModels(backend);
  const { bytesInUse } = backend.memory();
  return {
    draw: (draw) => {
      const { config, weights } = draw.pick(models);
      const changed = mutateJson(draw, config);
      const bytes = draw.once(4) ? mutateBytes(draw, weights) : weights;
      const use = async () => {
        const model = await loadModel({ config: changed, weights: bytes } as ModelSource, { backend });
        try {
          if (!("generate" in model) || model instanceof PalmE) return;
          await Array.fromAsync(model.generate([1, 2, 3], { maxNewTokens: 2, temperature: 0 }));
        } finally {
          model.dispose();
        }
      };
      const read = () => use().finally(() => assertEquals(backend.memory().bytesInUse, bytesInUse, "memory is left"));
      return Promise.resolve({ size: weights.length, read });
    },
    close: () => Promise.resolve(backend.dispose()),
  };
}

/** A PNG file with the checksums that its chunks should have, so that what is in them is looked at. */
function withChecksums(file: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const view = new DataView(file.buffer);
  for (let at = 8; at + 12 <= file.length;) {
    const end = at + 8 + view.getUint32(at);
    if (end + 4 > file.length) break;
    view.setUint32(end, crc32(file.subarray(at + 4, end)));
    at = end + 4;
  }
  return file;
}

async function images(ending: string): Promise<FileKind> {
  const folder = new URL("images/", fixtures);
  const names = [...Deno.readDirSync(folder)].map(({ name }) => name).filter((name) => name.endsWith(ending)).sort();
  const files = await Promise.all(names.map((name) => Deno.readFile(new URL(name, folder))));
  return {
    draw: (draw) => {
      const changed = mutateBytes(draw, draw.pick(files));
      const bytes = ending === ".png" && !draw.once(4) ? withChecksums(changed) : changed;
      return Promise.resolve({ size: bytes.length, read: () => decodeImage(bytes) });
    },
  };
}

/** The kinds of files, each with what prepares its cases. */
export const FILE_KINDS: Readonly<Record<string, () => Promise<FileKind>>> = {
  "safetensors": safetensors,
  "an index of shards": shardIndex,
  "tokenizer.json": tokenizer,
  "config.json": config,
  "PNG": () => images(".png"),
  "JPEG": () => images(".jpg"),
};
