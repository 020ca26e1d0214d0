/**
 * Every test of an operation or a model runs on every engine: `engineTest` registers it once for each.
 *
 * ANDROMEDA_BACKEND=wasm or webgpu narrows the matrix. WebGPU needs an adapter; where there is none its tests are ignored, and
 * the runner's last line counts them; with REQUIRE_WEBGPU=1 they run all the same, and fail.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import type { Backend } from "../../backend.ts";
import { createBackend } from "../../create_backend.ts";

/** Names of the engines. */
export type EngineName = Backend["name"];

const only = Deno.env.get("ANDROMEDA_BACKEND");
if (only !== undefined && only !== "wasm" && only !== "webgpu") {
  throw new Error(`Cannot narrow the tests to ANDROMEDA_BACKEND=${only}: use wasm or webgpu`);
}

const hasAdapter = await navigator.gpu?.requestAdapter() != null;
const isRequired = Deno.env.get("REQUIRE_WEBGPU") === "1";
const engines = (["wasm", "webgpu"] as const).filter((name) => only === undefined || name === only);

/** Calls `fn` for each engine of the matrix; `create` starts one of its own. */
export function forEachEngine(
  fn: (name: EngineName, create: () => Promise<Backend>, isAvailable: boolean) => void,
): void {
  for (const name of engines) {
    fn(name, () => createBackend(name), name === "wasm" || hasAdapter || isRequired);
  }
}

/** Engines that tests of this file share: starting one takes longer than a test. */
const shared = new Map<EngineName, Promise<Backend>>();

Deno.test.afterAll(async () => {
  for (const backend of shared.values()) (await backend).dispose();
  shared.clear();
});

/**
 * A test that runs on every engine and must leave its memory as it was.
 *
 * @param name What is tested.
 * @param fn The test. It gets a backend that the tests of a file share: dispose of tensors, not of the backend.
 * @param gpu "alone" leaves the GPU out unless ANDROMEDA_BACKEND=webgpu asks for it: for the many variants of a test, which take
 * seconds each on a software adapter.
 */
export function engineTest(
  name: string,
  fn: (backend: Backend) => void | Promise<void>,
  gpu: "always" | "alone" = "always",
): void {
  forEachEngine((engine, create, isAvailable) => {
    if (engine === "webgpu" && gpu === "alone" && only !== "webgpu") return;
    Deno.test({
      name: isAvailable ? `${engine}: ${name}` : `${engine}: ${name} (needs a WebGPU adapter)`,
      ignore: !isAvailable,
      fn: async () => {
        const backend = await (shared.get(engine) ?? remember(engine, create()));
        const { bytesInUse, tensors } = backend.memory();
        await fn(backend);
        const after = backend.memory();
        assertEquals(
          { bytesInUse: after.bytesInUse, tensors: after.tensors },
          { bytesInUse, tensors },
          "memory is left",
        );
      },
    });
  });
}

function remember(engine: EngineName, starting: Promise<Backend>): Promise<Backend> {
  shared.set(engine, starting);
  return starting;
}
