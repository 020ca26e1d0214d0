/**
 * Hosts without WebGPU, devices that run out of memory, and memory that stays on the host: each in a process of its
 * own.
 */

import { assertEquals } from "@std/assert";
import { isAvailable } from "./support.ts";

const engine = new URL("../../gpu/backend.ts", import.meta.url).href;

/** Runs a program in another Deno and gives what it writes. */
async function run(program: string, env: Record<string, string> = {}): Promise<string> {
  const source = `import { WebGpuBackend } from ${JSON.stringify(engine)};\n${program}`;
  const url = `data:application/typescript,${encodeURIComponent(source)}`;
  const config = new URL("../../deno.json", import.meta.url).pathname;
  const options = ["-A", "--no-check", "--v8-flags=--expose-gc", "-c", config];
  const command = new Deno.Command(Deno.execPath(), { args: ["run", ...options, url], env });
  const { stdout, stderr } = await command.output();
  return new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
}

const create = "try { await WebGpuBackend.create(); } catch (error) { console.log(error.name, error.message); }";

Deno.test("without an adapter the engine says what would give one", async () => {
  const output = await run(create, { VK_ICD_FILENAMES: "/nonexistent", DENO_WEBGPU_BACKEND: "vulkan" });
  assertEquals(/BackendUnavailableError.*no adapter.*mesa-vulkan-drivers.*wasm/.test(output), true, output);
});

Deno.test("without WebGPU the engine says where it exists", async () => {
  const output = await run(`delete Object.getPrototypeOf(navigator).gpu; ${create}`);
  assertEquals(/BackendUnavailableError.*no navigator\.gpu.*Deno.*wasm/.test(output), true, output);
});

Deno.test({
  name: "webgpu: memory that the device refuses gives an OutOfMemoryError, and the engine goes on",
  ignore: !isAvailable || Deno.build.os !== "linux",
  fn: async () => {
    const output = await run(`
      const backend = await WebGpuBackend.create();
      const x = backend.tensor(new Float32Array([1, 2, 3, 4]), [4]);
      await backend.activate(x, "relu").data();
      // From here on the process may not take another gigabyte, which a software adapter would allocate from.
      const size = Number(/VmSize:\\s+(\\d+)/.exec(Deno.readTextFileSync("/proc/self/status"))[1]) * 1024;
      await new Deno.Command("prlimit", { args: ["--pid", String(Deno.pid), "--as=" + (size + 2 ** 30)] }).output();
      const large = [];
      try {
        for (let i = 0; i < 40; i++) large.push(backend.zeros([2 ** 24], "f32"));
        await x.data();
        console.log("nothing was refused");
      } catch (error) {
        console.log(error.name, error.message);
      }
      for (const tensor of large) tensor.dispose();
      console.log([...await backend.add(x, x).data()].join());
      backend.dispose();
    `);
    if (output.includes("nothing was refused")) return; // a real GPU has memory of its own
    assertEquals(/OutOfMemoryError Cannot allocate a buffer of 67108864 bytes/.test(output), true, output);
    assertEquals(output.includes("2,4,6,8"), true, output);
  },
});

Deno.test({
  name: "webgpu: buffers that come and go leave nothing on the host, though what they were bound with stays",
  ignore: !isAvailable,
  fn: async () => {
    const output = await run(`
      const backend = await WebGpuBackend.create();
      const x = backend.tensor(new Float32Array(32), [1, 1, 32]);
      const positions = backend.tensor(Int32Array.of(0), [1]);
      const append = async (rounds) => {
        for (let i = 0; i < rounds; i++) {
          const cache = backend.cache([1, 1, 8, 32]);
          backend.appendCache(cache, x, positions);
          backend.flush();
          cache.dispose();
          if (i % 500 === 0) await x.data();
        }
        gc();
        return Deno.memoryUsage().heapUsed;
      };
      const before = await append(2000);
      console.log("bytes a round:", ((await append(10000)) - before) / 10000);
      backend.dispose();
    `);
    const [, bytes] = /bytes a round: (.*)/.exec(output) ?? [];
    // A key of a bind group that is left behind takes 30 for each buffer.
    assertEquals(Number(bytes) < 25, true, output);
  },
});

Deno.test({
  name: "webgpu: attention of few queries leaves no memory of the driver's behind, whatever its form",
  ignore: !isAvailable || Deno.build.os !== "linux",
  fn: async () => {
    const output = await run(`
      const backend = await WebGpuBackend.create();
      const zeros = (...shape) => backend.zeros(shape, "f32");
      for (const [queries, heads, dim] of [[4, 8, 32], [3, 8, 32], [2, 16, 64], [1, 32, 16], [4, 4, 30], [5, 8, 32]]) {
        for (const names of [["slopes"], ["slopes", "mask"], ["decay"], ["slopes", "memoryKeys", "memoryValues"]]) {
          const all = {
            slopes: zeros(heads),
            mask: backend.zeros([1, 20], "i32"),
            decay: zeros(dim),
            memoryKeys: zeros(2, 2, dim),
            memoryValues: zeros(2, 2, dim),
          };
          const positions = backend.zeros([1], "i32");
          const options = { heads, kvHeads: 2, scale: 1, causal: true, positions };
          for (const name of names) options[name] = all[name];
          const [q, k, v] = [zeros(1, queries, heads * dim), backend.cache([1, 2, 20, dim]), backend.cache([1, 2, 20, dim])];
          const attend = async (times) => {
            for (let i = 0; i < times; i++) backend.attention(q, k, v, options).dispose();
            await q.data();
            return Deno.memoryUsage().rss;
          };
          await attend(10);
          const before = await attend(10);
          const bytes = (await attend(30) - before) / 30;
          if (bytes > 400_000) console.log("left:", queries, heads, dim, names.join(), bytes);
        }
      }
      console.log("done");
      backend.dispose();
    `);
    assertEquals([output.includes("left:"), output.includes("done")], [false, true], output);
  },
});
