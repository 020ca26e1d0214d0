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
  "generation",
  "models",
  "memory64",
  "first_token",
  "large",
];
/** The comparison with other engines, which installs them first: `--peers` or `peers`. */
const PEERS = ["--peers", "peers"];

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
} else if (PEERS.includes(name)) {
  await run("peers/main", flags);
} else {
  console.error(
    `error: There is no benchmark ${JSON.stringify(name)}: expected one of ${BENCHMARKS.join(", ")}, or --peers`,
  );
  Deno.exit(2);
}
