/**
 * What is seen of one run from outside: the time of each stage, and the memory at its end.
 *
 * @module
 */

import { type ProcessMemory, readMemory, resetPeaks } from "./memory.ts";

/** The stages of `programs/measure.js`, in their order. */
export const STAGES = ["empty", "imported", "engine", "tokenizer", "loaded", "token"] as const;

/** A stage's name. */
export type StageName = typeof STAGES[number];

/** The end of a stage. */
export interface Stage extends ProcessMemory {
  /** Milliseconds that it took; the first is where time begins. */
  readonly milliseconds: number;
}

/** What a run says of itself at its end. */
export interface Found {
  /** The first token. */
  readonly text: string;
  readonly parameters: number;
  readonly threads: number;
  /** Bytes of the engine's tensors, at the end and at most. */
  readonly bytesInUse: number;
  readonly peakBytes: number;
}

/** A run. */
export interface Run {
  readonly stages: ReadonlyMap<StageName, Stage>;
  readonly found: Found;
}

/**
 * Watches one run.
 *
 * @param commandLine What the command lines of the host's processes match.
 * @param start Starts a run that tells this URL its stages, and waits for its end.
 * @throws {Error} If the run ends before its last stage.
 */
export async function watchRun(commandLine: RegExp, start: (url: string) => Promise<void>): Promise<Run> {
  const stages = new Map<StageName, Stage>();
  let found: Found | undefined;
  let last: number | undefined;
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, async (request) => {
    const now = performance.now();
    const path = new URL(request.url).pathname;
    const name = STAGES.find((stage) => path === `/${stage}`);
    if (name === undefined) return new Response(null, { status: 404 });
    const said: Found = await request.json();
    if (name === "empty") resetPeaks(commandLine);
    if (name === "token") found = said;
    stages.set(name, { milliseconds: now - (last ?? now), ...readMemory(commandLine) });
    last = performance.now();
    return new Response("", { headers: { "access-control-allow-origin": "*" } });
  });
  try {
    await start(`http://127.0.0.1:${server.addr.port}/`);
  } finally {
    await server.shutdown();
  }
  if (found === undefined) throw new Error("Cannot measure a run: it ended before its first token");
  return { stages, found };
}

/** Milliseconds from the import to the first token. */
export function timeOf({ stages }: Run): number {
  return STAGES.slice(1).reduce((sum, name) => sum + (stages.get(name)?.milliseconds ?? NaN), 0);
}

/** The most bytes that were resident. */
export function peakOf({ stages }: Run): number {
  return stages.get("token")?.peak ?? NaN;
}
