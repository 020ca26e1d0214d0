/**
 * What decompresses pages of parquet that are compressed otherwise than with Snappy.
 *
 * @module
 */
export { compressors } from "npm:hyparquet-compressors@1.1.2";
