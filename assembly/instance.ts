/**
 * The kernels over a memory.
 *
 * @module
 */
import { BackendUnavailableError } from "../backend.ts";
import { BUILD_NAMES } from "./builds.ts";

/** What the kernels' wasm exports. */
export interface Kernels {
  /** Runs the records between two addresses as one of several threads, with scratch memory of the thread's own. */
  run(list: number, end: number, thread: number, threads: number, scratch: number): void;
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

/** Instantiates compiled kernels over a memory of their own. @throws {BackendUnavailableError} if they don't fit */
export async function instantiate(name: string, compiled: WebAssembly.Module): Promise<Instance> {
  const memory = new WebAssembly.Memory({ initial: INITIAL_PAGES });
  try {
    const { exports } = await WebAssembly.instantiate(compiled, { env: { memory } });
    return { memory, kernels: kernelsOf(exports) };
  } catch (error) {
    if (!(error instanceof WebAssembly.LinkError) && !(error instanceof TypeError)) throw error;
    throw new BackendUnavailableError(
      `Cannot start the wasm backend with the module "${name}": ${error.message}. It must be one of the builds ` +
        `${BUILD_NAMES.filter((build) => !build.endsWith("shared")).join(", ")} of this version`,
      { cause: error },
    );
  }
}

function kernelsOf({ run, heapBase, relaxed }: WebAssembly.Exports): Kernels {
  const isGlobal = heapBase instanceof WebAssembly.Global && relaxed instanceof WebAssembly.Global;
  if (typeof run !== "function" || !isGlobal) throw new TypeError("it does not export what the kernels do");
  return {
    run: (list, end, thread, threads, scratch) => run(list, end, thread, threads, scratch),
    heapBase: Number(heapBase.value),
    isRelaxed: Boolean(relaxed.value),
  };
}
