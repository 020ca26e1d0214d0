/**
 * Saves one model after the other into a folder until it is killed: `save_forever.ts FOLDER NUMBER SHARDS [SHARDS...]`.
 * The numbers of the models begin at NUMBER, their shards take turns. Prints each number when it is saved.
 *
 * @module
 */

import { saveGeneration } from "./generations.ts";

const [folder = "", first = "0", ...shards] = Deno.args;
for (let number = Number(first);; number++) {
  await saveGeneration(folder, { number, shards: Number(shards[number % shards.length]) });
  console.log(number);
}
