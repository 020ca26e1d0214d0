/**
 * The backend that models share when they are given none. It is made on first use and disposed with its last user.
 *
 * @module
 */

import type { Backend } from "../backend/backend.ts";
import { createBackend } from "../create_backend.ts";

/** A backend in use; `release` must be called once. */
export interface BackendLease {
  readonly backend: Backend;
  release(): void;
}

let shared: Promise<Backend> | undefined;
let users = 0;

/** Leases a backend: the given one, which its owner disposes of, or the shared one. */
export async function leaseBackend(given: Backend | undefined): Promise<BackendLease> {
  if (given) return { backend: given, release: () => {} };
  users += 1;
  shared ??= createBackend();
  try {
    const backend = await shared;
    return { backend, release: once(() => releaseShared(backend)) };
  } catch (error) {
    users -= 1;
    shared = undefined;
    throw error;
  }
}

function releaseShared(backend: Backend): void {
  users -= 1;
  if (users > 0) return;
  shared = undefined;
  backend.dispose();
}

function once(fn: () => void): () => void {
  let isDone = false;
  return () => {
    if (isDone) return;
    isDone = true;
    fn();
  };
}
