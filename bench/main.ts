/**
 * `deno task bench [name] [flags]`: runs one benchmark, or all of them, each in a process of its own.
 *
 * @module
 */

/** The benchmarks by the name of what they write to `results/`, and their files. */
const BENCHMARKS: { readonly [name: string]: string } = {
  linear: "products/linear",
  row: "products/row",
  quantized: "products/quantized",
  threads: "products/threads",
  memory64: "products/memory64",
  attention: "engine/attention",
  webgpu: "engine/webgpu",
  gpu: "gpu/main",
  fusion: "gpu/fusion",
  operations: "engine/operations",
  generation: "models/generation",
  perplexity: "models/perplexity",
  first_token: "models/first_token",
  large: "models/large",
  serving: "serving/main",
};
/**
 * Benchmarks that need more than this repository: the comparisons with other engines, hosts and tokenizers install
 * them; datasets are compared with Python's. The check has NumPy read 10 GB, a gigabyte of text takes minutes, and the
 * soak as long as it is told.
 */
const ON_REQUEST: { readonly [name: string]: string } = {
  "--peers": "peers/main",
  "peers": "peers/main",
  "hosts": "hosts/main",
  "large_check": "models/large_check",
  "soak": "models/soak",
  "datasets": "datasets/main",
  "datasets_memory": "datasets/memory",
  "tokenizers": "tokenizers/main",
};

async function run(name: string, args: readonly string[]): Promise<void> {
  const script = new URL(`${name}.ts`, import.meta.url).pathname;
  const { code } = await new Deno.Command(Deno.execPath(), { args: ["run", "-A", script, ...args] }).spawn().status;
  if (code !== 0) Deno.exit(code);
}

const [name, ...flags] = Deno.args;
const script = BENCHMARKS[name ?? ""] ?? ON_REQUEST[name ?? ""];
if (name === undefined) {
  for (const each of Object.values(BENCHMARKS)) await run(each, []);
} else if (script !== undefined) {
  await run(script, flags);
} else if (["--help", "-h"].includes(name)) {
  console.log(`deno task bench [name] [flags]\n\nAll: ${Object.keys(BENCHMARKS).join(", ")}`);
  console.log(`By name only: ${Object.keys(ON_REQUEST).join(", ")}`);
} else {
  const names = [...Object.keys(BENCHMARKS), ...Object.keys(ON_REQUEST)];
  console.error(`error: There is no benchmark ${JSON.stringify(name)}: expected one of ${names.join(", ")}`);
  Deno.exit(2);
}
