/**
 * WebGPU, on whatever adapter this machine has: what a model asks of it for a prompt and for a token, counted; and
 * matrix products beside other engines on the same adapter, in Deno and in a page of Chromium. Every flavor of our
 * kernels that the adapter can run is timed, first the one that `createBackend` would choose; ratios are for that one.
 *
 *     deno task bench webgpu [--rounds 9]
 *
 * The peers are installed by npm in a temporary folder.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { toFileUrl } from "@std/path";
import { compareInChromium } from "../pages/chromium.ts";
import { countAll, printCounts } from "../pages/counts.ts";
import { PACKAGES, startJax } from "../pages/peers.ts";
import { compareAll, type Comparison, startPeers } from "../pages/products.ts";
import { install } from "../peers/install.ts";
import { writeReport } from "../support/report.ts";

async function compareInDeno(packages: string, rounds: number): Promise<Comparison> {
  const { peers, failures } = await startPeers({ "jax-js": () => startJax(packages) });
  return await compareAll(rounds, peers, failures);
}

function print(host: string, { adapter, figures, failures }: Comparison): void {
  console.log(`${host}: ${adapter}`);
  for (const { shape, name, milliseconds, gflops, ratio } of figures) {
    const label = `  ${shape.join(" × ")}  ${name}`.padEnd(38);
    const [time, speed] = [`${milliseconds.toFixed(1)} ms`.padStart(10), `${gflops.toFixed(2)} GFLOP/s`.padStart(16)];
    console.log(`${label}${time}${speed}   ours is ${ratio.toFixed(2)} × as fast`);
  }
  for (const { name, error } of failures) console.log(`  ${name} does not run here: ${error}`);
}

if (import.meta.main) {
  const args = parseArgs(Deno.args, { string: ["rounds"], default: { rounds: "9" } });
  const rounds = Number(args.rounds);
  const counts = await countAll();
  counts.forEach(printCounts);
  const packages = `${toFileUrl(await install("andromeda-webgpu-peers", PACKAGES)).href}/`;
  const deno = await compareInDeno(packages, rounds);
  print("Deno", deno);
  const chromium = await compareInChromium(packages, rounds);
  print("Chromium", chromium);
  await writeReport("webgpu", { versions: PACKAGES, counts, deno, chromium });
}
