/**
 * Whether an engine is right on this processor, adapter and driver: `Backend.selfTest`.
 *
 * @module
 */

import type { Backend } from "../../backend/backend.ts";
import type { SelfTestCheck, SelfTestOptions, SelfTestReport } from "../../backend/self_test.ts";
import { eventLoopTurn } from "../../common/event_loop.ts";
import { DisposedError } from "../../errors.ts";
import { attentionChecks } from "./attention_checks.ts";
import { callChecks } from "./call_checks.ts";
import { Bench, type Check, deviationOf } from "./check.ts";
import { joinedChecks } from "./joined_checks.ts";
import { productChecks } from "./product_checks.ts";
import { rowChecks } from "./row_checks.ts";
import { tokenChecks } from "./token_checks.ts";

/** Runs every check on an engine, one after the other, and reports what they found. */
export async function selfTest(backend: Backend, options: SelfTestOptions = {}): Promise<SelfTestReport> {
  const { signal, onProgress } = options;
  const start = performance.now();
  const all = [
    ...productChecks(),
    ...rowChecks(),
    ...attentionChecks(),
    ...joinedChecks(),
    ...tokenChecks(),
    ...callChecks(),
  ];
  const checks: SelfTestCheck[] = [];
  for (const each of all) {
    signal?.throwIfAborted();
    const check = await outcomeOf(backend, each);
    checks.push(check);
    onProgress?.({ check, done: checks.length, total: all.length });
    // Whoever else runs on this thread gets a turn.
    await eventLoopTurn();
  }
  const { description, features, threads } = backend.info;
  const host = globalThis.navigator?.userAgent ?? "unknown host";
  const ok = checks.every((check) => check.ok);
  const report = { ok, backend: description, features, threads, host, checks, milliseconds: performance.now() - start };
  return { ...report, text: textOf(report) };
}

async function outcomeOf(backend: Backend, check: Check): Promise<SelfTestCheck> {
  const { name, tolerance } = check;
  const start = performance.now();
  const taken = () => performance.now() - start;
  try {
    const deviation = await deviationOn(backend, check);
    return { name, ok: deviation <= tolerance, deviation, tolerance, milliseconds: taken() };
  } catch (error) {
    if (error instanceof DisposedError) throw error;
    const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    return { name, ok: false, deviation: NaN, tolerance, error: message, milliseconds: taken() };
  }
}

async function deviationOn(backend: Backend, check: Check): Promise<number> {
  const bench = new Bench(backend);
  let result;
  try {
    result = backend.scope(() => check.run(bench));
    const values = await result.data();
    return deviationOf(values, check.expected().data);
  } finally {
    result?.dispose();
    bench.dispose();
  }
}

function textOf(report: Omit<SelfTestReport, "text">): string {
  const { backend, features, threads, host, checks, milliseconds } = report;
  const wrong = checks.filter(({ ok }) => !ok).length;
  const summary = wrong === 0 ? `All ${checks.length} checks hold` : `${wrong} of ${checks.length} checks fail`;
  return [
    `${backend}; ${threads === 1 ? "1 thread" : `${threads} threads`}; ${
      features.join(", ") || "no optional features"
    }`,
    host,
    ...checks.map(lineOf),
    `${summary} (${(milliseconds / 1000).toFixed(1)} s)`,
  ].join("\n");
}

/** A check in a line. */
function lineOf({ name, ok, deviation, tolerance, error, milliseconds }: SelfTestCheck): string {
  const found = error ?? `off by ${deviation.toExponential(1)} of ${tolerance.toExponential(1)}`;
  return `${ok ? "ok  " : "FAIL"} ${name}: ${found} (${milliseconds.toFixed(0)} ms)`;
}
