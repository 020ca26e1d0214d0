/**
 * Run by tests in a process of its own: fetches "w" of org/name from a host into a cache, and prints the ETag of the
 * bytes.
 */

import { readAll } from "../../data/files/byte_source.ts";
import { fetchHubFile } from "../../data/hub/hub.ts";
import { tagOfLargeFile } from "./hub_server.ts";

const [host, cache] = Deno.args;
const source = await fetchHubFile({ repo: "org/name" }, "w", { host, cache, retryDelay: 1 });
console.log(tagOfLargeFile(await readAll(source!)));
