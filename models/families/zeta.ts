/**
 * The conventions of github.com/kyegomez/zeta.
 *
 * @module
 */

import type { Conventions } from "./conventions.ts";

/** What zeta does. */
export const zeta: Conventions = {
  layerNorm: { gain: "weight", hasBias: true },
  scaleNorm: { kind: "length", eps: 1e-5 },
  hasGainOffset: false,
  rotaryPairs: "halves",
  sharesQkGain: true,
  freshGateBias: 1,
  hasLogitsBias: true,
};
