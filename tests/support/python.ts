/**
 * Tests beside Python packages: those that ANDROMEDA_PYTHON, else `python3`, can import. Most machines don't have them:
 * there such tests are ignored, and the runner's last line counts them. With REQUIRE_PYTHON=1 they run all the same,
 * and fail. `tests/support/requirements.txt` names the versions.
 *
 * @module
 */

import { assertEquals } from "@std/assert";

const python = Deno.env.get("ANDROMEDA_PYTHON") ?? "python3";
const isRequired = Deno.env.get("REQUIRE_PYTHON") === "1";

/**
 * Runs a Python script and gives what it printed as JSON.
 *
 * @param script The program's text.
 * @param args Its arguments.
 * @param input The value for its standard input, as JSON.
 * @param env Variables on top of those of this process.
 */
export async function runPython<T>(
  script: string,
  args: readonly string[] = [],
  input?: unknown,
  env: Readonly<Record<string, string>> = {},
): Promise<T> {
  const child = new Deno.Command(python, {
    args: ["-c", script, ...args],
    env,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(JSON.stringify(input ?? null)));
  await writer.close();
  const { code, stdout, stderr } = await child.output();
  assertEquals(code, 0, new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout));
}

/**
 * A test that needs Python packages.
 *
 * @param name Its name.
 * @param modules Names by which Python imports them.
 * @param fn The test.
 */
export function pythonTest(
  name: string,
  modules: readonly string[],
  fn: (context: Deno.TestContext) => void | Promise<void>,
): void {
  const isPresent = isRequired || hasModules(modules);
  Deno.test({
    name: name + (isPresent ? "" : ` (needs Python's ${modules.join(", ")})`),
    ignore: !isPresent,
    fn,
  });
}

/** Whether Python finds modules, without importing them. */
function hasModules(modules: readonly string[]): boolean {
  const script = `import importlib.util, sys; sys.exit(any(importlib.util.find_spec(m) is None for m in sys.argv[1:]))`;
  try {
    return new Deno.Command(python, { args: ["-c", script, ...modules] }).outputSync().success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
