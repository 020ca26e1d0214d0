/** Bindings of Cloudflare's Workers; files are read from real ones in tests/hosts/package_test.ts. */

import { assertThrows } from "@std/assert";
import { bindingFetch, ConfigError } from "../../mod.ts";

Deno.test("what is no binding of assets, R2 or KV is refused by name", () => {
  const wrong = [undefined, null, "MODEL", {}, { get: () => {} }, { fetch: "https://model/" }];
  for (const binding of wrong) {
    assertThrows(
      () => Reflect.apply(bindingFetch, undefined, [binding]),
      ConfigError,
      "it must be a binding of static assets, R2 or KV; name one in wrangler's configuration",
    );
  }
});
