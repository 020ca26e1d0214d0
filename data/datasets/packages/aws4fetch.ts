/**
 * What signs requests to S3-compatible storage.
 *
 * @module
 */
export { AwsClient } from "npm:aws4fetch@1.0.20";
