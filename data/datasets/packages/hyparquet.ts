/**
 * What reads parquet.
 *
 * @module
 */
export { parquetMetadataAsync, parquetReadObjects, parquetSchema } from "npm:hyparquet@1.33.0";
