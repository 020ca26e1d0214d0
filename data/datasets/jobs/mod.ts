/**
 * Datasets built on several machines, by jobs that workers take from a queue on Redis.
 *
 * @module
 */
export { buildByJobs, type JobOptions } from "./build_by_jobs.ts";
export { type DatasetWorkerOptions, type DatasetWorkerProgress, runDatasetWorker } from "./dataset_worker.ts";
