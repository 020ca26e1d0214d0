/**
 * What writes parquet: whole files, and the parts of a page.
 *
 * @module
 */
export { ByteWriter, ParquetWriter } from "npm:hyparquet-writer@0.17.0";
export { writePageHeader } from "npm:hyparquet-writer@0.17.0/src/datapage.js";
export { deltaBinaryPack } from "npm:hyparquet-writer@0.17.0/src/delta.js";
