/**
 * The comparison in a page of Chromium, whose WebGPU runs on the processor here (SwiftShader).
 *
 * @module
 */

import { fromFileUrl, toFileUrl } from "@std/path";
import { openPage } from "../peers/hosts.ts";
import type { Comparison } from "./products.ts";

/**
 * Bundles the page's script, opens the page and times all that runs there.
 *
 * @param packages URL of the peers' `node_modules/`.
 */
export async function compareInChromium(packages: string, rounds: number): Promise<Comparison> {
  const folder = await Deno.makeTempDir({ prefix: "andromeda_webgpu_" });
  try {
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["bundle", "--quiet", "--platform", "browser", "-o", `${folder}/page.mjs`, "page.ts"],
      cwd: fromFileUrl(new URL(".", import.meta.url)),
    }).output();
    if (!success) throw new Error(`Cannot bundle the page: ${new TextDecoder().decode(stderr)}`);
    const { page, origin, stop } = await openPage({ files: `${toFileUrl(folder).href}/`, packages }, [
      "--enable-unsafe-webgpu",
    ]);
    try {
      return await page.evaluate(async ([origin, rounds]): Promise<Comparison> => {
        const { run }: { run(packages: string, rounds: number): Promise<Comparison> } = await import(
          `${origin}/files/page.mjs`
        );
        return await run(`${origin}/packages/`, rounds);
      }, [origin, rounds] as const);
    } finally {
      await stop();
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
