import { assert } from "@std/assert";
import fc from "fast-check";
import { WeightsError } from "../../errors.ts";
import { around, assertSame } from "./around.ts";
import { type Fault, noise, tagOfLargeFile } from "./hub_server.ts";

const SIZE = 20_000;
const bytes = noise(SIZE);
const etag = tagOfLargeFile(bytes);
const header = (name: string, ...values: string[]) => fc.record({ [name]: fc.constantFrom(...values) });

/** Leaves every wrong answer something that reveals it: the hash, or else the length. */
function withHash({ withoutLength, announce, body, headers, ...fault }: Fault): Fault {
  if (headers?.["etag"] === undefined) {
    return { ...fault, withoutLength, announce, body, headers: { etag, ...headers } };
  }
  return { ...fault, headers };
}

/** Anything that can go wrong with an answer, alone and together. */
const fault: fc.Arbitrary<Fault | undefined> = fc.option(
  fc.record({
    status: fc.option(fc.constantFrom(200, 204, 206, 302, 304, 401, 403, 404, 416, 429, 500, 503), {
      nil: undefined,
      freq: 1,
    }),
    cutAfter: fc.option(fc.nat(SIZE), { nil: undefined }),
    announce: fc.option(fc.constantFrom(-SIZE, -1, 1, 1000, 1e15), { nil: undefined, freq: 1 }),
    hangUp: fc.option(fc.constant(true), { nil: undefined, freq: 1 }),
    body: fc.option(fc.constantFrom("", "<html>", "{}", "x".repeat(SIZE)), { nil: undefined, freq: 1 })
      .map((text) => text === undefined ? undefined : new TextEncoder().encode(text)),
    coding: fc.option(fc.constantFrom("gzip", "deflate", "br", "zstd", "lzma"), { nil: undefined, freq: 1 }),
    withoutLength: fc.boolean(),
    chunked: fc.boolean(),
    headers: fc.oneof(
      fc.constant({}),
      header("content-range", "bytes 0-9/10", `bytes 5-${SIZE - 1}/${SIZE}`, "bytes */0", "x"),
      header("content-encoding", "gzip", "identity", "br, gzip", "nonsense"),
      header("location", "/", "//", "http://[", "ftp://x/"),
      header("retry-after", "0", "x", "100000"),
      header("etag", "W/x", '""', `"${"a".repeat(40)}"`, `"${"b".repeat(64)}"`),
      header("x-error-code", "RepoNotFound", "EntryNotFound", "GatedRepo"),
    ),
  }, { requiredKeys: [] }).map(withHash),
  { nil: undefined, freq: 3 },
);

for (const keeping of ["folder", "storage", "none"] as const) {
  Deno.test(`${keeping}: whatever servers do, what is kept is right, and what is wrong has a name`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fault, { maxLength: 12 }), async (faults) => {
        await around(keeping, async ({ server, fetch }) => {
          server.add("w", bytes, { etag });
          server.faults.push(...faults);
          for (let left = Infinity; left > server.faults.length;) {
            left = server.faults.length;
            const found = await fetch("w", { retries: 2, stallTimeout: 2000 }).catch((error) => error);
            // A file that is not kept is compared by its reader, because it was handed on before its end came.
            if (found instanceof Uint8Array && keeping !== "none") assertSame(found, bytes);
            else if (!(found instanceof Uint8Array) && found !== undefined) {
              assert(found instanceof WeightsError, Deno.inspect(found));
              assert(found.message.length > 30, found.message);
            }
          }
          server.faults.length = 0;
          assertSame(await fetch("w"), bytes);
          if (keeping !== "none") assertSame(await fetch("w", { offline: true }), bytes);
        });
      }),
      { numRuns: 50 },
    );
  });
}
