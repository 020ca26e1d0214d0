/**
 * Starts machines: in a worker, as in pages, or in place, with as many threads as the host allows.
 *
 * @module
 */

import type { BackendOptions } from "../../backend/backend.ts";
import { BackendUnavailableError, ConfigError } from "../../errors.ts";
import { hasNodeModules } from "../../host/node.ts";
import { processors } from "../../host/processors.ts";
import { layoutOf } from "../memory/layout.ts";
import type { Candidate, ThreadPlan } from "./builds.ts";
import { Helpers } from "./helpers.ts";
import { instantiate, shareMemory } from "./instance.ts";
import { LocalMachine } from "./local_machine.ts";
import type { Machine } from "./machine.ts";
import { Reading } from "./reading.ts";
import { WorkerMachine, type WorkerParts } from "./worker_machine.ts";
import { startWorker } from "./worker_script.ts";

/** The most threads by default: with more, small steps spend more time waiting than they gain. */
const DEFAULT_THREADS = 16;
const MOST_THREADS = 64;

/**
 * The threads that were asked for, or as many as the host has if it shares memory and this thread may wait for others.
 *
 * @throws {BackendUnavailableError} If several are asked for and can't be had.
 */
export function planThreads({ threads, inWorker }: Pick<BackendOptions, "threads" | "inWorker">): ThreadPlan {
  // A page's own thread is not allowed to wait.
  const mayWait = inWorker !== false || !isPage();
  if (threads === undefined) {
    const count = canShareMemory() && mayWait ? Math.min(processors(), DEFAULT_THREADS) : 1;
    return { count, isRequired: false };
  }
  if (!Number.isInteger(threads) || threads < 1 || threads > MOST_THREADS) {
    throw new ConfigError(`Cannot compute on threads = ${threads}: give a whole number from 1 to ${MOST_THREADS}`);
  }
  if (threads > 1 && !canShareMemory()) {
    throw new BackendUnavailableError(
      `Cannot compute on ${threads} threads: this host shares no memory between them. A page must be cross-origin isolated, by ` +
        `the headers Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp; or leave out threads`,
    );
  }
  if (threads > 1 && !mayWait) {
    throw new BackendUnavailableError(
      `Cannot compute on ${threads} threads with inWorker = false: a page's own thread must not wait for others; leave ` +
        "out inWorker, or threads",
    );
  }
  return { count: threads, isRequired: true };
}

/**
 * A machine with these kernels; undefined if the host refuses what they need and the caller didn't require it.
 *
 * @throws {BackendUnavailableError} If the host refuses what the caller asked for.
 */
export async function startMachine(
  { name, isShared, compile }: Candidate,
  plan: ThreadPlan,
  { workerUrl, inWorker, readsInTurns }: Pick<BackendOptions, "workerUrl" | "inWorker" | "readsInTurns">,
): Promise<Machine | undefined> {
  const compiled = await compile();
  const threads = isShared ? plan.count : 1;
  const memory = isShared ? shareMemory(threads) : undefined;
  if (isShared && !memory) {
    if (!plan.isRequired) return undefined;
    throw new BackendUnavailableError(
      `Cannot compute on ${threads} threads: this host grants no memory that they could share`,
    );
  }
  if (inWorker ?? isPage()) {
    const isRequired = inWorker === true || (plan.isRequired && plan.count > 1);
    const machine = await startInWorker({ compiled, memory, threads, workerUrl, readsInTurns }, isRequired);
    if (machine && plan.isRequired) await orDispose(machine, machine.joined);
    if (machine || isShared) return machine;
  }
  const reading = readsInTurns === undefined ? undefined : new Reading(readsInTurns);
  const { machine, joined } = startHere({ name, compiled, threads, workerUrl, reading }, memory);
  if (plan.isRequired) await orDispose(machine, joined);
  return machine;
}

/** What machines of one engine have in common. */
interface LocalParts {
  readonly name: string;
  readonly compiled: WebAssembly.Module;
  readonly threads: number;
  readonly workerUrl: string | URL | undefined;
  readonly reading: Reading | undefined;
}

/** A machine in this thread, over a shared memory or one of its own; `joined` resolves when all helpers have joined. */
function startHere(
  parts: LocalParts,
  memory: WebAssembly.Memory | undefined,
): { machine: LocalMachine; joined: Promise<void> } {
  const { name, compiled, threads, workerUrl, reading } = parts;
  const instance = instantiate(name, compiled, memory);
  const another = () => {
    const shared = memory && shareMemory(threads);
    return memory && !shared ? undefined : startHere(parts, shared).machine;
  };
  if (!memory) return { machine: new LocalMachine(instance, { reading, another }), joined: Promise.resolve() };
  const { team } = layoutOf(instance.kernels.heapBase, threads);
  const helpers = new Helpers({ compiled, memory, team }, threads - 1, workerUrl);
  return { machine: new LocalMachine(instance, { threads, helpers, reading, another }), joined: helpers.joined };
}

/** A machine in a worker; undefined if the host may start none and none is required. */
async function startInWorker(
  parts: Omit<WorkerParts, "worker">,
  isRequired: boolean,
): Promise<WorkerMachine | undefined> {
  try {
    return await WorkerMachine.start({ ...parts, worker: await startWorker(parts.workerUrl) });
  } catch (error) {
    if (!(error instanceof BackendUnavailableError) || isRequired) throw error;
    return undefined;
  }
}

/** Waits until a machine is ready, and disposes of it if that fails. */
async function orDispose(machine: Machine, ready: Promise<void>): Promise<void> {
  try {
    await ready;
  } catch (error) {
    machine.dispose();
    throw error;
  }
}

/** Whether this host shares memory between threads. Pages must be isolated for it, and report whether they are. */
function canShareMemory(): boolean {
  const { crossOriginIsolated = true } = globalThis as { crossOriginIsolated?: boolean };
  return typeof SharedArrayBuffer === "function" && crossOriginIsolated;
}

/** Whether this thread shows a page, so that it must not be blocked. */
function isPage(): boolean {
  return "document" in globalThis && !hasNodeModules();
}
