/** A folder holds the old or the new model at every moment, whatever happens to the processes that save into it. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { ConfigError, WeightsError } from "../../errors.ts";
import { HostTensor } from "../../models/weights/host_tensor.ts";
import { openSafetensors, readSafetensors } from "../../models/weights/safetensors/read.ts";
import { saveSafetensors } from "../../models/weights/safetensors/write.ts";
import { saveModel } from "../../models/weights/save.ts";
import { deno } from "../support/deno.ts";
import { counting } from "./checkpoints.ts";
import { filesOf, loadGeneration, saveGeneration } from "./saving/generations.ts";
import type { Findings } from "./saving/stop_everywhere.ts";

const here = (name: string) => fromFileUrl(new URL(`saving/${name}`, import.meta.url));

async function inFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await run(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function namesIn(folder: string): string[] {
  return [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
}

/** A process that saves into a folder until it is killed. */
class Saver implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #output: ReadableStreamDefaultReader<Uint8Array>;

  constructor(folder: string, first: number, shards: readonly number[]) {
    const args = ["run", "-A", "--quiet", here("save_forever.ts"), folder, String(first), ...shards.map(String)];
    this.#process = new Deno.Command(Deno.execPath(), { args, stdout: "piped", stderr: "inherit" }).spawn();
    this.#output = this.#process.stdout.getReader();
  }

  /** Waits until it has saved once more. */
  async saved(): Promise<void> {
    const { done } = await this.#output.read();
    assert(!done, "the process that saves has ended");
  }

  /** Kills it. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#process.status;
    await this.#output.cancel();
  }
}

Deno.test("a save that is killed or fails at any of its file operations leaves the old model or the new", async () => {
  const { code, stdout, stderr } = await deno(["run", "-A", "--quiet", here("stop_everywhere.ts")]);
  assertEquals(code, 0, stderr);
  const findings: readonly Findings[] = JSON.parse(stdout);
  assertEquals(findings.length, 6);
  for (const { name, held, faults } of findings) {
    assertEquals(faults, [], name);
    assert(held.includes(1) && held.includes(2), `${name}: ${held}`);
    // One operation makes the difference.
    if (name.endsWith("is the last")) assertEquals(held, held.toSorted(), name);
  }
});

Deno.test("a process that is killed while it saves leaves a model that loads, and nothing after the next save", async () => {
  await inFolder(async (folder) => {
    let first = 1;
    await saveGeneration(folder, { number: 0, shards: 1 });
    for (let kill = 0; kill < 8; kill++) {
      const before = await loadGeneration(folder);
      {
        await using saver = new Saver(folder, first, [1, 3, 2]);
        await saver.saved();
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 40));
      }
      const held = await loadGeneration(folder);
      assert(held > before, `${held} after ${before}`);
      first = held + 100;
      const next = { number: first - 1, shards: 2 };
      await saveGeneration(folder, next);
      assertEquals(await loadGeneration(folder), next.number);
      assertEquals(namesIn(folder), filesOf(next));
    }
  });
});

Deno.test("models that two processes save into one folder are always whole to a third that loads", async () => {
  await inFolder(async (folder) => {
    await saveGeneration(folder, { number: 0, shards: 1 });
    const seen = new Set<number>();
    {
      await using one = new Saver(folder, 1, [1, 3, 2]);
      await using other = new Saver(folder, 1_000_001, [2, 1]);
      await Promise.all([one.saved(), other.saved()]);
      for (let load = 0; seen.size < 12; load++) {
        assert(load < 20_000, `only ${[...seen]} were seen`);
        seen.add(await loadGeneration(folder));
      }
    }
    const last = { number: 7, shards: 3 };
    await saveGeneration(folder, last);
    assertEquals(await loadGeneration(folder), last.number);
    assertEquals(namesIn(folder), filesOf(last));
  });
});

Deno.test("the last of several models that are saved into one folder at once stays, whole", async () => {
  await inFolder(async (folder) => {
    for (let round = 0; round < 20; round++) {
      const all = [1, 3, 2, 1].map((shards, i) => ({ number: round * 10 + i, shards }));
      await Promise.all(all.map((generation) => saveGeneration(folder, generation)));
      const number = await loadGeneration(folder);
      const held = all.find((generation) => generation.number === number);
      assert(held !== undefined, `${number} in round ${round}`);
    }
  });
});

Deno.test("a model that is being read is read to its end, also when another has taken its place", async () => {
  await inFolder(async (folder) => {
    for (const shards of [1, 3]) {
      await saveGeneration(folder, { number: 1, shards });
      const reader = await openSafetensors(folder);
      await saveGeneration(folder, { number: 2, shards: 2 });
      for await (const { values } of reader.chunks()) assertEquals(new Set(values), new Set([1]));
      // Nothing of the old model is left to begin anew with.
      await assertRejects(() => reader.chunks().next(), WeightsError, "was replaced or removed");
    }
  });
});

Deno.test("a save removes old leftovers of killed processes, and nothing else", async () => {
  await inFolder(async (folder) => {
    const id = crypto.randomUUID();
    const old = [
      `model.safetensors.${id}.tmp`,
      `model-00002-of-00003.safetensors.${id}.tmp`,
      `model.safetensors.index.json.${id}.tmp`,
      `config.json.${id}.tmp`,
    ];
    for (const name of [...old, "notes.tmp", `tokenizer.json.${id}.tmp`]) {
      await Deno.writeTextFile(`${folder}/${name}`, "");
      Deno.utimeSync(`${folder}/${name}`, 1, 1);
    }
    const fresh = `model.safetensors.${crypto.randomUUID()}.tmp`;
    await Deno.writeTextFile(`${folder}/${fresh}`, "");
    await saveGeneration(folder, { number: 1, shards: 1 });
    const kept = ["config.json", "model.safetensors", fresh, "notes.tmp", `tokenizer.json.${id}.tmp`];
    assertEquals(namesIn(folder), kept.sort());
  });
});

Deno.test("a save that can't begin leaves no folder behind", async () => {
  await inFolder(async (folder) => {
    const failing = [["a", {
      dtype: "F32" as const,
      shape: [2],
      values: () => {
        throw new Error("no values");
      },
    }]] as const;
    await assertRejects(() => saveSafetensors(`${folder}/new/deep`, failing), Error, "no values");
    assertEquals(namesIn(folder), []);
    await Deno.mkdir(`${folder}/model.safetensors`);
    const tensors = [["a", HostTensor.from(counting(90), [90])], ["b", HostTensor.from(counting(90), [90])]] as const;
    for (const shardBytes of [undefined, 400]) {
      await assertRejects(() => saveSafetensors(folder, tensors, { shardBytes }), WeightsError, "it is a folder");
    }
    assertEquals(namesIn(folder), ["model.safetensors"]);
  });
});

Deno.test("values that are no place to save to are refused by name", async () => {
  await inFolder(async (folder) => {
    const working = Deno.cwd();
    Deno.chdir(folder);
    try {
      const save = (target: unknown) => saveModel(target as string, {}, [], [], {});
      const refusals: [unknown, string][] = [
        ["", 'Cannot save to "": it names nothing'],
        [" ", 'Cannot save to " ": it names nothing'],
        ["a\0b", 'Cannot save to "a\\u0000b": paths have no NUL'],
        ["https://example.org/x", 'Cannot save to "https://example.org/x": it is not the URL of a file'],
        [new URL("https://example.org/x"), "Cannot save to https://example.org/x: it is not the URL of a file"],
        ["file://[", "it is not the URL of a file"],
        [new URL("data:,x"), "it is not the URL of a file"],
        [undefined, "Cannot save to undefined: it is neither"],
        [7, "Cannot save to 7: it is neither"],
        [{}, "Cannot save to {}: it is neither"],
        [`${folder}/x.safetensors`, "give a folder"],
      ];
      for (const [target, message] of refusals) await assertRejects(() => save(target), ConfigError, message);
      for (const shardBytes of ["9", NaN, -1]) {
        const options = { shardBytes: shardBytes as number };
        await assertRejects(
          () => saveSafetensors("x", [], options),
          ConfigError,
          "was given",
        );
      }
      assertEquals(namesIn(folder), []);
      await saveModel(`file://${folder}/by url`, {}, [], [], {});
      assertEquals(namesIn(`${folder}/by url`), ["config.json", "model.safetensors"]);
      assertEquals((await readSafetensors(`${folder}/by url`)).size, 0);
    } finally {
      Deno.chdir(working);
    }
  });
});
