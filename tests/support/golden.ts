/**
 * Tests against reference data that lie in the folder `shared` beside the repository, or where the URL in GOLDEN says,
 * as pages need. Most machines don't have it: there such tests are ignored, and the runner's last line counts them.
 * With REQUIRE_GOLDEN=1 they run all the same, and fail.
 *
 * @module
 */

import { LEFT_OUT } from "./engines.ts";

const folder = new URL(Deno.env.get("GOLDEN") ?? new URL("../../../shared/", import.meta.url));

const isPresent = (await goldenFolders("")).length > 0;
const isRequired = Deno.env.get("REQUIRE_GOLDEN") === "1";

/**
 * URL of a file of reference data.
 *
 * @param path Its path within the folder, such as "golden/train/losses.json".
 * @returns The URL by which this host reads it, whether or not the file is there.
 */
export function goldenUrl(path: string): URL {
  return new URL(path, folder);
}

/** Path of a file of reference data, for tests that need a disk. */
export function goldenPath(path: string): string {
  return decodeURIComponent(goldenUrl(path).pathname);
}

/** Reads a JSON file of the reference data. */
export async function readGoldenJson<T>(path: string): Promise<T> {
  return await (await fetch(goldenUrl(path))).json();
}

/** Names of the folders in a folder of the reference data, in order; none where it is absent. */
export async function goldenFolders(path: string): Promise<string[]> {
  const url = goldenUrl(path);
  // A page's server lists them.
  if (url.protocol !== "file:") return await (await fetch(url)).json();
  try {
    const entries = await Array.fromAsync(Deno.readDir(url));
    return entries.filter(({ isDirectory }) => isDirectory).map(({ name }) => name).sort();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/**
 * A test that needs the reference data.
 *
 * @param name Its name.
 * @param fn The test.
 * @param leftOut Whether this run is too brief for it.
 */
export function goldenTest(
  name: string,
  fn: (context: Deno.TestContext) => void | Promise<void>,
  leftOut = false,
): void {
  Deno.test({
    name: name + (leftOut ? LEFT_OUT : isPresent ? "" : ` (needs the reference data of ${folder.href})`),
    ignore: leftOut || !isPresent && !isRequired,
    fn,
  });
}
