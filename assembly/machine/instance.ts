/**
 * The kernels over a memory.
 *
 * @module
 */

import { BackendUnavailableError } from "../../errors.ts";
import { PAGE, SCRATCH_BYTES } from "../records/constants.ts";
import { BUILD_NAMES } from "./builds.ts";

/** What the kernels' wasm exports. */
export interface Kernels {
  /** Runs the records between two addresses, together with the helpers that meet at `team` or alone. */
  run(list: number, end: number, scratch: number, team: number, isTogether: boolean): void;
  /** Helps the thread that runs lists, until the helpers are sent away. */
  help(scratch: number, team: number): void;
  /** Where memory to allocate begins. */
  readonly heapBase: number;
  /** Whether multiply and add are fused. */
  readonly isRelaxed: boolean;
}

/** Kernels and the memory that they work in. */
export interface Instance {
  readonly memory: WebAssembly.Memory;
  readonly kernels: Kernels;
}

/** Pages of a new memory; as many as the kernels' import asks for. */
const INITIAL_PAGES = 64;
/** The most pages of a 32-bit memory. */
const MOST_PAGES = 65536;
/** The smallest maximum of a shared memory: models that gain from threads need 512 MiB. */
const FEWEST_SHARED_PAGES = 8192;

/**
 * Instantiates compiled kernels over a memory, their own if none is given.
 *
 * @throws {BackendUnavailableError} If they don't fit.
 */
export function instantiate(
  name: string,
  compiled: WebAssembly.Module,
  memory: WebAssembly.Memory = new WebAssembly.Memory({ initial: INITIAL_PAGES }),
): Instance {
  try {
    const words = new Int32Array(memory.buffer);
    const sleep = (address: number, value: number): void => void Atomics.wait(words, address >> 2, value);
    const { exports } = new WebAssembly.Instance(compiled, { env: { memory, sleep } });
    return { memory, kernels: kernelsOf(exports) };
  } catch (error) {
    if (!(error instanceof WebAssembly.LinkError) && !(error instanceof TypeError)) throw error;
    const isShared = !(memory.buffer instanceof ArrayBuffer);
    throw new BackendUnavailableError(
      `Cannot start the wasm backend with the module "${name}": ${error.message}. It must be one of the builds ` +
        `${BUILD_NAMES.filter((build) => build.endsWith("shared") === isShared).join(", ")} of this version`,
      { cause: error },
    );
  }
}

/**
 * A memory for several threads; undefined if the host, which reserves the maximum, refuses even the smallest useful
 * one.
 */
export function shareMemory(threads: number): WebAssembly.Memory | undefined {
  const initial = INITIAL_PAGES + Math.ceil(threads * SCRATCH_BYTES / PAGE);
  for (let maximum = MOST_PAGES; maximum >= FEWEST_SHARED_PAGES; maximum /= 2) {
    try {
      return new WebAssembly.Memory({ initial, maximum, shared: true });
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
    }
  }
  return undefined;
}

/** Grows a memory; false if the host gives no more. */
export function tryGrow(memory: WebAssembly.Memory, pages: number): boolean {
  try {
    memory.grow(pages);
    return true;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

function kernelsOf({ run, help, heapBase, relaxed }: WebAssembly.Exports): Kernels {
  const isGlobal = heapBase instanceof WebAssembly.Global && relaxed instanceof WebAssembly.Global;
  if (typeof run !== "function" || typeof help !== "function" || !isGlobal) {
    throw new TypeError("it does not export what the kernels do");
  }
  return {
    run: (list, end, scratch, team, isTogether) => run(list, end, scratch, team, isTogether),
    help: (scratch, team) => help(scratch, team),
    heapBase: Number(heapBase.value),
    isRelaxed: Boolean(relaxed.value),
  };
}
