/** The builds that are generated from the kernels, and the engine's choice among them. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { inflateRawSync } from "node:zlib";
import { WasmBackend } from "../../assembly/backend.ts";
import { compileKernels, generateModules, hashSources } from "../../assembly/build.ts";
import { BUILD_NAMES, BUILDS, compileBuild } from "../../assembly/machine/builds.ts";
import { BackendUnavailableError, ConfigError } from "../../errors.ts";

for (const build of BUILD_NAMES) {
  Deno.test(`the generated ${build} kernels are those of the sources, small, and import nothing but memory and sleep`, async () => {
    const { sources, wasm } = await import(`../../assembly/generated/${build}.ts`);
    assertEquals(sources, await hashSources(), `assembly/generated/${build}.ts is stale: run "deno task build"`);
    const bytes = await Deno.readFile(new URL(`../../assembly/generated/${build}.wasm`, import.meta.url));
    assertEquals(new Uint8Array(inflateRawSync(Uint8Array.fromBase64(wasm))), bytes);
    assert(bytes.length < 100_000, `${bytes.length} bytes`);
    const imports = WebAssembly.Module.imports(await WebAssembly.compile(bytes));
    const names = imports.map(({ module, name }) => `${module}.${name}`).sort();
    assertEquals(names, BUILDS[build].shared ? ["env.memory", "env.sleep"] : ["env.memory"]);
  });
}

Deno.test("the modules generated from the kernels' declarations are those of the sources", async () => {
  for (const [path, text] of await generateModules()) {
    const own = await Deno.readTextFile(new URL(`../../assembly/${path}`, import.meta.url));
    assertEquals(own, text, `assembly/${path} is stale: run "deno task build"`);
  }
});

Deno.test("compiling the kernels again gives the same bytes", async () => {
  const bytes = await Deno.readFile(new URL("../../assembly/generated/relaxed-simd.wasm", import.meta.url));
  assertEquals(await compileKernels("relaxed-simd"), bytes);
});

Deno.test("the engine starts on modules that were compiled beforehand", async () => {
  const modules = { "simd": await compileBuild("simd"), "relaxed-simd": await compileBuild("relaxed-simd") };
  for (
    const [wasm, features] of [
      [modules["simd"], ["simd"]],
      [modules["relaxed-simd"], ["simd", "relaxed-simd"]],
      [modules, ["simd", "relaxed-simd"]],
      [{ "simd": modules["simd"] }, ["simd"]],
    ] as const
  ) {
    const backend = await WasmBackend.create({ wasm });
    assertEquals(backend.info.features, features);
    assertEquals(backend.memory(), { bytesInUse: 0, peakBytes: backend.memory().peakBytes, tensors: 0 });
    backend.dispose();
  }
});

Deno.test("modules that can't serve are refused", async () => {
  const shared = await compileBuild("simd-shared");
  const empty = await WebAssembly.compile(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0));
  await assertRejects(() => WasmBackend.create({ wasm: empty }), BackendUnavailableError, "one of the builds simd");
  await assertRejects(() => WasmBackend.create({ wasm: shared }), BackendUnavailableError, "one of the builds simd");
  await assertRejects(
    () => WasmBackend.create({ wasm: { "simd-shared": shared }, threads: 1 }),
    BackendUnavailableError,
    "this host",
  );
  await assertRejects(() => WasmBackend.create({ wasm: {} }), BackendUnavailableError, "this host runs");
  await assertRejects(() => WasmBackend.create({ wasm: { simd128: shared } }), ConfigError, "builds are simd");
  await assertRejects(
    () => WasmBackend.create({ wasm: { simd: {} }, threads: 1 }),
    ConfigError,
    "a WebAssembly.Module",
  );
});

Deno.test("a host that forbids compiling is told what to do", async () => {
  const compile = WebAssembly.compile;
  WebAssembly.compile = () =>
    Promise.reject(new WebAssembly.CompileError("Wasm code generation disallowed by embedder"));
  try {
    await assertRejects(() => WasmBackend.create(), BackendUnavailableError, "options.wasm");
  } finally {
    WebAssembly.compile = compile;
  }
});

Deno.test("a host that can't unpack the kernels is told what to do", async () => {
  const { DecompressionStream } = globalThis;
  Reflect.set(globalThis, "DecompressionStream", undefined);
  try {
    await assertRejects(() => WasmBackend.create(), BackendUnavailableError, "it has no DecompressionStream; pass");
  } finally {
    Reflect.set(globalThis, "DecompressionStream", DecompressionStream);
  }
});

Deno.test("a host without SIMD is told what it lacks", async () => {
  const validate = WebAssembly.validate;
  WebAssembly.validate = () => false;
  try {
    await assertRejects(() => WasmBackend.create(), BackendUnavailableError, "no WebAssembly SIMD");
  } finally {
    WebAssembly.validate = validate;
  }
});

Deno.test("a host without relaxed SIMD gets plain SIMD", async () => {
  const validate = WebAssembly.validate;
  let probes = 0;
  WebAssembly.validate = () => probes++ === 0;
  try {
    const backend = await WasmBackend.create({ threads: 1 });
    assertEquals(backend.info.features, ["simd"]);
    backend.dispose();
  } finally {
    WebAssembly.validate = validate;
  }
});

Deno.test("a build that computes wrongly is passed over", async () => {
  // A build whose tiles lose a term, as with a wrong relaxed_madd.
  const wrong = await WebAssembly.compile(await withoutFusedAdd());
  const backend = await WasmBackend.create({ wasm: { "relaxed-simd": wrong, "simd": await compileBuild("simd") } });
  assertEquals(backend.info.features, ["simd"]);
  backend.dispose();
  await assertRejects(
    () => WasmBackend.create({ wasm: { "relaxed-simd": wrong } }),
    BackendUnavailableError,
    "relaxed-simd give wrong results",
  );
});

Deno.test("threads must be a whole number", async () => {
  await assertRejects(() => WasmBackend.create({ threads: 0 }), ConfigError, "threads = 0");
  await assertRejects(() => WasmBackend.create({ threads: 1.5 }), ConfigError, "threads = 1.5");
  await assertRejects(() => WasmBackend.create({ threads: 1000 }), ConfigError, "1 to 64");
});

/** The relaxed build with every f32x4.relaxed_madd turned into relaxed_nmadd, whose code differs in one byte. */
async function withoutFusedAdd(): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = await Deno.readFile(new URL("../../assembly/generated/relaxed-simd.wasm", import.meta.url));
  for (let i = 0; i + 2 < bytes.length; i++) {
    if (bytes[i] === 0xfd && bytes[i + 1] === 0x85 && bytes[i + 2] === 2) bytes[i + 1] = 0x86;
  }
  return bytes;
}
