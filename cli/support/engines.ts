/**
 * Work that is done on one engine after the other.
 *
 * @module
 */

import type { Backend } from "../../mod.ts";
import type { EngineName } from "../flags/shared.ts";
import { library } from "../library.ts";
import { withEngine } from "./open.ts";

/** What an engine gave, or why it did not start. */
export type EngineOutcome<T> =
  | ({ readonly backend: "wasm" | "webgpu"; readonly description: string } & T)
  | { readonly backend: "wasm" | "webgpu"; readonly unavailable: string };

/**
 * Does something on one engine, or on all that start here.
 *
 * @throws {BackendUnavailableError} If the only one does not start.
 */
export async function onEngines<T extends object>(
  names: EngineName | "all",
  threads: number | undefined,
  use: (backend: Backend) => Promise<T>,
): Promise<EngineOutcome<T>[]> {
  const { BackendUnavailableError } = await library();
  const outcomes: EngineOutcome<T>[] = [];
  for (const name of names === "all" ? ["wasm", "webgpu"] as const : [names]) {
    try {
      outcomes.push(
        await withEngine({ backend: name, threads }, async (backend) => {
          const result = await use(backend);
          return { backend: backend.name, description: backend.info.description, ...result };
        }),
      );
    } catch (error) {
      if (name === "auto" || names !== "all" || !(error instanceof BackendUnavailableError)) throw error;
      outcomes.push({ backend: name, unavailable: error.message });
    }
  }
  return outcomes;
}
