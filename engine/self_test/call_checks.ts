/**
 * A check of each operation by one random call.
 *
 * @module
 */

import type { HostValues } from "../reference/random_values.ts";
import { stored } from "../reference/stored.ts";
import { EngineTensor } from "../tensor.ts";
import { type Argument, type Call, Draw, invoke, place } from "./call.ts";
import { CALLS } from "./calls.ts";
import type { Check } from "./check.ts";

/** Whatever its operation: the same call for every engine. */
const SEED = 20170612;

/** Checks of every operation. */
export function callChecks(): Check[] {
  return Object.values(CALLS).map((make) => checkOf(make(new Draw(SEED))));
}

function checkOf(call: Call): Check {
  return {
    name: `${call.op}, a random call`,
    tolerance: call.tolerance,
    run(bench) {
      const placed = call.args.map((argument) => place(bench.backend, argument, (tensor) => bench.keep(tensor)));
      const result = invoke(bench.backend, call.op, placed);
      const changed = call.changes === undefined ? result : placed[call.changes];
      if (changed instanceof EngineTensor) return changed;
      throw new TypeError(`Cannot compare ${call.op}: it gave no tensor`);
    },
    expected: () => call.expected(keptOf),
  };
}

/** What an engine holds of an argument. */
function keptOf(argument: Argument): HostValues {
  if (argument.kind === "rows") return argument.values;
  if (argument.kind === "weight" || argument.kind === "cache") return stored(argument.values, argument.format);
  throw new TypeError("Cannot give an oracle its argument: it is no tensor");
}
