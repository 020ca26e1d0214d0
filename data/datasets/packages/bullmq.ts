/**
 * What hands jobs to workers by way of Redis.
 *
 * @module
 */
export { Queue, UnrecoverableError, WaitingError, Worker } from "npm:bullmq@6.7.0";
export { Redis } from "npm:ioredis@5.11.1";
