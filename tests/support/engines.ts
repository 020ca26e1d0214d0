/**
 * Every test of an operation or a model runs on every engine: `engineTest` registers it once for each.
 *
 * ANDROMEDA_BACKEND=wasm or webgpu narrows the matrix, and ANDROMEDA_BRIEF=1 leaves out slow tests of one engine.
 * WebGPU needs an adapter; where there is none its tests are ignored, and the runner's last line counts them; with
 * REQUIRE_WEBGPU=1 they run all the same, and fail.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import type { Backend } from "../../backend/backend.ts";
import { createBackend } from "../../create_backend.ts";

/** Names of the engines. */
export type EngineName = Backend["name"];

const only = Deno.env.get("ANDROMEDA_BACKEND");
if (only !== undefined && only !== "wasm" && only !== "webgpu") {
  throw new Error(`Cannot narrow the tests to ANDROMEDA_BACKEND=${only}: use wasm or webgpu`);
}

/** The end of the names of tests that ANDROMEDA_BRIEF=1 leaves out. */
export const LEFT_OUT = " (left out)";

const hasAdapter = await navigator.gpu?.requestAdapter() != null;
const isRequired = Deno.env.get("REQUIRE_WEBGPU") === "1";
/** Whether this run leaves out slow tests. */
export const isBrief: boolean = Deno.env.get("ANDROMEDA_BRIEF") === "1";
const engines = (["wasm", "webgpu"] as const).filter((name) => only === undefined || name === only);

/** Calls `fn` for each engine of the matrix; `create` starts one of its own. */
export function forEachEngine(
  fn: (name: EngineName, create: () => Promise<Backend>, isAvailable: boolean) => void,
): void {
  for (const name of engines) {
    fn(name, () => createBackend(name), name === "wasm" || hasAdapter || isRequired);
  }
}

/**
 * Runs in which a test takes the GPU: all of them; "slow" all but brief ones, for what takes more than three seconds on
 * a software adapter; "alone" only those where ANDROMEDA_BACKEND=webgpu asks for it, brief ones left out, for the many
 * variants of a test.
 */
export type GpuRuns = "always" | "slow" | "alone";

/** Whether this run is too brief for a test. */
export function isLeftOut(engine: EngineName, gpu: GpuRuns): boolean {
  return isBrief && engine === "webgpu" && gpu !== "always";
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
 * @param name The behavior that is tested.
 * @param fn The test. It gets a backend that the tests of a file share: dispose of tensors, not of the backend.
 * @param gpu The runs in which the GPU takes part.
 */
export function engineTest(
  name: string,
  fn: (backend: Backend) => void | Promise<void>,
  gpu: GpuRuns = "always",
): void {
  forEachEngine((engine, create, isAvailable) => {
    if (engine === "webgpu" && gpu === "alone" && only !== "webgpu") return;
    const leftOut = isLeftOut(engine, gpu);
    Deno.test({
      name: `${engine}: ${name}${leftOut ? LEFT_OUT : isAvailable ? "" : " (needs a WebGPU adapter)"}`,
      ignore: leftOut || !isAvailable,
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

/** An engine's test that needs folders, which a page does not have. */
export const folderTest: typeof engineTest = "makeTempDir" in Deno ? engineTest : () => {};

function remember(engine: EngineName, starting: Promise<Backend>): Promise<Backend> {
  shared.set(engine, starting);
  return starting;
}
