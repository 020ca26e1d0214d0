/** For `deno serve`: measures when it is asked to. */

import { measure } from "./measure.js";

export default {
  async fetch(request) {
    await measure(await request.json());
    return new Response("done");
  },
};
