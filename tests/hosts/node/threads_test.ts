/**
 * The CPU engine in Node, as one bundled file: on one thread and on several, and the process ends by itself. Needs
 * `node` from 20 on.
 */

import { assert, assertEquals } from "@std/assert";
import { deno } from "../../support/deno.ts";

const hasNode = await new Deno.Command("node", { args: ["--version"], stdout: "null" }).output()
  .then(({ success }) => success, () => false);

const PROGRAM = `
import { WasmBackend } from "./backend.mjs";

const results = [];
for (const options of [{ threads: 1 }, { threads: 2 }, {}]) {
  const backend = await WasmBackend.create(options);
  const weight = backend.weight([640, 640], "f32");
  const values = Float32Array.from({ length: 640 * 640 }, (_, i) => Math.sin(i));
  backend.writeRows(weight, 0, values);
  const x = backend.tensor(values.subarray(0, 64 * 640), [64, 640]);
  const bits = [];
  for (let i = 0; i < 200; i++) {
    const product = backend.scope(() => backend.linear(x, weight));
    if (i % 20 === 0) bits.push(Buffer.from((await product.data()).buffer).toString("base64"));
    else backend.flush();
    product.dispose();
  }
  results.push({ threads: backend.info.threads, bits: new Set([...bits]).size, first: bits[0] });
  // The others are left as they are.
  if (options.threads === 2) backend.dispose();
}
console.log(JSON.stringify(results));
`;

Deno.test({
  name: hasNode ? "node: threads give the same bits, and the process ends" : "node: threads (needs node)",
  ignore: !hasNode && Deno.env.get("REQUIRE_NODE") !== "1",
  async fn() {
    const folder = await Deno.makeTempDir({ prefix: "andromeda_node_" });
    try {
      const output = `${folder}/backend.mjs`;
      const bundled = await deno(["bundle", "--quiet", "--no-lock", "assembly/backend.ts", "--output", output]);
      assertEquals(bundled.code, 0, bundled.stderr);
      await Deno.writeTextFile(`${folder}/program.mjs`, PROGRAM);
      const { code, stdout, stderr } = await new Deno.Command("node", {
        args: [`${folder}/program.mjs`],
        signal: AbortSignal.timeout(60_000),
      }).output();
      assertEquals(code, 0, new TextDecoder().decode(stderr));
      const [one, two, usual] = JSON.parse(new TextDecoder().decode(stdout));
      assertEquals([one.threads, two.threads, usual.threads], [1, 2, Math.min(navigator.hardwareConcurrency, 16)]);
      assertEquals([one.bits, two.bits, usual.bits], [1, 1, 1]);
      assert(one.first === two.first && two.first === usual.first, "threads differ");
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});
