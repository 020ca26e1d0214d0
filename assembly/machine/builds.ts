/**
 * The builds of the kernels, and which of them this host can run.
 *
 * @module
 */

import type { BackendOptions } from "../../backend/backend.ts";
import { show } from "../../common/show.ts";
import { BackendUnavailableError, ConfigError } from "../../errors.ts";

/** Threads to compute on. */
export interface ThreadPlan {
  readonly count: number;
  /** Whether the caller asked for them, so that fewer are an error. */
  readonly isRequired: boolean;
}

/** What a build needs of its host. */
interface BuildTraits {
  /** Fused multiply-add and other relaxed SIMD instructions. */
  readonly relaxed: boolean;
  /** Memory shared between threads. */
  readonly shared: boolean;
}

/** The builds of the kernels. */
export type WasmBuild = "simd" | "relaxed-simd" | "simd-shared" | "relaxed-simd-shared";

/** What each build needs. */
export const BUILDS: { readonly [build in WasmBuild]: BuildTraits } = {
  "simd": { relaxed: false, shared: false },
  "relaxed-simd": { relaxed: true, shared: false },
  "simd-shared": { relaxed: false, shared: true },
  "relaxed-simd-shared": { relaxed: true, shared: true },
};

/** Names of the builds. */
export const BUILD_NAMES: readonly WasmBuild[] = ["simd", "relaxed-simd", "simd-shared", "relaxed-simd-shared"];

/** Kernels that may be run: their name, and how to compile them. */
export interface Candidate {
  readonly name: string;
  /** Whether their memory is shared between threads. */
  readonly isShared: boolean;
  compile(): Promise<WebAssembly.Module>;
}

/** A build by its name. */
export function candidateOf(build: WasmBuild): Candidate {
  return { name: build, isShared: BUILDS[build].shared, compile: () => compileBuild(build) };
}

/**
 * The kernels that this host can run, the best first: for several threads if those are planned, then for one unless
 * several are required.
 *
 * @throws {BackendUnavailableError} If there are none.
 * @throws {ConfigError} If modules are given under names that no build has.
 */
export function candidates(given: BackendOptions["wasm"], plan: ThreadPlan): Candidate[] {
  const isThreaded = plan.count > 1;
  const simd = supportedBuilds();
  const shared = isThreaded ? simd.map((build) => `${build}-shared` as const) : [];
  const builds: WasmBuild[] = isThreaded && plan.isRequired ? shared : [...shared, ...simd];
  if (given === undefined) return builds.map(candidateOf);
  if (given instanceof WebAssembly.Module) {
    const isShared = isThreaded && plan.isRequired;
    return [{ name: "given", isShared, compile: () => Promise.resolve(given) }];
  }
  const modules = new Map<string, unknown>(Object.entries(given));
  const names = [...modules.keys()];
  const unknown = names.filter((name) => !Object.hasOwn(BUILDS, name));
  if (unknown.length > 0) {
    throw new ConfigError(`Cannot use the wasm modules ${unknown.join(", ")}: builds are ${BUILD_NAMES.join(", ")}`);
  }
  const found = builds.flatMap((name) => {
    const module = modules.get(name);
    if (module === undefined) return [];
    if (module instanceof WebAssembly.Module) return [{ ...candidateOf(name), compile: () => Promise.resolve(module) }];
    throw new ConfigError(`Cannot use ${show(module)} as the wasm module ${name}: expected a WebAssembly.Module`);
  });
  if (found.length > 0) return found;
  throw new BackendUnavailableError(
    `Cannot start the wasm backend with the modules ${names.join(", ") || "given, which are none"}: this host runs ` +
      `${builds.join(", ")}; pass one of these as options.wasm`,
  );
}

/**
 * Compiles a build from the code that comes with this module.
 *
 * @throws {BackendUnavailableError} If this host forbids it.
 */
export async function compileBuild(build: WasmBuild): Promise<WebAssembly.Module> {
  if (typeof DecompressionStream === "undefined") {
    throw new BackendUnavailableError(
      `Cannot unpack the wasm kernels on this host: it has no DecompressionStream; pass kernels that were compiled ` +
        `beforehand as options.wasm ("@andromeda/runtime/${build}.wasm")`,
    );
  }
  const { wasm } = await generated(build);
  const bytes = Uint8Array.from(atob(wasm), (character) => character.charCodeAt(0));
  const inflated = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  try {
    return await WebAssembly.compile(await new Response(inflated).arrayBuffer());
  } catch (error) {
    throw new BackendUnavailableError(
      `Cannot compile the wasm kernels (${build}) on this host: ${
        error instanceof Error ? error.message : error
      }. Where ` +
        `compiling is forbidden, import "@andromeda/runtime/${build}.wasm" (in this folder assembly/generated/${build}.wasm) as a module and pass it as options.wasm`,
      { cause: error },
    );
  }
}

/** Builds for one thread that this host can run, the best first. */
function supportedBuilds(): ("simd" | "relaxed-simd")[] {
  if (typeof WebAssembly === "undefined" || !WebAssembly.validate(SIMD_PROBE)) {
    throw new BackendUnavailableError(
      `Cannot start the wasm backend: this host has no WebAssembly ${
        typeof WebAssembly === "undefined" ? "" : "SIMD"
      }. It starts in Deno, Node from 18 on, Chrome 103, Firefox 113 and Safari 16.4, on processors with SSE4.1 or NEON`,
    );
  }
  return WebAssembly.validate(RELAXED_SIMD_PROBE) ? ["relaxed-simd", "simd"] : ["simd"];
}

/** The start of a module with one function, () → v128, whose code follows. */
const PROBE_HEAD = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 5, 1, 0x60, 0, 1, 0x7b, 3, 2, 1, 0, 10];
/** i32.const 0, i8x16.splat */
const ZEROS = [0x41, 0, 0xfd, 15];
const SIMD_PROBE = new Uint8Array([...PROBE_HEAD, 8, 1, 6, 0, ...ZEROS, 0x0b]);
/** f32x4.relaxed_madd is instruction 0x105. */
const RELAXED_SIMD_PROBE = new Uint8Array(
  [...PROBE_HEAD, 19, 1, 17, 0, ...ZEROS, ...ZEROS, ...ZEROS, 0xfd, 0x85, 2, 0x0b],
);

/** The module that carries a build; each is a file of its own, so that a page loads one. */
function generated(build: WasmBuild): Promise<{ readonly wasm: string }> {
  switch (build) {
    case "simd":
      return import("../generated/simd.ts");
    case "relaxed-simd":
      return import("../generated/relaxed-simd.ts");
    case "simd-shared":
      return import("../generated/simd-shared.ts");
    case "relaxed-simd-shared":
      return import("../generated/relaxed-simd-shared.ts");
  }
}
