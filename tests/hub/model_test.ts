import { assert, assertEquals, assertRejects } from "@std/assert";
import type { Progress } from "../../data/files/byte_source.ts";
import type { HubOptions } from "../../data/hub/hub_options.ts";
import { WeightsError } from "../../errors.ts";
import { HostTensor } from "../../models/weights/host_tensor.ts";
import { readSafetensors } from "../../models/weights/safetensors/read.ts";
import { saveSafetensors, writeSafetensors } from "../../models/weights/safetensors/write.ts";
import { type ModelSource, openModel } from "../../models/weights/source.ts";
import { HubServer, noise } from "./hub_server.ts";

const size = 200_000;
const large = new HostTensor("F32", [size / 4 / 100, 100], noise(size));
const small = HostTensor.from(Float32Array.of(1, 2, 3), [3], "BF16");
const tensors = new Map([["large", large], ["small", small]]);

async function around(run: (server: HubServer, options: HubOptions, folder: string) => Promise<void>): Promise<void> {
  const server = new HubServer();
  const folder = await Deno.makeTempDir();
  try {
    server.add("config.json", new TextEncoder().encode('{"num_tokens":7}'));
    await run(server, { host: server.host, cache: `${folder}/cache`, retryDelay: 1 }, folder);
  } finally {
    await server.close();
    await Deno.remove(folder, { recursive: true });
  }
}

/** Adds the model's weights, whole or in shards. */
async function addWeights(server: HubServer, folder: string, shardBytes?: number): Promise<void> {
  await saveSafetensors(`${folder}/model`, tensors, { shardBytes });
  for (const { name } of Deno.readDirSync(`${folder}/model`)) {
    server.add(name, await Deno.readFile(`${folder}/model/${name}`));
  }
}

async function assertLoads(source: ModelSource, options: HubOptions): Promise<void> {
  const model = await openModel(source, options);
  assertEquals(model.config, { num_tokens: 7 });
  assertEquals([...model.weights.tensors.keys()], ["large", "small"]);
  const sums: Record<string, number> = {};
  for await (const { name, offset, values } of model.weights.chunks()) {
    const expected = tensors.get(name)!.values().subarray(offset, offset + values.length);
    assert(values.every((value, i) => Object.is(value, expected[i])), name);
    sums[name] = (sums[name] ?? 0) + values.length;
  }
  assertEquals(sums, { large: size / 4, small: 3 });
}

for (const shardBytes of [undefined, 1000]) {
  const kind = shardBytes === undefined ? "one file" : "shards";

  Deno.test(`a model in ${kind} is loaded from the hub, again from the cache, and without a network`, async () => {
    await around(async (server, options, folder) => {
      await addWeights(server, folder, shardBytes);
      await assertLoads("org/name", options);
      server.takeStatuses();
      await assertLoads({ repo: "org/name", revision: "main" }, options);
      assert(server.takeStatuses().every((status) => status === 304 || status === 404));
      await assertLoads("org/name@main", { ...options, offline: true });
      await server.close();
      await assertLoads("org/name", options);
      await assertRejects(() => openModel("org/name@v2", { ...options, retries: 0 }), WeightsError, "can't be reached");
    });
  });

  Deno.test(`progress counts all files of a model in ${kind}, those at hand too`, async () => {
    await around(async (server, options, folder) => {
      await addWeights(server, folder, shardBytes);
      const names = shardBytes === undefined ? ["large"] : ["small", "large"];
      // The second time, one file has changed.
      for (const time of [1, 2]) {
        const heard: Progress[] = [];
        const { weights } = await openModel("org/name", { ...options, onProgress: (each) => heard.push(each) });
        for await (const _ of weights.chunks());
        for (const stage of ["download", "read"]) {
          const steps = heard.filter((each) => each.stage === stage && each.file.includes("safetensors"));
          const counted = steps.map(({ whole }) => whole).filter(({ total }) => total !== undefined);
          assert(counted.length >= (time === 1 ? names.length : 1), stage);
          assert(counted.every(({ loaded }, i) => i === 0 || loaded > counted[i - 1]!.loaded), stage);
          assert(counted.every(({ total }) => total! > size));
          assertEquals(counted.at(-1)?.loaded, counted.at(-1)?.total, stage);
        }
        const last = [...server.files.keys()].findLast((path) => path.endsWith(".safetensors"))!;
        server.files.set(last, { ...server.files.get(last)!, etag: '"changed"' });
      }
    });
  });

  Deno.test(`a model in ${kind} is read from a URL or an uncached hub, whatever breaks on the way`, async () => {
    await around(async (server, options, folder) => {
      await addWeights(server, folder, shardBytes);
      const base = `${server.host}/org/name/resolve/main`;
      const weights = shardBytes === undefined ? "model.safetensors" : "model.safetensors.index.json";
      for (const source of [base, `${base}/`, new URL(base), `${base}/${weights}`, `${base}/config.json`, "org/name"]) {
        // Requests before that of the first weights: configuration, and an index, before which one file is asked for.
        const begin = shardBytes === undefined ? 1 : source.toString().endsWith("index.json") ? 2 : 3;
        server.faults.push(...Array(begin).fill(undefined), { cutAfter: 100 }, { cutAfter: 50_000 }, { hangUp: true });
        await assertLoads(source, { ...options, cache: false });
        assertEquals(server.faults.splice(0).filter((fault) => fault !== undefined), []);
      }
      assertEquals(server.requests.filter(({ status }) => status === 0).length, 6);
    });
  });
}

Deno.test("weights behind a URL that is a file are read", async () => {
  await around(async (server, options) => {
    server.files.set("/some/weights.safetensors", { bytes: writeSafetensors(tensors) });
    const read = await readSafetensors(`${server.host}/some/weights.safetensors`, options);
    assertEquals([...read.keys()], ["large", "small"]);
    const response = await fetch(`${server.host}/some/weights.safetensors`);
    assertEquals((await readSafetensors(response)).get("large")?.bytes, large.bytes);
  });
});

Deno.test("missing files are named with their place", async () => {
  await around(async (server, options) => {
    const error = await assertRejects(() => openModel("org/name", options), WeightsError);
    assert(error.message.includes("no model.safetensors or model.safetensors.index.json in org/name"), error.message);
    await assertRejects(() => openModel("org/name@v2", options), WeightsError, "no config.json in org/name@v2");
    const url = `${server.host}/else/model.safetensors`;
    await assertRejects(() => readSafetensors(url, options), WeightsError, `no model.safetensors at ${url}`);
  });
});

Deno.test("a copy that turns out to be cut off is forgotten", async () => {
  await around(async (server, options) => {
    const whole = writeSafetensors(tensors);
    server.add("model.safetensors", whole);
    server.faults.push(undefined, { announce: -1000 });
    await assertRejects(() => openModel("org/name", options), WeightsError, "describes");
    await assertLoads("org/name", options);
    server.add("config.json", new TextEncoder().encode('{"num_'));
    await assertRejects(() => openModel("org/name", options), WeightsError, "not JSON");
    server.add("config.json", new TextEncoder().encode('{"num_tokens":7}'));
    await assertLoads("org/name", { ...options });
  });
});

Deno.test("a file that becomes another one while it is read is refused", async () => {
  await around(async (server, options) => {
    server.add("model.safetensors", writeSafetensors(tensors));
    const { weights } = await openModel("org/name", { ...options, cache: false });
    for await (const _ of weights.chunks());
    server.add("model.safetensors", writeSafetensors([["large", large], ["small", large]]));
    await assertRejects(() => weights.chunks().next(), WeightsError, "became another file");
  });
});
