/**
 * Noise of Mesa's drivers.
 *
 * @module
 */

import process from "node:process";

/** Mesa's drivers print a line for every adapter that is asked for where this variable is missing, as in containers. */
export function keepMesaQuiet(): void {
  if (process.platform === "linux") process.env["XDG_RUNTIME_DIR"] ||= "/tmp";
}
