/**
 * The conventions of github.com/lucidrains/x-transformers.
 *
 * @module
 */

import type { Conventions } from "./conventions.ts";

/** What x-transformers does. */
export const xTransformers: Conventions = {
  layerNorm: { gain: "gamma", hasBias: false },
  scaleNorm: { kind: "rms", eps: 1e-12 },
  hasGainOffset: true,
  rotaryPairs: "adjacent",
  sharesQkGain: false,
  freshGateBias: 10,
  hasLogitsBias: false,
};
