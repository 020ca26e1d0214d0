/**
 * Noise of Mesa's drivers.
 *
 * @module
 */

/** Mesa's drivers print a line for every adapter that is asked for where this variable is missing, as in containers. */
export function keepMesaQuiet(): void {
  if (Deno.build.os === "linux" && !Deno.env.get("XDG_RUNTIME_DIR")) Deno.env.set("XDG_RUNTIME_DIR", "/tmp");
}
