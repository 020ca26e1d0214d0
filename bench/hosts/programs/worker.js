/** A Cloudflare Worker: measures when it is asked to. */

import kernels from "@andromeda/runtime/relaxed-simd.wasm";
import { measure } from "./measure.js";

export default {
  async fetch(request) {
    const settings = await request.json();
    await measure({ ...settings, engine: { ...settings.engine, wasm: kernels } });
    return new Response("done");
  },
};
