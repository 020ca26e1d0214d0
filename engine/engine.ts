/**
 * What both engines are: memory and the operations of `backend/operations/`, of which each checks its arguments,
 * allocates its result and records one command. Engines differ in how they allocate and run, never in what they accept.
 *
 * @module
 */

import type { Backend } from "../backend/backend.ts";
import type { Description } from "../backend/description/operation.ts";
import { OPERATIONS, type Operations } from "../backend/operations/table.ts";
import type { SelfTestOptions, SelfTestReport } from "../backend/self_test.ts";
import { HostAccess } from "./host_access.ts";
import { methodOf } from "./method.ts";
import type { Owner, Storage } from "./tensor.ts";

/** An engine: what an implementation adds is memory and a way to run commands. */
export abstract class Engine<S extends Storage> extends HostAccess<S> implements Backend, Owner<S> {
  protected readonly owner: Owner<S> = this;

  async selfTest(options?: SelfTestOptions): Promise<SelfTestReport> {
    this.checkAlive();
    const { selfTest } = await import("./self_test/self_test.ts");
    return await selfTest(this, options);
  }
}

/** The operations, whose methods are made of their descriptions. */
export interface Engine<S extends Storage> extends Operations {}

const descriptions: Readonly<Record<string, Description>> = OPERATIONS;
for (const [op, description] of Object.entries(descriptions)) {
  Object.defineProperty(Engine.prototype, op, { value: methodOf(op, description), writable: true, configurable: true });
}
