/**
 * `deno task bench [name] [flags]`: runs one benchmark, or all of them, each in a process of its own.
 *
 * @module
 */

/** The benchmarks: files of this folder, each of which writes `results/<name>.json`. */
const BENCHMARKS = [
  "linear",
  "quantised",
  "perplexity",
  "attention",
  "threads",
  "webgpu",
  "gpu",
  "generation",
  "memory64",
  "first_token",
  "large",
];
/**
 * What needs more than this repository, by what it is called: the comparison with other engines installs them, the
 * check has NumPy read 10 GB.
 */
const ON_REQUEST: { readonly [name: string]: string } = {
  "--peers": "peers/main",
  "peers": "peers/main",
  "large_check": "large_check",
};

async function run(name: string, args: readonly string[]): Promise<void> {
  const script = new URL(`${name}.ts`, import.meta.url).pathname;
  const { code } = await new Deno.Command(Deno.execPath(), { args: ["run", "-A", script, ...args] }).spawn().status;
  if (code !== 0) Deno.exit(code);
}

const [name, ...flags] = Deno.args;
if (name === undefined) {
  for (const each of BENCHMARKS) await run(each, []);
} else if (BENCHMARKS.includes(name)) {
  await run(name, flags);
} else if (ON_REQUEST[name] !== undefined) {
  await run(ON_REQUEST[name], flags);
} else {
  console.error(
    `error: There is no benchmark ${JSON.stringify(name)}: expected one of ${
      [...BENCHMARKS, ...Object.keys(ON_REQUEST)].join(", ")
    }`,
  );
  Deno.exit(2);
}
