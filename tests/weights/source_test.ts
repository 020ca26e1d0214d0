import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { readAll } from "../../data/files/byte_source.ts";
import { ConfigError, WeightsError } from "../../errors.ts";
import { loadModel } from "../../models/load_model.ts";
import { HostTensor } from "../../models/weights/host_tensor.ts";
import { readSafetensors } from "../../models/weights/safetensors/read.ts";
import { saveSafetensors, writeSafetensors } from "../../models/weights/safetensors/write.ts";
import { type ModelSource, openModel } from "../../models/weights/source.ts";
import { goldenPath, goldenTest } from "../support/golden.ts";
import { counting, streamOf } from "./checkpoints.ts";

const tensors: [string, HostTensor][] = [
  ["a", HostTensor.from(counting(6), [2, 3])],
  ["b", HostTensor.from(counting(4), [4])],
];

async function inModelFolder(run: (folder: string) => Promise<void>, shardBytes?: number): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await saveSafetensors(folder, tensors, { shardBytes });
    await Deno.writeTextFile(`${folder}/config.json`, '{"model_type":"andromeda","num_tokens":7}');
    await Deno.writeTextFile(`${folder}/tokenizer.json`, "{}");
    await run(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Opens a model and reads its values. */
async function valuesOf(source: ModelSource): Promise<Record<string, number[]>> {
  const { config, weights } = await openModel(source);
  assertEquals(config["num_tokens"], 7);
  const values: Record<string, number[]> = {};
  for await (const chunk of weights.chunks()) values[chunk.name] = [...chunk.values];
  return values;
}

const expected = { a: [0, 1, 2, 3, 4, 5], b: [0, 1, 2, 3] };

for (const shardBytes of [undefined, 20]) {
  Deno.test(`a ${shardBytes === undefined ? "single" : "sharded"} model is found by path and URL`, async () => {
    await inModelFolder(async (folder) => {
      const weights = shardBytes === undefined ? "model.safetensors" : "model.safetensors.index.json";
      for (const name of ["", "/", "/config.json", `/${weights}`]) {
        assertEquals(await valuesOf(folder + name), expected);
        assertEquals(await valuesOf(`file://${folder}${name}`), expected);
        assertEquals(await valuesOf(new URL(`file://${folder}${name}`)), expected);
      }
      const model = await openModel(folder);
      const tokenizer = await model.file("tokenizer.json");
      assertEquals(tokenizer && new TextDecoder().decode(await readAll(tokenizer)), "{}");
      assertEquals(await model.file("nothing.json"), undefined);
      await model.weights.close();
    }, shardBytes);
  });
}

Deno.test("a path relative to the working folder comes before the Hub", async () => {
  await inModelFolder(async (folder) => {
    const working = Deno.cwd();
    const [, parent, name] = /^(.*)\/([^/]+)$/.exec(folder)!;
    try {
      Deno.chdir(`${parent}/..`);
      assertEquals(await valuesOf(`${parent!.split("/").at(-1)}/${name}`), expected);
    } finally {
      Deno.chdir(working);
    }
  });
});

Deno.test("a model is found in its parts", async () => {
  const file = writeSafetensors(tensors);
  const config = { num_tokens: 7 };
  for (const weights of [file, new Blob([file]), new Response(file), streamOf(file).stream]) {
    assertEquals(await valuesOf({ config, weights }), expected);
  }
  await inModelFolder(async (folder) => assertEquals(await valuesOf({ config, weights: folder }), expected));
});

Deno.test("one error says what was looked for and where", async () => {
  await inModelFolder(async (folder) => {
    const refused = async (source: ModelSource, ...says: string[]) => {
      const { message } = await assertRejects(() => openModel(source), WeightsError);
      for (const text of says) assert(message.includes(text), message);
    };
    await refused(`${folder}/nowhere`, "no such file or folder", `${folder}/nowhere`, "org/name");
    await refused(`file://${folder}/nowhere`, "no such file or folder", `${folder}/nowhere`);
    await Deno.rename(`${folder}/model.safetensors`, `${folder}/other.safetensors`);
    await refused(folder, "no model.safetensors or model.safetensors.index.json", folder);
    await Deno.writeTextFile(`${folder}/config.json`, "{");
    await refused(folder, "config.json: it is not JSON");
    await Deno.writeTextFile(`${folder}/config.json`, "[]");
    await refused(folder, "config.json: it is not a JSON object");
    await Deno.remove(`${folder}/config.json`);
    await refused(folder, "no config.json in", folder);
    await refused({ config: "x" as unknown as Record<string, unknown>, weights: new Uint8Array(8) }, "`config`");
  });
});

Deno.test("a model of more shards than a host opens files at once is read", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const many = Array.from({ length: 300 }, (_, i) => [`t${i}`, HostTensor.from(Float32Array.of(i), [1])] as const);
    await saveSafetensors(folder, many, { shardBytes: 4 });
    const limited = `ulimit -n 200; exec "$0" eval "
      const { readSafetensors } = await import(Deno.args[0]);
      const read = [...await readSafetensors(Deno.args[1])];
      console.log(read.length, read.every(([name, tensor]) => name === 't' + tensor.values()[0]));" -- "$@"`;
    const module = new URL("../../models/weights/safetensors/read.ts", import.meta.url).href;
    const { stdout, stderr } = await new Deno.Command("sh", { args: ["-c", limited, Deno.execPath(), module, folder] })
      .output();
    assertEquals(new TextDecoder().decode(stdout), "300 true\n", new TextDecoder().decode(stderr));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("an index that does not fit its files is refused", async () => {
  await inModelFolder(async (folder) => {
    const path = `${folder}/model.safetensors.index.json`;
    const { weight_map: map } = JSON.parse(await Deno.readTextFile(path));
    const refused = async (index: unknown, says: string) => {
      await Deno.writeTextFile(path, typeof index === "string" ? index : JSON.stringify(index));
      await assertRejects(() => readSafetensors(folder), WeightsError, says);
    };
    await refused("{", "not JSON");
    await refused({}, "weight_map");
    await refused({ weight_map: { a: 1 } }, "not the name of a file");
    await refused({ weight_map: { a: "../model.safetensors" } }, "not the name of a file");
    await refused({ weight_map: { a: "/etc/x.safetensors" } }, "not the name of a file");
    await refused({ weight_map: { ...map, c: "model-00003-of-00002.safetensors" } }, "which is not in");
    await refused({ weight_map: { ...map, c: map.a } }, '(1): "c"');
    await Deno.copyFile(`${folder}/${map.a}`, `${folder}/copy.safetensors`);
    await refused({ weight_map: { ...map, c: "copy.safetensors" } }, '"a" in two files');
  }, 20);
});

goldenTest("the trained checkpoint is read, and written again to the byte", async () => {
  const path = goldenPath("checkpoint/model.safetensors");
  const { config, weights } = await openModel(goldenPath("checkpoint"));
  assertEquals(config["num_tokens"], 1024);
  assertEquals(weights.tensors.get("token_emb.emb.weight")?.shape, [1024, 256]);
  assertEquals(weights.metadata["step"], "825");
  const tensors = await readSafetensors(path);
  let count = 0;
  for await (const { name, offset, values } of weights.chunks()) {
    const tensor = tensors.get(name)!.values();
    assert(values.every((value, i) => value === tensor[offset + i]), name);
    count += values.length;
  }
  assertEquals(count * 4, weights.byteLength);
  const written = writeSafetensors(tensors, { metadata: weights.metadata });
  const original = await Deno.readFile(path);
  assertEquals(written.length, original.length);
  assert(written.every((byte, i) => byte === original[i]));
});

Deno.test("a source of no kind that there is is refused by name", async () => {
  for (const source of [undefined, null, 3, new Uint8Array(8), {}]) {
    const error = await assertRejects(() => Reflect.apply(loadModel, undefined, [source]), ConfigError);
    assertMatch(
      error.message,
      /^Cannot open a model from .+: give a folder, a file, a URL, "org\/name" or \{ config, weights \}$/,
    );
  }
});
