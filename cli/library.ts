/**
 * The library, loaded when a command needs it, so that help, mistakes and completions are answered at once.
 *
 * @module
 */

/** The model that comes with the repository, but not with packages. */
export const DEMO_MODEL: URL = new URL("../examples/shakespeare/", import.meta.url);

/** Loads the library. */
export function library(): Promise<typeof import("../mod.ts")> {
  return import("../mod.ts");
}

/** Loads what builds datasets on several machines. */
export function queues(): Promise<typeof import("../data/datasets/jobs/mod.ts")> {
  return import("../data/datasets/jobs/mod.ts");
}

/** Loads what serves models. */
export function serving(): Promise<typeof import("../serve/mod.ts")> {
  return import("../serve/mod.ts");
}
