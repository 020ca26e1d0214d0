/**
 * How much this host computes at once.
 *
 * @module
 */

import { hasNodeModules, nodeModule } from "./node.ts";

/** Processors of this host. */
export function processors(): number {
  const { navigator } = globalThis as { navigator?: { hardwareConcurrency?: number } };
  if (navigator?.hardwareConcurrency !== undefined) return navigator.hardwareConcurrency;
  // Node has had a navigator since version 21.
  if (!hasNodeModules()) return 1;
  const { availableParallelism } = nodeModule("node:os");
  return availableParallelism();
}
