/** In a process of Deno, Node or Bun: `process.js <settings as JSON>`. */

import process from "node:process";
import { measure } from "./measure.js";

await measure(JSON.parse(process.argv[2]));
