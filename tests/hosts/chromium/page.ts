/**
 * Runs test files inside a page. It replaces the part of Deno that they use: `Deno.test` gathers tests, and `Deno.env`
 * reads the page's query. The GPU engine gets the kernels that the page's query asks for.
 *
 * @module
 */

import { WebGpuBackend } from "../../../gpu/backend.ts";

/** The outcome of one test. */
export interface PageResult {
  readonly name: string;
  readonly outcome: "passed" | "failed" | "ignored";
  /** In milliseconds. */
  readonly duration: number;
  readonly error?: string;
}

interface PageTest {
  readonly name: string;
  readonly ignore?: boolean;
  readonly fn: () => void | Promise<void>;
}

const tests: PageTest[] = [];
const afterAll: (() => void | Promise<void>)[] = [];
const query = new URLSearchParams(location.search);
/** Flavors of the kernels of the engines that were started. */
const flavors = new Set<string>();

const flavor = query.get("flavor");
const create = WebGpuBackend.create.bind(WebGpuBackend);
WebGpuBackend.create = async (options = {}) => {
  const isKnown = flavor === "register" || flavor === "workgroup" || flavor === "subgroup";
  const backend = await create(isKnown ? { ...options, flavor } : options);
  flavors.add(backend.flavor);
  return backend;
};

function test(definition: PageTest | string, fn?: () => void | Promise<void>): void {
  tests.push(typeof definition === "string" ? { name: definition, fn: fn ?? (() => {}) } : definition);
}
test.afterAll = (fn: () => void | Promise<void>) => afterAll.push(fn);

Object.assign(globalThis, {
  Deno: {
    test,
    env: { get: (name: string) => query.get(name) ?? undefined },
  },
});

/**
 * Imports these modules and runs their tests, one after the other; calls `report` after each. Gives the flavors that
 * ran.
 */
async function run(modules: readonly string[], report: (result: PageResult) => Promise<void>): Promise<string[]> {
  for (const module of modules) await import(module);
  for (const test of tests) {
    const start = performance.now();
    const finish = (outcome: PageResult["outcome"], error?: unknown) =>
      report({
        name: test.name,
        outcome,
        duration: performance.now() - start,
        ...error ? { error: describe(error) } : {},
      });
    if (test.ignore) await finish("ignored");
    else await Promise.resolve().then(test.fn).then(() => finish("passed"), (error) => finish("failed", error));
  }
  for (const fn of afterAll) await fn();
  return [...flavors];
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return [error.stack ?? String(error), ...error.cause ? [`Caused by: ${describe(error.cause)}`] : []].join("\n");
}

Object.assign(globalThis, { runTests: run });
