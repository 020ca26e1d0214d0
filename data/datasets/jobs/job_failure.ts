/**
 * Why a job has failed.
 *
 * @module
 */

import { DatasetError } from "../../../errors.ts";

/** The error that a worker was stopped by; what the queue says itself does not begin as messages do. */
export function failureOf(reason: string): DatasetError {
  const message = reason.startsWith("Cannot ") ? reason : `Cannot build by jobs: a job has failed (${reason})`;
  return new DatasetError(message);
}
