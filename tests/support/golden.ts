/**
 * Tests against reference data that lie in the folder `shared` beside the repository. Most machines don't have it: there such
 * tests are ignored, and the runner's last line counts them. With REQUIRE_GOLDEN=1 they run all the same, and fail.
 *
 * @module
 */

const folder = new URL("../../../shared/", import.meta.url);

const isPresent = exists(folder);
const isRequired = Deno.env.get("REQUIRE_GOLDEN") === "1";

/**
 * Path of a file of reference data.
 *
 * @param path Its path within the folder, such as "golden/train/losses.json".
 * @returns The path on this machine, whether or not the file is there.
 */
export function goldenPath(path: string): string {
  const url = new URL(path, folder);
  return decodeURIComponent(url.pathname);
}

/**
 * A test that needs the reference data.
 *
 * @param name Its name.
 * @param fn The test.
 */
export function goldenTest(name: string, fn: (context: Deno.TestContext) => void | Promise<void>): void {
  Deno.test({
    name: isPresent ? name : `${name} (needs the reference data of ${decodeURIComponent(folder.pathname)})`,
    ignore: !isPresent && !isRequired,
    fn,
  });
}

function exists(url: URL): boolean {
  try {
    return Deno.statSync(url).isDirectory;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
