/**
 * What decompresses zstd, and hashes what came of it.
 *
 * @module
 */
export { Decompress } from "npm:fzstd@0.1.1";
export { default as xxhash } from "npm:xxhash-wasm@1.1.0";
